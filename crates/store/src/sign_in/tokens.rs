//! Sign-ins, and the refresh tokens of those that apps hold.

use std::fmt;

use model::{AppId, TenantId, Ticks};
use uuid::Uuid;

use super::{Hash, words, words_text};
use crate::database::{self, Row, commit, uuid};
use crate::error::{failed, not_added, without};
use crate::{Store, StoreError, TenantStore};

const COLUMNS: &str = "tenant, id, user_id, app, resource, scope, methods, authenticated, created, \
                       last_used, expires, ended";

/// A user who signed in, in a browser or in an app that holds tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct SignIn {
    pub tenant: TenantId,
    pub id: Uuid,
    pub user: Uuid,
    /// None is a browser.
    pub app: Option<AppId>,
    pub resource: String,
    pub scope: String,
    /// How the user proved who they are.
    pub methods: Vec<String>,
    /// When they did.
    pub authenticated: Ticks,
    pub created: Ticks,
    pub last_used: Ticks,
    pub expires: Ticks,
    pub ended: Option<Ticks>,
}

/// What became of a refresh token that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefreshTaken {
    /// It is used up, and the sign-in goes on.
    Fresh(SignIn),
    /// It was used before: the sign-in is ended, as one of the two who sent it stole it.
    Again(SignIn),
    Unknown,
}

impl Store {
    /// The sign-in of the browser with that cookie, whatever its state.
    pub async fn sign_in_by_cookie(&self, cookie: &Hash) -> Result<Option<SignIn>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM sign_ins WHERE cookie_hash = $1");
        let query = database::query(sqlx::AssertSqlSafe(sql)).bind(cookie.to_vec()).try_map(sign_in);
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a sign-in"))
    }

    /// Takes a refresh token of `app`. One that was taken before ends its sign-in.
    pub async fn take_refresh_token(
        &self,
        token: &Hash,
        app: AppId,
        now: Ticks,
    ) -> Result<RefreshTaken, StoreError> {
        let doing = "take a refresh token";
        let mut transaction = self.db.begin().await?;
        let sql = format!(
            "SELECT t.expires AS token_expires, t.used AS used, s.* FROM refresh_tokens t \
             JOIN (SELECT {COLUMNS} FROM sign_ins) s ON s.tenant = t.tenant AND s.id = t.sign_in \
             WHERE t.hash = $1 AND s.app = $2"
        );
        let query = database::query(sqlx::AssertSqlSafe(sql)).bind(token.to_vec()).bind(app.to_string());
        let found = query.try_map(|row: Row| {
            let expires: i64 = row.try_get("token_expires")?;
            let used: Option<i64> = row.try_get("used")?;
            Ok((expires, used.is_some(), sign_in(row)?))
        });
        let found = found.fetch_optional(&mut *transaction).await.map_err(failed(doing))?;
        let Some((expires, is_used, found)) = found else { return Ok(RefreshTaken::Unknown) };
        if is_used {
            let query = database::query(
                "UPDATE sign_ins SET ended = COALESCE(ended, $3) WHERE tenant = $1 AND id = $2",
            );
            let query = query.bind(found.tenant.to_string()).bind(found.id.to_string()).bind(now.0);
            query.execute(&mut *transaction).await.map_err(failed(doing))?;
            commit(transaction, doing).await?;
            return Ok(RefreshTaken::Again(found));
        }
        if expires <= now.0 || found.expires <= now || found.ended.is_some() {
            return Ok(RefreshTaken::Unknown);
        }
        let query =
            database::query("UPDATE refresh_tokens SET used = $2 WHERE hash = $1").bind(token.to_vec());
        query.bind(now.0).execute(&mut *transaction).await.map_err(failed(doing))?;
        let query = database::query("UPDATE sign_ins SET last_used = $3 WHERE tenant = $1 AND id = $2");
        let query = query.bind(found.tenant.to_string()).bind(found.id.to_string()).bind(now.0);
        query.execute(&mut *transaction).await.map_err(failed(doing))?;
        commit(transaction, doing).await?;
        Ok(RefreshTaken::Fresh(found))
    }

    /// The sign-in that a refresh token belongs to, with whether the token can still be used.
    pub async fn sign_in_of_refresh_token(
        &self,
        token: &Hash,
        now: Ticks,
    ) -> Result<Option<(SignIn, bool)>, StoreError> {
        let sql = format!(
            "SELECT t.expires AS token_expires, t.used AS used, s.* FROM refresh_tokens t \
             JOIN (SELECT {COLUMNS} FROM sign_ins) s ON s.tenant = t.tenant AND s.id = t.sign_in \
             WHERE t.hash = $1"
        );
        let query = database::query(sqlx::AssertSqlSafe(sql)).bind(token.to_vec());
        let query = query.try_map(|row: Row| {
            let expires: i64 = row.try_get("token_expires")?;
            let used: Option<i64> = row.try_get("used")?;
            let found = sign_in(row)?;
            let is_usable = used.is_none() && expires > now.0 && found.expires > now && found.ended.is_none();
            Ok((found, is_usable))
        });
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a refresh token"))
    }

    /// Those that were ended at that time or later: what tokens say of them does not hold any more.
    pub async fn sign_ins_ended_since(&self, since: Ticks) -> Result<Vec<(TenantId, Uuid)>, StoreError> {
        const SQL: &str = "SELECT tenant, id FROM sign_ins WHERE ended IS NOT NULL AND ended >= $1";
        let query = database::query(SQL).bind(since.0);
        let query = query
            .try_map(|row: Row| Ok((TenantId(uuid(row.try_get("tenant")?)?), uuid(row.try_get("id")?)?)));
        query.fetch_all(self.db.readers()).await.map_err(failed("list the sign-ins that ended"))
    }
}

