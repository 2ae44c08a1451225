//! Device groups, and which machines are of which.
//!
//! A machine is put into its group whenever it is written. When a rule changes, the machines that are there are
//! looked at again in the background, some at a time.

use std::collections::BTreeMap;

use model::access::{DeviceGroup, UNASSIGNED_GROUP, UNASSIGNED_GROUP_NAME, group_of};
use model::alert::Alert;
use model::machine::Machine;
use model::{DeviceId, Reach, TenantId};
use sea_query::{Expr, ExprTrait, Order, Query};
use uuid::Uuid;

use crate::database::{self, Connection, Row, commit, select, uuid};
use crate::entities::{ALERT, MACHINE};
use crate::entity_rows::{parse, replace};
use crate::error::{failed, not_added, without};
use crate::{Store, StoreError, TenantStore, fold};

const CHANGE: &str = "change a device group";
const READ: &str = "read the device groups";
const REGROUP: &str = "put machines into their device groups";

/// How far a pass over the machines came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regrouped {
    /// Where to go on; none at the end.
    pub last: Option<DeviceId>,
    /// Machines that are of another group than before.
    pub moved: u64,
}

impl Store {
    /// The tenants whose machines are not looked at since their rules changed, and the version of the rules.
    pub async fn tenants_to_regroup(&self) -> Result<Vec<(TenantId, i64)>, StoreError> {
        const SQL: &str =
            "SELECT tenant, version FROM device_grouping WHERE applied < version ORDER BY tenant";
        let rows = database::query(SQL)
            .try_map(|row: Row| Ok((TenantId(uuid(row.try_get(0)?)?), row.try_get(1)?)))
            .fetch_all(self.db.readers());
        rows.await.map_err(failed(REGROUP))
    }
}

impl TenantStore {
    /// Every device group, the lowest rank first.
    pub async fn device_groups(&self) -> Result<Vec<DeviceGroup>, StoreError> {
        let mut transaction = self.db.begin_reading().await?;
        self.groups_in(&mut transaction).await
    }

    /// The user groups that reach the devices of no group.
    pub async fn unassigned_access(&self) -> Result<Vec<Uuid>, StoreError> {
        let mut transaction = self.db.begin_reading().await?;
        Ok(self.access_in(&mut transaction).await?.remove(&UNASSIGNED_GROUP).unwrap_or_default())
    }

    pub(crate) async fn groups_in(
        &self,
        connection: &mut Connection,
    ) -> Result<Vec<DeviceGroup>, StoreError> {
        const SQL: &str = "SELECT id, name, description, rank, rule FROM device_groups \
                           WHERE tenant = $1 ORDER BY rank, id";
        let groups = database::query(SQL).bind(&self.key).try_map(device_group);
        let mut groups = groups.fetch_all(&mut *connection).await.map_err(failed(READ))?;
        if !groups.is_empty() {
            let mut access = self.access_in(connection).await?;
            for group in &mut groups {
                group.user_groups = access.remove(&group.id).unwrap_or_default();
            }
        }
        Ok(groups)
    }

    async fn access_in(&self, connection: &mut Connection) -> Result<BTreeMap<i64, Vec<Uuid>>, StoreError> {
        const SQL: &str = "SELECT device_group, user_group FROM device_group_access WHERE tenant = $1 \
                           ORDER BY device_group, user_group";
        let rows = database::query(SQL)
            .bind(&self.key)
            .try_map(|row: Row| Ok((row.try_get::<i64, _>(0)?, uuid(row.try_get(1)?)?)))
            .fetch_all(connection)
            .await
            .map_err(failed(READ))?;
        let mut access: BTreeMap<i64, Vec<Uuid>> = BTreeMap::new();
        rows.into_iter().for_each(|(group, users)| access.entry(group).or_default().push(users));
        Ok(access)
    }

    /// Adds a device group and answers with it under its id; the one given is not used.
    pub async fn create_device_group(&self, group: &DeviceGroup) -> Result<DeviceGroup, StoreError> {
        const NEXT: &str = "INSERT INTO counters (tenant, name, value) VALUES ($1, 'device_groups', 1) \
                            ON CONFLICT (tenant, name) DO UPDATE SET value = counters.value + 1 \
                            RETURNING value";
        const ADD: &str = "INSERT INTO device_groups (tenant, id, name, name_folded, description, rank, rule) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7)";
        check_name(group)?;
        let mut transaction = self.db.begin().await?;
        let next = database::query(NEXT).bind(&self.key).try_map(|row: Row| row.try_get(0));
        let id = next.fetch_one(&mut *transaction).await.map_err(failed(CHANGE))?;
        let group = DeviceGroup { id, ..group.clone() };
        self.write_group(&mut transaction, ADD, &group).await?;
        self.write_access(&mut transaction, id, &group.user_groups).await?;
        self.rules_changed(&mut transaction).await?;
        commit(transaction, CHANGE).await?;
        Ok(group)
    }

