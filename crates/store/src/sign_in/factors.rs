//! Second factors of users, and users whom outside providers vouch for.

use std::fmt;

use model::Ticks;
use uuid::Uuid;

use crate::database::{self, Row, commit, uuid};
use crate::error::{failed, not_added, without};
use crate::identity::{User, names, names_text};
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
    /// Grows with each use: what was taken, or what was read to be changed, is told apart by it.
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
        let query = database::query(SQL).bind(&self.key).bind(user.to_string()).bind(kind).try_map(factor);
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a second factor"))
    }

    /// A second one of the same kind is a conflict.
    pub async fn add_user_factor(&self, factor: &UserFactor) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO user_factors (tenant, user_id, kind, sealed, created, last_step) \
                           VALUES ($1, $2, $3, $4, $5, $6)";
        let added = database::query(SQL)
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
        let query = database::query(SQL).bind(&self.key).bind(user.to_string()).bind(kind).bind(step);
        let done =
            query.execute(self.db.writer()).await.map_err(failed("take the code of a second factor"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Puts `sealed` in the place of what was read at that step, or takes it away. False when it was changed since.
    pub async fn change_user_factor(
        &self,
        read: &UserFactor,
        sealed: Option<&[u8]>,
    ) -> Result<bool, StoreError> {
        const CHANGE: &str = "UPDATE user_factors SET sealed = $5, last_step = last_step + 1 \
                              WHERE tenant = $1 AND user_id = $2 AND kind = $3 AND last_step = $4";
        const REMOVE: &str = "DELETE FROM user_factors \
                              WHERE tenant = $1 AND user_id = $2 AND kind = $3 AND last_step = $4";
        let sql = if sealed.is_some() { CHANGE } else { REMOVE };
        let query = database::query(sql).bind(&self.key).bind(read.user.to_string()).bind(&read.kind);
        let query = query.bind(read.last_step);
        let query = if let Some(sealed) = sealed { query.bind(sealed) } else { query };
        let done = query.execute(self.db.writer()).await.map_err(failed("change a second factor"))?;
        Ok(done.rows_affected() > 0)
    }

    /// The kinds of second factors that a user has.
    pub async fn user_factor_kinds(&self, user: Uuid) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "SELECT kind FROM user_factors WHERE tenant = $1 AND user_id = $2 ORDER BY kind";
        let query = database::query(SQL).bind(&self.key).bind(user.to_string());
        let rows = query.try_map(|row: Row| row.try_get(0)).fetch_all(self.db.readers()).await;
        rows.map_err(failed("read the second factors of a user"))
    }

    /// Takes every second factor of a user away, and answers with their kinds.
    pub async fn remove_user_factors(&self, user: Uuid) -> Result<Vec<String>, StoreError> {
        const SQL: &str = "DELETE FROM user_factors WHERE tenant = $1 AND user_id = $2 RETURNING kind";
        let query = database::query(SQL).bind(&self.key).bind(user.to_string());
        let rows = query.try_map(|row: Row| row.try_get(0)).fetch_all(self.db.writer()).await;
        rows.map_err(failed("remove the second factors of a user"))
    }

    /// Says whether it was there.
    pub async fn remove_user_factor(&self, user: Uuid, kind: &str) -> Result<bool, StoreError> {
        const SQL: &str = "DELETE FROM user_factors WHERE tenant = $1 AND user_id = $2 AND kind = $3";
        let query = database::query(SQL).bind(&self.key).bind(user.to_string()).bind(kind);
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
        let query = database::query(SQL).bind(&self.key).bind(provider).bind(subject).try_map(federated);
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a user of a provider"))
    }

    /// Records the first sign-in of a user by a provider, with the user where they are new. It is a conflict when the user
    /// has come from a provider before, or the subject is somebody else.
    pub async fn link_user(&self, new: Option<&User>, link: &FederatedUser) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO federated_users (tenant, provider, subject, user_id, groups, last_seen) \
                           SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS \
                           (SELECT 1 FROM federated_users WHERE tenant = $1 AND user_id = $4)";
        let doing = "record a user of a provider";
        let mut transaction = self.db.begin().await?;
        if let Some(user) = new {
            self.add_user(&mut transaction, user).await?;
        }
        let added = database::query(SQL)
            .bind(&self.key)
            .bind(&link.provider)
            .bind(&link.subject)
            .bind(link.user.to_string())
            .bind(names_text(&link.groups))
            .bind(link.last_seen.0)
            .execute(&mut *transaction)
            .await
            .map_err(not_added(doing, "user of a provider", &link.subject))
            .map_err(|error| without("user", link.user, error))?;
        if added.rows_affected() == 0 {
            return Err(StoreError::Exists { entity: "user of a provider", id: link.user.to_string() });
        }
        commit(transaction, doing).await
    }

    /// Records what a provider says now of a user who has come from it before.
    pub async fn update_federated_user(&self, user: &FederatedUser) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE federated_users SET groups = $4, last_seen = $5 \
                           WHERE tenant = $1 AND provider = $2 AND subject = $3";
        let query = database::query(SQL).bind(&self.key).bind(&user.provider).bind(&user.subject);
        let query = query.bind(names_text(&user.groups)).bind(user.last_seen.0);
        query.execute(self.db.writer()).await.map(drop).map_err(failed("record a user of a provider"))
    }

    /// Forgets what providers call a user, and answers with how many names there were.
    pub async fn remove_federations(&self, user: Uuid) -> Result<u64, StoreError> {
        const SQL: &str = "DELETE FROM federated_users WHERE tenant = $1 AND user_id = $2";
        let query = database::query(SQL).bind(&self.key).bind(user.to_string());
        let done =
            query.execute(self.db.writer()).await.map_err(failed("forget what providers call a user"))?;
        Ok(done.rows_affected())
    }

    /// What providers call a user.
    pub async fn federations_of(&self, user: Uuid) -> Result<Vec<FederatedUser>, StoreError> {
        const SQL: &str = "SELECT provider, subject, user_id, groups, last_seen FROM federated_users \
                           WHERE tenant = $1 AND user_id = $2 ORDER BY provider, subject";
        let query = database::query(SQL).bind(&self.key).bind(user.to_string()).try_map(federated);
        query.fetch_all(self.db.readers()).await.map_err(failed("read what providers call a user"))
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
