//! Profiles: what is folded from events, as opaque states beside what they are looked up by.
//!
//! Profiles have a generation. A rebuild fills one of its own while the one in use is read and written, and
//! then takes its place, in one transaction with the machines that are made of it.

use model::Ticks;
use model::machine::Machine;
use sea_query::{Expr, ExprTrait, IntoCondition, OnConflict, Order, Query};

use crate::database::{self, Row, Transaction, commit, delete, insert, select};
use crate::entities::MACHINE;
use crate::entity_rows::remove;
use crate::error::failed;
use crate::{StoreError, TenantStore};

/// How many ids one statement asks for.
const IDS_MAX: usize = 512;
/// How many rows one statement writes.
const ROWS_MAX: usize = 128;
/// How many rows of a generation that is not in use one transaction removes.
const REMOVED_MAX: u64 = 5_000;
/// How many machines are looked at at a time when a generation takes the place of another.
const MACHINES_MAX: u64 = 500;

const READ: &str = "read profiles";
const WRITE: &str = "write profiles";
const REMOVE: &str = "remove old profiles";

/// What a profile is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProfileKind {
    Machine,
    User,
    /// A user at a device.
    Logon,
    File,
    Address,
    Domain,
}

/// Which generation is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generation {
    /// The one in use at the moment of reading.
    InUse,
    Of(i64),
}

/// A profile as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRow {
    pub kind: ProfileKind,
    pub id: String,
    /// Another name by which it is looked up; several profiles can have the same.
    pub alias: Option<String>,
    pub first_seen: Ticks,
    pub last_seen: Ticks,
    pub state: Vec<u8>,
}

impl ProfileKind {
    pub const ALL: [ProfileKind; 6] = [
        ProfileKind::Machine,
        ProfileKind::User,
        ProfileKind::Logon,
        ProfileKind::File,
        ProfileKind::Address,
        ProfileKind::Domain,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ProfileKind::Machine => "machine",
            ProfileKind::User => "user",
            ProfileKind::Logon => "logon",
            ProfileKind::File => "file",
            ProfileKind::Address => "address",
            ProfileKind::Domain => "domain",
        }
    }
}