impl TenantStore {
    /// Records a sign-in: of a browser with the hash of its cookie, of an app with that of its first refresh token,
    /// if it gets one.
    pub async fn add_sign_in(
        &self,
        sign_in: &SignIn,
        cookie: Option<&Hash>,
        refresh: Option<(&Hash, Ticks)>,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO sign_ins (tenant, id, user_id, app, resource, scope, methods, \
                           authenticated, created, last_used, expires, ended, cookie_hash) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let doing = "record a sign-in";
        let mut transaction = self.db.begin().await?;
        let added = database::query(SQL)
            .bind(&self.key)
            .bind(sign_in.id.to_string())
            .bind(sign_in.user.to_string())
            .bind(sign_in.app.map(|app| app.to_string()))
            .bind(&sign_in.resource)
            .bind(&sign_in.scope)
            .bind(words_text(&sign_in.methods))
            .bind(sign_in.authenticated.0)
            .bind(sign_in.created.0)
            .bind(sign_in.last_used.0)
            .bind(sign_in.expires.0)
            .bind(sign_in.ended.map(|ended| ended.0))
            .bind(cookie.map(|cookie| cookie.to_vec()))
            .execute(&mut *transaction)
            .await;
        added
            .map(drop)
            .map_err(not_added(doing, "sign-in", sign_in.id))
            .map_err(|error| without("user", sign_in.user, error))?;
        if let Some((hash, expires)) = refresh {
            insert_refresh(&mut transaction, &self.key, sign_in.id, hash, sign_in.created, expires).await?;
        }
        commit(transaction, doing).await
    }