    pub async fn change_device_group(&self, group: &DeviceGroup) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE device_groups SET name = $3, name_folded = $4, description = $5, rank = $6, \
                           rule = $7 WHERE tenant = $1 AND id = $2";
        check_name(group)?;
        let mut transaction = self.db.begin().await?;
        if self.write_group(&mut transaction, SQL, group).await? == 0 {
            return Err(StoreError::not_found("device group", group.id));
        }
        self.write_access(&mut transaction, group.id, &group.user_groups).await?;
        self.rules_changed(&mut transaction).await?;
        commit(transaction, CHANGE).await
    }

    /// Says which user groups reach the devices of no group; with none, every user whose role allows the call.
    pub async fn set_unassigned_access(&self, user_groups: &[Uuid]) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        self.write_access(&mut transaction, UNASSIGNED_GROUP, user_groups).await?;
        commit(transaction, CHANGE).await
    }

    /// Removes a device group. Its id is not used again, so that a grant that names it reaches less and not more.
    pub async fn delete_device_group(&self, id: i64) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        let query = database::query("DELETE FROM device_groups WHERE tenant = $1 AND id = $2");
        let done = query.bind(&self.key).bind(id).execute(&mut *transaction).await;
        if done.map_err(failed(CHANGE))?.rows_affected() == 0 {
            return Err(StoreError::not_found("device group", id));
        }
        self.write_access(&mut transaction, id, &[]).await?;
        self.rules_changed(&mut transaction).await?;
        commit(transaction, CHANGE).await
    }

    async fn write_group(
        &self,
        connection: &mut Connection,
        sql: &'static str,
        group: &DeviceGroup,
    ) -> Result<u64, StoreError> {
        let done = database::query(sql)
            .bind(&self.key)
            .bind(group.id)
            .bind(&group.name)
            .bind(fold(&group.name))
            .bind(&group.description)
            .bind(group.rank)
            .bind(serde_json::to_string(&group.rule).unwrap_or_default())
            .execute(connection)
            .await;
        let done = done.map_err(not_added(CHANGE, "device group", &group.name));
        done.map(|done| done.rows_affected()).map_err(|error| without("tenant", &self.key, error))
    }

    async fn write_access(
        &self,
        connection: &mut Connection,
        group: i64,
        user_groups: &[Uuid],
    ) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO device_group_access (tenant, device_group, user_group) \
                           VALUES ($1, $2, $3) ON CONFLICT (tenant, device_group, user_group) DO NOTHING";
        let remove =
            database::query("DELETE FROM device_group_access WHERE tenant = $1 AND device_group = $2");
        remove.bind(&self.key).bind(group).execute(&mut *connection).await.map_err(failed(CHANGE))?;
        for user_group in user_groups {
            let add = database::query(ADD).bind(&self.key).bind(group).bind(user_group.to_string());
            let added = add.execute(&mut *connection).await.map_err(failed(CHANGE));
            added.map_err(|error| without("user group", user_group, error))?;
        }
        Ok(())
    }

    async fn rules_changed(&self, connection: &mut Connection) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO device_grouping (tenant, version, applied) VALUES ($1, 1, 0) \
                           ON CONFLICT (tenant) DO UPDATE SET version = device_grouping.version + 1";
        let done = database::query(SQL).bind(&self.key).execute(connection).await;
        done.map(drop).map_err(failed(CHANGE))
    }

    /// Puts the next machines behind that one into their groups, with their alerts, in one transaction.
    pub async fn regroup_machines(
        &self,
        after: Option<&DeviceId>,
        limit: u64,
    ) -> Result<Regrouped, StoreError> {
        let limit = std::cmp::Ord::max(limit, 1);
        let mut transaction = self.db.begin().await?;
        let groups = self.groups_in(&mut transaction).await?;
        let mut statement = Query::select();
        statement
            .column("body")
            .from(MACHINE.table)
            .and_where(Expr::col("tenant").eq(self.key.as_str()))
            .and_where(Expr::col("id").gt(after.map_or("", DeviceId::as_str)))
            .order_by("id", Order::Asc)
            .limit(limit);
        let rows = select(&statement).fetch_all(&mut *transaction).await.map_err(failed(REGROUP))?;
        let is_last = (rows.len() as u64) < limit;
        let (mut last, mut moved) = (None, 0);
        for row in &rows {
            let machine: Machine = parse(&MACHINE, row)?;
            let grouped = grouped(&groups, machine.clone());
            last = Some(machine.id.clone());
            if grouped != machine {
                moved += 1;
                replace(&mut transaction, &MACHINE, &self.key, &grouped).await?;
                self.rename_group_of_alerts(&mut transaction, &grouped).await?;
            }
        }
        commit(transaction, REGROUP).await?;
        Ok(Regrouped { last: last.filter(|_| !is_last), moved })
    }

    /// Puts machines into their groups, so many at a time and so many times at most, if the rules changed since all of
    /// them were. Says whether all of them are now.
    pub async fn regroup(&self, machines: u64, passes_max: usize) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT version FROM device_grouping WHERE tenant = $1 AND applied < version";
        let version = database::query(SQL).bind(&self.key).try_map(|row: Row| row.try_get(0));
        let version: Option<i64> =
            version.fetch_optional(self.db.readers()).await.map_err(failed(REGROUP))?;
        let Some(version) = version else { return Ok(true) };
        let mut after = None;
        for _ in 0..passes_max {
            after = self.regroup_machines(after.as_ref(), machines).await?.last;
            if after.is_none() {
                self.regrouped(version).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes that every machine was looked at by that version of the rules.
    pub async fn regrouped(&self, version: i64) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE device_grouping SET applied = $2 WHERE tenant = $1 AND applied < $2";
        let done = database::query(SQL).bind(&self.key).bind(version).execute(self.db.writer()).await;
        done.map(drop).map_err(failed(REGROUP))
    }

    async fn rename_group_of_alerts(
        &self,
        connection: &mut Connection,
        machine: &Machine,
    ) -> Result<(), StoreError> {
        let mut statement = Query::select();
        statement
            .column("body")
            .from(ALERT.table)
            .and_where(Expr::col("tenant").eq(self.key.as_str()))
            .and_where(Expr::col("machine_id").eq(machine.id.as_str()));
        let rows = select(&statement).fetch_all(&mut *connection).await.map_err(failed(REGROUP))?;
        for row in &rows {
            let alert: Alert = parse(&ALERT, row)?;
            if alert.rbac_group_name != machine.rbac_group_name {
                let alert = Alert { rbac_group_name: machine.rbac_group_name.clone(), ..alert };
                replace(connection, &ALERT, &self.key, &alert).await?;
            }
        }
        Ok(())
    }

    /// The ids of the devices that the handle reaches; none when it reaches all.
    pub async fn reachable_devices(&self) -> Result<Option<Vec<DeviceId>>, StoreError> {
        let Some(condition) = self.machine_in_reach() else { return Ok(None) };
        let mut statement = Query::select();
        statement
            .column("id")
            .from(MACHINE.table)
            .and_where(Expr::col((MACHINE.table, "tenant")).eq(self.key.as_str()))
            .and_where(condition);
        let rows = select(&statement).fetch_all(self.db.readers()).await.map_err(failed(READ))?;
        let ids = rows.iter().filter_map(|row| DeviceId::parse(row.try_get("id").ok()?));
        Ok(Some(ids.collect()))
    }

    /// Of machines: those in reach.
    pub(crate) fn machine_in_reach(&self) -> Option<Expr> {
        match &self.reach {
            Reach::All => None,
            Reach::Groups(groups) => {
                Some(Expr::col((MACHINE.table, "rbac_group_id")).is_in(groups.iter().copied()))
            }
        }
    }

    /// Of rows of any table with that column of device ids: those about devices in reach. A device that is not known
    /// as a machine is in nobody's reach but of those who reach all.
    pub(crate) fn in_reach(&self, device_column: impl sea_query::IntoColumnRef) -> Option<Expr> {
        let condition = self.machine_in_reach()?;
        let mut reachable = Query::select();
        reachable
            .column((MACHINE.table, "id"))
            .from(MACHINE.table)
            .and_where(Expr::col((MACHINE.table, "tenant")).eq(self.key.as_str()))
            .and_where(condition);
        Some(Expr::col(device_column).in_subquery(reachable))
    }
}

/// The machine in its group. As long as a tenant has no groups, the one of all machines has no name.
pub(crate) fn grouped(groups: &[DeviceGroup], machine: Machine) -> Machine {
    let (id, name) = match group_of(groups, &machine) {
        Some(group) => (group.id, Some(group.name.clone())),
        None if groups.is_empty() => (UNASSIGNED_GROUP, None),
        None => (UNASSIGNED_GROUP, Some(UNASSIGNED_GROUP_NAME.to_owned())),
    };
    Machine { rbac_group_id: id, rbac_group_name: name, ..machine }
}

fn check_name(group: &DeviceGroup) -> Result<(), StoreError> {
    if fold(&group.name) == fold(UNASSIGNED_GROUP_NAME) {
        return Err(StoreError::Exists { entity: "device group", id: group.name.clone() });
    }
    Ok(())
}

fn device_group(row: Row) -> Result<DeviceGroup, sqlx::Error> {
    let rule = serde_json::from_str(row.try_get("rule")?);
    Ok(DeviceGroup {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        rank: row.try_get("rank")?,
        rule: rule.map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        user_groups: Vec::new(),
    })
}