impl TenantStore {
    /// The generation in use; 0 before the first rebuild.
    pub async fn profile_generation(&self) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT generation FROM profile_generations WHERE tenant = $1";
        let query = database::query(SQL).bind(&self.key).try_map(|row: Row| row.try_get(0));
        let generation = query.fetch_optional(self.db.readers()).await;
        Ok(generation.map_err(failed("read the generation of profiles"))?.unwrap_or(0))
    }

    /// Those of the profiles that there are, in the order of ids.
    pub async fn profiles_with_ids(
        &self,
        generation: Generation,
        kind: ProfileKind,
        ids: &[&str],
    ) -> Result<Vec<ProfileRow>, StoreError> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let mut profiles = Vec::new();
        for some in ids.chunks(IDS_MAX) {
            let condition = Expr::col("id").is_in(some.iter().copied());
            let query = select(&self.profiles_where(generation, kind, condition, some.len() as u64));
            let rows = query.fetch_all(self.db.readers()).await.map_err(failed(READ))?;
            profiles.extend(rows.iter().map(|row| profile(kind, row)).collect::<Result<Vec<_>, _>>()?);
        }
        Ok(profiles)
    }

    /// The first profiles with that alias, in the order of ids.
    pub async fn profiles_with_alias(
        &self,
        generation: Generation,
        kind: ProfileKind,
        alias: &str,
        limit: u64,
    ) -> Result<Vec<ProfileRow>, StoreError> {
        let condition = Expr::col("alias").eq(alias);
        let query = select(&self.profiles_where(generation, kind, condition, limit));
        let rows = query.fetch_all(self.db.readers()).await.map_err(failed(READ))?;
        rows.iter().map(|row| profile(kind, row)).collect()
    }

    /// How many profiles of the generation in use have that alias.
    pub async fn profile_count_with_alias(&self, kind: ProfileKind, alias: &str) -> Result<u64, StoreError> {
        let mut statement = Query::select();
        statement
            .expr(Expr::col("id").count())
            .from("profiles")
            .and_where(self.is_in(Generation::InUse, kind))
            .and_where(Expr::col("alias").eq(alias));
        let query = select(&statement).try_map(|row: Row| row.try_get::<i64, _>(0));
        let count = query.fetch_one(self.db.readers()).await.map_err(failed("count profiles"))?;
        Ok(count.unsigned_abs())
    }

    /// How many profiles of each kind are in use; kinds without any are left out.
    pub async fn profile_counts(&self) -> Result<Vec<(ProfileKind, u64)>, StoreError> {
        let mut counts = Vec::new();
        for kind in ProfileKind::ALL {
            let mut statement = Query::select();
            statement
                .expr(Expr::col("id").count())
                .from("profiles")
                .and_where(self.is_in(Generation::InUse, kind));
            let query = select(&statement).try_map(|row: Row| row.try_get::<i64, _>(0));
            let count = query.fetch_one(self.db.readers()).await.map_err(failed("count profiles"))?;
            if count > 0 {
                counts.push((kind, count.unsigned_abs()));
            }
        }
        Ok(counts)
    }

    /// The first profiles of a kind with an id above `after` and below `before`, in the order of ids.
    pub async fn profiles_between(
        &self,
        generation: Generation,
        kind: ProfileKind,
        after: &str,
        before: Option<&str>,
        limit: u64,
    ) -> Result<Vec<ProfileRow>, StoreError> {
        let above = Expr::col("id").gt(after);
        let condition = match before {
            Some(before) => above.and(Expr::col("id").lt(before)),
            None => above,
        };
        let query = select(&self.profiles_where(generation, kind, condition, limit));
        let rows = query.fetch_all(self.db.readers()).await.map_err(failed(READ))?;
        rows.iter().map(|row| profile(kind, row)).collect()
    }

    /// Writes profiles of the generation in use, and the machines that are made of them, whole, and moves the
    /// follower if one is given; or does none of it. Refused as a conflict when another generation is in use by
    /// now.
    pub async fn commit_profiles(
        &self,
        generation: i64,
        profiles: &[ProfileRow],
        machines: &[Machine],
        reached: Option<(&str, i64)>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        if self.generation_in(&mut transaction).await? != generation {
            let id = generation.to_string();
            return Err(StoreError::Replaced { entity: "generation of profiles", id });
        }
        self.write_profiles(&mut transaction, generation, profiles).await?;
        self.write_machines(&mut transaction, machines).await?;
        if let Some((follower, position)) = reached {
            self.move_follower(&mut transaction, follower, position).await?;
        }
        commit(transaction, WRITE).await
    }

    /// A number for a generation that is filled beside the one in use.
    pub async fn new_profile_generation(&self) -> Result<i64, StoreError> {
        const SQL: &str = "INSERT INTO counters (tenant, name, value) VALUES ($1, 'profile_generation', 1) \
                           ON CONFLICT (tenant, name) DO UPDATE SET value = counters.value + 1 RETURNING value";
        let query = database::query(SQL).bind(&self.key).try_map(|row: Row| row.try_get(0));
        query.fetch_one(self.db.writer()).await.map_err(failed("begin a generation of profiles"))
    }

    /// Writes profiles of a generation that is not in use, whole.
    pub async fn add_profiles(&self, generation: i64, profiles: &[ProfileRow]) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        self.write_profiles(&mut transaction, generation, profiles).await?;
        commit(transaction, WRITE).await
    }

    /// Puts a generation in the place of the one in use: moves the follower to where it was filled up to,
    /// makes every machine that of the generation, and removes machines that it does not know.
    pub async fn use_profile_generation(
        &self,
        generation: i64,
        (follower, position): (&str, i64),
        machine_of: impl Fn(&ProfileRow) -> Option<Machine>,
    ) -> Result<(), StoreError> {
        const USE: &str = "INSERT INTO profile_generations (tenant, generation) VALUES ($1, $2) \
                           ON CONFLICT (tenant) DO UPDATE SET generation = excluded.generation";
        const GONE: &str = "SELECT id FROM machines WHERE tenant = $1 AND NOT EXISTS \
                              (SELECT 1 FROM profiles WHERE profiles.tenant = machines.tenant \
                              AND profiles.generation = $2 AND profiles.kind = 'machine' \
                              AND profiles.id = machines.id)";
        let doing = "put a generation of profiles in use";
        let mut transaction = self.db.begin().await?;
        let query = database::query(USE).bind(&self.key).bind(generation);
        query.execute(&mut *transaction).await.map_err(failed(doing))?;
        self.move_follower(&mut transaction, follower, position).await?;
        let mut after = String::new();
        loop {
            let condition = Expr::col("id").gt(after.as_str());
            let statement = self.profiles_where(
                Generation::Of(generation),
                ProfileKind::Machine,
                condition,
                MACHINES_MAX,
            );
            let rows = select(&statement).fetch_all(&mut *transaction).await.map_err(failed(READ))?;
            let rows = rows.iter().map(|row| profile(ProfileKind::Machine, row));
            let rows: Vec<ProfileRow> = rows.collect::<Result<_, _>>()?;
            let Some(last) = rows.last() else { break };
            after.clone_from(&last.id);
            let machines: Vec<Machine> = rows.iter().filter_map(&machine_of).collect();
            self.write_machines(&mut transaction, &machines).await?;
        }
        let query = database::query(GONE).bind(&self.key).bind(generation);
        let gone = query.try_map(|row: Row| row.try_get::<String, _>(0)).fetch_all(&mut *transaction).await;
        for id in gone.map_err(failed(doing))? {
            remove(&mut transaction, &MACHINE, &self.key, &id).await?;
        }
        commit(transaction, doing).await
    }

    /// Removes profiles of generations other than the given ones, a bounded number in one transaction.
    pub async fn remove_profiles_except(&self, generations: &[i64]) -> Result<(), StoreError> {
        // One step in the index, however many profiles lie between two generations.
        const NEXT: &str = "SELECT MIN(generation) FROM profiles WHERE tenant = $1 AND generation > $2";
        let mut passed = i64::MIN;
        loop {
            let query = database::query(NEXT).bind(&self.key).bind(passed);
            let next = query.try_map(|row: Row| row.try_get::<Option<i64>, _>(0));
            let next = next.fetch_one(self.db.readers()).await.map_err(failed(REMOVE))?;
            let Some(generation) = next else { return Ok(()) };
            if !generations.contains(&generation) {
                for kind in ProfileKind::ALL {
                    while self.remove_some(generation, kind).await? > 0 {}
                }
            }
            passed = generation;
        }
    }

    async fn remove_some(&self, generation: i64, kind: ProfileKind) -> Result<u64, StoreError> {
        let is_in = || self.is_in(Generation::Of(generation), kind);
        let mut ids = Query::select();
        ids.column("id").from("profiles").and_where(is_in()).limit(REMOVED_MAX);
        let mut statement = Query::delete();
        statement.from_table("profiles").and_where(is_in()).and_where(Expr::col("id").in_subquery(ids));
        let removed = delete(&statement).execute(self.db.writer()).await;
        Ok(removed.map_err(failed(REMOVE))?.rows_affected())
    }

    async fn generation_in(&self, transaction: &mut Transaction) -> Result<i64, StoreError> {
        const SQL: &str = "SELECT generation FROM profile_generations WHERE tenant = $1";
        let query = database::query(SQL).bind(&self.key).try_map(|row: Row| row.try_get(0));
        let generation = query.fetch_optional(&mut **transaction).await;
        Ok(generation.map_err(failed("read the generation of profiles"))?.unwrap_or(0))
    }

    async fn write_profiles(
        &self,
        transaction: &mut Transaction,
        generation: i64,
        profiles: &[ProfileRow],
    ) -> Result<(), StoreError> {
        const COLUMNS: [&str; 8] =
            ["tenant", "generation", "kind", "id", "first_seen", "last_seen", "alias", "state"];
        for some in profiles.chunks(ROWS_MAX) {
            let mut statement = Query::insert();
            statement.into_table("profiles").columns(COLUMNS);
            for profile in some {
                // As many values as columns.
                statement.values_panic([
                    Expr::val(self.key.as_str()),
                    Expr::val(generation),
                    Expr::val(profile.kind.name()),
                    Expr::val(profile.id.as_str()),
                    Expr::val(profile.first_seen.0),
                    Expr::val(profile.last_seen.0),
                    Expr::val(profile.alias.clone()),
                    Expr::val(profile.state.clone()),
                ]);
            }
            let mut replace = OnConflict::columns(["tenant", "generation", "kind", "id"]);
            replace.update_columns(["first_seen", "last_seen", "alias", "state"]);
            statement.on_conflict(replace);
            insert(&statement).execute(&mut **transaction).await.map_err(failed(WRITE))?;
        }
        Ok(())
    }

    fn is_in(&self, generation: Generation, kind: ProfileKind) -> Expr {
        const IN_USE: &str = "COALESCE((SELECT profile_generations.generation FROM profile_generations \
                              WHERE profile_generations.tenant = $1), 0)";
        let generation = match generation {
            Generation::InUse => Expr::cust_with_values(IN_USE, [self.key.as_str()]),
            Generation::Of(generation) => Expr::val(generation),
        };
        Expr::col("tenant")
            .eq(self.key.as_str())
            .and(Expr::col("generation").eq(generation))
            .and(Expr::col("kind").eq(kind.name()))
    }

    fn profiles_where(
        &self,
        generation: Generation,
        kind: ProfileKind,
        condition: impl IntoCondition,
        limit: u64,
    ) -> sea_query::SelectStatement {
        let mut statement = Query::select();
        statement
            .columns(["id", "alias", "first_seen", "last_seen", "state"])
            .from("profiles")
            .and_where(self.is_in(generation, kind))
            .cond_where(condition)
            .order_by("id", Order::Asc)
            .limit(limit);
        statement
    }
}

fn profile(kind: ProfileKind, row: &Row) -> Result<ProfileRow, StoreError> {
    let read = || {
        Ok(ProfileRow {
            kind,
            id: row.try_get("id")?,
            alias: row.try_get("alias")?,
            first_seen: Ticks(row.try_get("first_seen")?),
            last_seen: Ticks(row.try_get("last_seen")?),
            state: row.try_get("state")?,
        })
    };
    read().map_err(failed(READ))
}