    /// Adds the refresh token that takes the place of one that was taken.
    pub async fn add_refresh_token(
        &self,
        sign_in: Uuid,
        hash: &Hash,
        created: Ticks,
        expires: Ticks,
    ) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        insert_refresh(&mut transaction, &self.key, sign_in, hash, created, expires).await?;
        commit(transaction, "add a refresh token").await
    }

    pub async fn sign_in(&self, id: Uuid) -> Result<Option<SignIn>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM sign_ins WHERE tenant = $1 AND id = $2");
        let query = database::query(sqlx::AssertSqlSafe(sql)).bind(&self.key).bind(id.to_string());
        let found = query.try_map(sign_in).fetch_optional(self.db.readers()).await;
        found.map_err(failed("read a sign-in"))
    }

    /// Whether a sign-in of that user goes on: it was not ended and not removed.
    pub async fn is_session_live(&self, user: Uuid, id: Uuid) -> Result<bool, StoreError> {
        const SQL: &str = "SELECT 1 FROM sign_ins \
                           WHERE tenant = $1 AND id = $2 AND user_id = $3 AND ended IS NULL";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).bind(user.to_string());
        let found = query.fetch_optional(self.db.readers()).await;
        Ok(found.map_err(failed("read a sign-in"))?.is_some())
    }

    /// Those of one user or of all that go on at `now`, the newest first, at most `count`.
    pub async fn sign_ins(
        &self,
        user: Option<Uuid>,
        now: Ticks,
        count: u32,
    ) -> Result<Vec<SignIn>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM sign_ins WHERE tenant = $1 AND ($2 IS NULL OR user_id = $2) \
             AND ended IS NULL AND expires > $3 ORDER BY created DESC, id LIMIT $4"
        );
        let query = database::query(sqlx::AssertSqlSafe(sql))
            .bind(&self.key)
            .bind(user.map(|user| user.to_string()))
            .bind(now.0)
            .bind(i64::from(count));
        query.try_map(sign_in).fetch_all(self.db.readers()).await.map_err(failed("list the sign-ins"))
    }

    /// Ends a sign-in. Says whether there was one that went on.
    pub async fn end_sign_in(&self, id: Uuid, now: Ticks) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE sign_ins SET ended = $3 WHERE tenant = $1 AND id = $2 AND ended IS NULL";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).bind(now.0);
        let done = query.execute(self.db.writer()).await.map_err(failed("end a sign-in"))?;
        Ok(done.rows_affected() > 0)
    }

    /// Ends every sign-in of a user, in one app or in all and in browsers. Answers with how many there were.
    pub async fn end_sign_ins_of_user(
        &self,
        user: Uuid,
        app: Option<AppId>,
        now: Ticks,
    ) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE sign_ins SET ended = $4 WHERE tenant = $1 AND user_id = $2 \
                           AND ($3 IS NULL OR app = $3) AND ended IS NULL";
        let query = database::query(SQL)
            .bind(&self.key)
            .bind(user.to_string())
            .bind(app.map(|app| app.to_string()))
            .bind(now.0);
        let done = query.execute(self.db.writer()).await.map_err(failed("end the sign-ins of a user"))?;
        Ok(done.rows_affected())
    }

    /// Ends every sign-in in an app. Answers with how many there were.
    pub async fn end_sign_ins_of_app(&self, app: AppId, now: Ticks) -> Result<u64, StoreError> {
        const SQL: &str = "UPDATE sign_ins SET ended = $3 WHERE tenant = $1 AND app = $2 AND ended IS NULL";
        let query = database::query(SQL).bind(&self.key).bind(app.to_string()).bind(now.0);
        let done = query.execute(self.db.writer()).await.map_err(failed("end the sign-ins of an app"))?;
        Ok(done.rows_affected())
    }
}

async fn insert_refresh(
    transaction: &mut crate::database::Transaction,
    tenant: &str,
    sign_in: Uuid,
    hash: &Hash,
    created: Ticks,
    expires: Ticks,
) -> Result<(), StoreError> {
    const SQL: &str = "INSERT INTO refresh_tokens (hash, tenant, sign_in, created, expires) \
                       VALUES ($1, $2, $3, $4, $5)";
    let query = database::query(SQL)
        .bind(hash.to_vec())
        .bind(tenant)
        .bind(sign_in.to_string())
        .bind(created.0)
        .bind(expires.0);
    let added = query.execute(&mut **transaction).await.map_err(failed("add a refresh token"));
    added.map(drop).map_err(|error| without("sign-in", sign_in, error))
}

fn sign_in(row: Row) -> Result<SignIn, sqlx::Error> {
    let app: Option<&str> = row.try_get("app")?;
    Ok(SignIn {
        tenant: TenantId(uuid(row.try_get("tenant")?)?),
        id: uuid(row.try_get("id")?)?,
        user: uuid(row.try_get("user_id")?)?,
        app: app.map(|app| uuid(app).map(AppId)).transpose()?,
        resource: row.try_get("resource")?,
        scope: row.try_get("scope")?,
        methods: words(row.try_get("methods")?),
        authenticated: Ticks(row.try_get("authenticated")?),
        created: Ticks(row.try_get("created")?),
        last_used: Ticks(row.try_get("last_used")?),
        expires: Ticks(row.try_get("expires")?),
        ended: row.try_get::<Option<i64>, _>("ended")?.map(Ticks),
    })
}

impl fmt::Debug for SignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignIn")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("app", &self.app)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
