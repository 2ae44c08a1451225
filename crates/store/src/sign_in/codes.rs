//! Codes on their way to an app, and the ids of assertions that were taken.

use model::{AppId, TenantId, Ticks};
use uuid::Uuid;

use super::{Hash, words, words_text};
use crate::database::{self, Row, commit, uuid};
use crate::error::{failed, not_added, without};
use crate::{Store, StoreError};

/// Codes of devices that can be answered at the same time: all, those of an app, those that one network asked for.
const DEVICE_CODES_MAX: i64 = 100_000;
const OF_APP_MAX: i64 = 10_000;
const OF_NETWORK_MAX: i64 = 1_000;

/// What an authorization code stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationCode {
    pub tenant: TenantId,
    pub app: AppId,
    pub user: Uuid,
    /// As the request wrote it; empty when it named none.
    pub redirect_uri: String,
    /// The S256 challenge of PKCE.
    pub challenge: Option<String>,
    pub resource: String,
    pub scope: String,
    pub nonce: Option<String>,
    pub methods: Vec<String>,
    pub authenticated: Ticks,
    pub expires: Ticks,
    /// The sign-in of the browser in which it was given.
    pub session: Option<Uuid>,
}

/// What became of a code that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeTaken {
    Fresh(AuthorizationCode),
    /// It was used before; the sign-in that it was exchanged for, if it came to that.
    Again {
        code: AuthorizationCode,
        sign_in: Option<Uuid>,
    },
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceState {
    Pending,
    Approved,
    Denied,
    Exchanged,
}

/// A device that waits for its user to sign in elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    pub user_code: String,
    /// The tenant that was asked; none where any would do.
    pub asked: Option<TenantId>,
    pub app: AppId,
    pub resource: String,
    pub scope: String,
    pub expires: Ticks,
    pub last_poll: Ticks,
    pub state: DeviceState,
    /// Who approved.
    pub user: Option<(TenantId, Uuid)>,
    pub methods: Vec<String>,
    pub authenticated: Ticks,
    /// The sign-in of the browser in which it was approved.
    pub session: Option<Uuid>,
    /// Where the device asked, as coarse as networks are counted.
    pub network: String,
}

/// Who answers a device, and how they proved who they are.
#[derive(Clone, Debug)]
pub struct DeviceAnswer<'a> {
    pub state: DeviceState,
    pub user: (TenantId, Uuid),
    pub methods: &'a [String],
    pub authenticated: Ticks,
    pub session: Uuid,
}

