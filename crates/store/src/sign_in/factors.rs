//! Second factors of users, and users whom outside providers vouch for.

use std::fmt;

use model::Ticks;
use sqlx::Row as _;
use uuid::Uuid;

use crate::database::{Row, uuid};
use crate::error::{failed, not_added, without};
use crate::identity::{names, names_text};
use crate::{StoreError, TenantStore};

/// What proves a user besides a password.
#[derive(Clone, PartialEq, Eq)]
pub struct UserFactor {
    pub user: Uuid,
    /// Such as `totp`.
    pub kind: String,
    /// What proves it, in the form its owner seals it in.
    pub sealed: Vec<u8>,
    pub created: Ticks,
    pub last_step: i64,
}

/// A user by the name that an outside provider has for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedUser {
    pub provider: String,
    pub subject: String,
    pub user: Uuid,
    /// The groups that the provider said at the last sign-in.
    pub groups: Vec<String>,
    pub last_seen: Ticks,
}

impl TenantStore {
    pub async fn user_factor(&self, user: Uuid, kind: &str) -> Result<Option<UserFactor>, StoreError> {
        const SQL: &str = "SELECT user_id, kind, sealed, created, last_step FROM user_factors \
                           WHERE tenant = $1 AND user_id = $2 AND kind = $3";
        let query = sqlx::query(SQL).bind(&self.key).bind(user.to_string()).bind(kind).try_map(factor);
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a second factor"))
    }

    /// A second one of the same kind is a conflict.
    pub async fn add_user_factor(&self, factor: &UserFactor) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO user_factors (tenant, user_id, kind, sealed, created, last_step) \
                           VALUES ($1, $2, $3, $4, $5, $6)";
        let added = sqlx::query(SQL)
            .bind(&self.key)
            .bind(factor.user.to_string())
            .bind(&factor.kind)
            .bind(&factor.sealed)
            .bind(factor.created.0)
            .bind(factor.last_step)
            .execute(self.db.writer())
            .await;
        added
            .map(drop)
            .map_err(not_added("add a second factor", "second factor", &factor.kind))
            .map_err(|error| without("user", factor.user, error))
    }

    /// Takes the code of a step of time, which is taken once. False when it, or a later one, was taken before.
    pub async fn take_factor_step(&self, user: Uuid, kind: &str, step: i64) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE user_factors SET last_step = $4 \
                           WHERE tenant = $1 AND user_id = $2 AND kind = $3 AND last_step < $4";
        let query = sqlx::query(SQL).bind(&self.key).bind(user.to_string()).bind(kind).bind(step);
        let done =
            query.execute(self.db.writer()).await.map_err(failed("take the code of a second factor"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Says whether it was there.
    pub async fn remove_user_factor(&self, user: Uuid, kind: &str) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM user_factors WHERE tenant = $1 AND user_id = $2 AND kind = $3";
        let query = sqlx::query(SQL).bind(&self.key).bind(user.to_string()).bind(kind);
        let done = query.execute(self.db.writer()).await.map_err(failed("remove a second factor"))?;
        Ok(done.rows_affected() > 0)
    }

    pub async fn federated_user(
        &self,
        provider: &str,
        subject: &str,
    ) -> Result<Option<FederatedUser>, StoreError> {
        const SQL: &str = "SELECT provider, subject, user_id, groups, last_seen FROM federated_users \
                           WHERE tenant = $1 AND provider = $2 AND subject = $3";
        let query = sqlx::query(SQL).bind(&self.key).bind(provider).bind(subject).try_map(federated);
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a user of a provider"))
    }

    /// Records what a provider says of a user. The user that a subject means stays the same.
    pub async fn put_federated_user(&self, user: &FederatedUser) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO federated_users (tenant, provider, subject, user_id, groups, last_seen) \
                           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, provider, subject) \
                           DO UPDATE SET groups = excluded.groups, last_seen = excluded.last_seen";
        let put = sqlx::query(SQL)
            .bind(&self.key)
            .bind(&user.provider)
            .bind(&user.subject)
            .bind(user.user.to_string())
            .bind(names_text(&user.groups))
            .bind(user.last_seen.0)
            .execute(self.db.writer())
            .await;
        put.map(drop)
            .map_err(failed("record a user of a provider"))
            .map_err(|error| without("user", user.user, error))
    }

    /// The groups that providers said of a user, each once.
    pub async fn federated_groups(&self, user: Uuid) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT groups FROM federated_users WHERE tenant = $1 AND user_id = $2";
        let query = sqlx::query(SQL).bind(&self.key).bind(user.to_string());
        let query = query.try_map(|row: Row| names(row.try_get("groups")?));
        let rows = query.fetch_all(self.db.readers()).await.map_err(failed("read the groups of a user"))?;
        let mut groups: Vec<String> = rows.into_iter().flatten().collect();
        groups.sort();
        groups.dedup();
        Ok(groups)
    }
}

fn factor(row: Row) -> Result<UserFactor, sqlx::Error> {
    Ok(UserFactor {
        user: uuid(row.try_get("user_id")?)?,
        kind: row.try_get("kind")?,
        sealed: row.try_get("sealed")?,
        created: Ticks(row.try_get("created")?),
        last_step: row.try_get("last_step")?,
    })
}

fn federated(row: Row) -> Result<FederatedUser, sqlx::Error> {
    Ok(FederatedUser {
        provider: row.try_get("provider")?,
        subject: row.try_get("subject")?,
        user: uuid(row.try_get("user_id")?)?,
        groups: names(row.try_get("groups")?)?,
        last_seen: Ticks(row.try_get("last_seen")?),
    })
}

/// Without what proves it.
impl fmt::Debug for UserFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserFactor")
            .field("user", &self.user)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}