impl Store {
    pub async fn add_code(&self, hash: &Hash, code: &AuthorizationCode) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO authorization_codes (hash, tenant, app, user_id, redirect_uri, \
                           challenge, resource, scope, nonce, methods, authenticated, expires, session) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let added = database::query(SQL)
            .bind(hash.to_vec())
            .bind(code.tenant.to_string())
            .bind(code.app.to_string())
            .bind(code.user.to_string())
            .bind(&code.redirect_uri)
            .bind(&code.challenge)
            .bind(&code.resource)
            .bind(&code.scope)
            .bind(&code.nonce)
            .bind(words_text(&code.methods))
            .bind(code.authenticated.0)
            .bind(code.expires.0)
            .bind(code.session.map(|session| session.to_string()))
            .execute(self.db.writer())
            .await;
        added
            .map(drop)
            .map_err(failed("add an authorization code"))
            .map_err(|error| without("user", code.user, error))
    }

    /// Takes a code of `app`. It is used up, whatever becomes of the request; that of another app stays as it is.
    pub async fn take_code(&self, hash: &Hash, app: AppId, now: Ticks) -> Result<CodeTaken, StoreError> {
        let doing = "take an authorization code";
        let mut transaction = self.db.begin().await?;
        const SQL: &str = "SELECT tenant, app, user_id, redirect_uri, challenge, resource, scope, nonce, \
                           methods, authenticated, expires, session, used, sign_in \
                           FROM authorization_codes \
                           WHERE hash = $1 AND app = $2";
        let query = database::query(SQL).bind(hash.to_vec()).bind(app.to_string());
        let found = query.try_map(|row: Row| {
            let used: Option<i64> = row.try_get("used")?;
            let sign_in: Option<&str> = row.try_get("sign_in")?;
            let sign_in = sign_in.map(uuid).transpose()?;
            Ok((used.is_some(), sign_in, code(row)?))
        });
        let found = found.fetch_optional(&mut *transaction).await.map_err(failed(doing))?;
        let Some((is_used, sign_in, code)) = found else { return Ok(CodeTaken::Unknown) };
        if is_used {
            return Ok(CodeTaken::Again { code, sign_in });
        }
        let query = database::query("UPDATE authorization_codes SET used = $2 WHERE hash = $1");
        let query = query.bind(hash.to_vec()).bind(now.0);
        query.execute(&mut *transaction).await.map_err(failed(doing))?;
        commit(transaction, doing).await?;
        Ok(CodeTaken::Fresh(code))
    }

    /// Remembers what a code was exchanged for, so that a second use of it can end that.
    pub async fn set_sign_in_of_code(&self, hash: &Hash, sign_in: Uuid) -> Result<(), StoreError> {
        let query = database::query("UPDATE authorization_codes SET sign_in = $2 WHERE hash = $1");
        let query = query.bind(hash.to_vec()).bind(sign_in.to_string());
        let done = query.execute(self.db.writer()).await;
        done.map(drop).map_err(failed("remember what a code was exchanged for"))
    }

    /// A code of the same text is a conflict. Those that have expired at `now` are not counted.
    pub async fn add_device_code(
        &self,
        hash: &Hash,
        code: &DeviceCode,
        now: Ticks,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO device_codes (hash, user_code, asked, app, resource, scope, expires, \
                           last_poll, state, methods, authenticated, network) \
                           SELECT $1, $2, $3, $4, $5, $6, $7, $8, 0, '', 0, $9 \
                           WHERE (SELECT COUNT(*) FROM device_codes \
                                  WHERE network = $9 AND expires > $10) < $11 \
                           AND (SELECT COUNT(*) FROM device_codes WHERE app = $4 AND expires > $10) < $12 \
                           AND (SELECT COUNT(*) FROM device_codes WHERE expires > $10) < $13";
        let added = database::query(SQL)
            .bind(hash.to_vec())
            .bind(&code.user_code)
            .bind(code.asked.map(|tenant| tenant.to_string()))
            .bind(code.app.to_string())
            .bind(&code.resource)
            .bind(&code.scope)
            .bind(code.expires.0)
            .bind(code.last_poll.0)
            .bind(&code.network)
            .bind(now.0)
            .bind(OF_NETWORK_MAX)
            .bind(OF_APP_MAX)
            .bind(DEVICE_CODES_MAX)
            .execute(self.db.writer())
            .await;
        let added = added.map_err(not_added("add a device code", "device code", "of that text"))?;
        if added.rows_affected() == 0 {
            return Err(StoreError::invalid("device code", "too many devices wait"));
        }
        Ok(())
    }

    pub async fn device_code(&self, user_code: &str) -> Result<Option<DeviceCode>, StoreError> {
        let sql = format!("SELECT {DEVICE_COLUMNS} FROM device_codes WHERE user_code = $1");
        let query = database::query(sqlx::AssertSqlSafe(sql)).bind(user_code).try_map(device_code);
        query.fetch_optional(self.db.readers()).await.map_err(failed("read a device code"))
    }

    /// Says yes or no to a device. Tells whether it waited for that.
    pub async fn answer_device(
        &self,
        user_code: &str,
        answer: &DeviceAnswer<'_>,
    ) -> Result<bool, StoreError> {
        const SQL: &str = "UPDATE device_codes SET state = $2, tenant = $3, user_id = $4, methods = $5, \
                           authenticated = $6, session = $7 WHERE user_code = $1 AND state = 0";
        let done = database::query(SQL)
            .bind(user_code)
            .bind(state_number(answer.state))
            .bind(answer.user.0.to_string())
            .bind(answer.user.1.to_string())
            .bind(words_text(answer.methods))
            .bind(answer.authenticated.0)
            .bind(answer.session.to_string())
            .execute(self.db.writer())
            .await;
        Ok(done.map_err(failed("answer a device"))?.rows_affected() > 0)
    }

    /// A device of `app` asks how it stands. The answer has the state before, with the time of the call before; an
    /// approved one is exchanged by this call and by no other.
    pub async fn poll_device(
        &self,
        hash: &Hash,
        app: AppId,
        now: Ticks,
    ) -> Result<Option<DeviceCode>, StoreError> {
        let doing = "answer a waiting device";
        let mut transaction = self.db.begin().await?;
        let sql = format!("SELECT {DEVICE_COLUMNS} FROM device_codes WHERE hash = $1 AND app = $2");
        let query = database::query(sqlx::AssertSqlSafe(sql)).bind(hash.to_vec()).bind(app.to_string());
        let found = query.try_map(device_code).fetch_optional(&mut *transaction).await;
        let Some(found) = found.map_err(failed(doing))? else { return Ok(None) };
        const SQL: &str = "UPDATE device_codes SET last_poll = $2, \
                           state = CASE WHEN state = 1 AND expires > $2 THEN 3 ELSE state END WHERE hash = $1";
        let query = database::query(SQL).bind(hash.to_vec()).bind(now.0);
        query.execute(&mut *transaction).await.map_err(failed(doing))?;
        commit(transaction, doing).await?;
        Ok(Some(found))
    }

    /// Remembers an assertion. False when it was taken before.
    pub async fn take_assertion(&self, hash: &Hash, expires: Ticks) -> Result<bool, StoreError> {
        const SQL: &str =
            "INSERT INTO used_assertions (hash, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let query = database::query(SQL).bind(hash.to_vec()).bind(expires.0);
        let done = query.execute(self.db.writer()).await.map_err(failed("remember an assertion"))?;
        Ok(done.rows_affected() > 0)
    }
}

const DEVICE_COLUMNS: &str = "user_code, asked, app, resource, scope, expires, last_poll, state, tenant, \
                              user_id, methods, authenticated, session, network";

fn state_number(state: DeviceState) -> i64 {
    match state {
        DeviceState::Pending => 0,
        DeviceState::Approved => 1,
        DeviceState::Denied => 2,
        DeviceState::Exchanged => 3,
    }
}

fn code(row: Row) -> Result<AuthorizationCode, sqlx::Error> {
    Ok(AuthorizationCode {
        tenant: TenantId(uuid(row.try_get("tenant")?)?),
        app: AppId(uuid(row.try_get("app")?)?),
        user: uuid(row.try_get("user_id")?)?,
        redirect_uri: row.try_get("redirect_uri")?,
        challenge: row.try_get("challenge")?,
        resource: row.try_get("resource")?,
        scope: row.try_get("scope")?,
        nonce: row.try_get("nonce")?,
        methods: words(row.try_get("methods")?),
        authenticated: Ticks(row.try_get("authenticated")?),
        expires: Ticks(row.try_get("expires")?),
        session: session(&row)?,
    })
}

fn session(row: &Row) -> Result<Option<Uuid>, sqlx::Error> {
    row.try_get::<Option<&str>, _>("session")?.map(uuid).transpose()
}

fn device_code(row: Row) -> Result<DeviceCode, sqlx::Error> {
    let state = match row.try_get::<i64, _>("state")? {
        0 => DeviceState::Pending,
        1 => DeviceState::Approved,
        2 => DeviceState::Denied,
        _ => DeviceState::Exchanged,
    };
    let asked: Option<&str> = row.try_get("asked")?;
    let (tenant, user): (Option<&str>, Option<&str>) = (row.try_get("tenant")?, row.try_get("user_id")?);
    let user = match (tenant, user) {
        (Some(tenant), Some(user)) => Some((TenantId(uuid(tenant)?), uuid(user)?)),
        _ => None,
    };
    Ok(DeviceCode {
        user_code: row.try_get("user_code")?,
        asked: asked.map(|tenant| uuid(tenant).map(TenantId)).transpose()?,
        app: AppId(uuid(row.try_get("app")?)?),
        resource: row.try_get("resource")?,
        scope: row.try_get("scope")?,
        expires: Ticks(row.try_get("expires")?),
        last_poll: Ticks(row.try_get("last_poll")?),
        state,
        user,
        methods: words(row.try_get("methods")?),
        authenticated: Ticks(row.try_get("authenticated")?),
        session: session(&row)?,
        network: row.try_get("network")?,
    })
}
