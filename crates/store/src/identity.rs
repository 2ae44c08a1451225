//! Tenants, signing keys, app registrations with their secrets and consents, and users.

use std::fmt;

use model::{AppId, TenantId, Ticks};
use uuid::Uuid;

use crate::database::{self, Connection, Row, commit, uuid};
use crate::error::{failed, not_added, without};
use crate::{Store, StoreError, TenantStore, fold};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    pub id: TenantId,
    pub display_name: String,
    /// The name to sign in under; unique, compared without regard to letter case.
    pub domain: String,
    pub created: Ticks,
}

/// A key that tokens are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeyRow {
    /// The name in the head of tokens.
    pub kid: String,
    /// The private key in the form its owner seals it in; this crate does not look into it.
    pub sealed: Vec<u8>,
    pub created: Ticks,
    pub retired: Option<Ticks>,
}

/// An app registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub id: AppId,
    pub display_name: String,
    /// The application permissions it asks for.
    pub manifest: Vec<String>,
    pub created: Ticks,
}

#[derive(Clone, PartialEq, Eq)]
pub struct AppSecret {
    pub id: Uuid,
    pub hash: String,
    pub created: Ticks,
    pub expires: Option<Ticks>,
    pub display_name: Option<String>,
}

/// An administrator's consent: the permissions an app asked for at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    pub permissions: Vec<String>,
    pub granted_by: String,
    pub granted: Ticks,
}

#[derive(Clone, PartialEq, Eq)]
pub struct User {
    pub id: Uuid,
    /// Unique in the tenant, compared without regard to letter case.
    pub principal_name: String,
    pub display_name: String,
    pub password_hash: String,
    pub is_administrator: bool,
    pub created: Ticks,
    /// Cannot sign in, and has no token that is taken.
    pub is_disabled: bool,
    /// Tokens issued before are not taken any more.
    pub tokens_from: Ticks,
}

impl Store {
    /// A tenant of the same id or domain is a conflict.
    pub async fn create_tenant(&self, tenant: &Tenant) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO tenants (id, display_name, domain, domain_folded, created) \
                           VALUES ($1, $2, $3, $4, $5)";
        let added = database::query(SQL)
            .bind(tenant.id.to_string())
            .bind(&tenant.display_name)
            .bind(&tenant.domain)
            .bind(fold(&tenant.domain))
            .bind(tenant.created.0)
            .execute(self.db.writer())
            .await;
        added.map(drop).map_err(not_added("create a tenant", "tenant", &tenant.domain))
    }

    /// Every tenant, the oldest first.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        const SQL: &str = "SELECT id, display_name, domain, created FROM tenants ORDER BY created, id";
        let rows = database::query(SQL).try_map(tenant).fetch_all(self.db.readers()).await;
        rows.map_err(failed("list the tenants"))
    }

    pub async fn tenant_by_domain(&self, domain: &str) -> Result<Option<Tenant>, StoreError> {
        const SQL: &str = "SELECT id, display_name, domain, created FROM tenants WHERE domain_folded = $1";
        let query = database::query(SQL).bind(fold(domain));
        query.try_map(tenant).fetch_optional(self.db.readers()).await.map_err(failed("read a tenant"))
    }

    pub async fn tenant_by_id(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        const SQL: &str = "SELECT id, display_name, domain, created FROM tenants WHERE id = $1";
        let query = database::query(SQL).bind(id.to_string());
        query.try_map(tenant).fetch_optional(self.db.readers()).await.map_err(failed("read a tenant"))
    }

    /// The tenants that an app is registered in: one, as ids are random, and never more than two are told.
    pub async fn tenants_of_app(&self, id: AppId) -> Result<Vec<Tenant>, StoreError> {
        // There are few tenants and the key of apps begins with theirs: one look-up for each.
        const SQL: &str = "SELECT t.id, t.display_name, t.domain, t.created FROM tenants t \
                           CROSS JOIN apps a WHERE a.tenant = t.id AND a.id = $1 LIMIT 2";
        let query = database::query(SQL).bind(id.to_string());
        let rows = query.try_map(tenant).fetch_all(self.db.readers()).await;
        rows.map_err(failed("find the tenant of an app"))
    }

    /// Every signing key, retired ones included, the oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKeyRow>, StoreError> {
        const SQL: &str = "SELECT kid, sealed, created, retired FROM signing_keys ORDER BY created, kid";
        let rows = database::query(SQL).try_map(signing_key).fetch_all(self.db.readers()).await;
        rows.map_err(failed("list the signing keys"))
    }

    /// A key of the same `kid` is a conflict.
    pub async fn add_signing_key(&self, key: &SigningKeyRow) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO signing_keys (kid, sealed, created, retired) VALUES ($1, $2, $3, $4)";
        let added = database::query(SQL)
            .bind(&key.kid)
            .bind(&key.sealed)
            .bind(key.created.0)
            .bind(key.retired.map(|retired| retired.0))
            .execute(self.db.writer())
            .await;
        added.map(drop).map_err(not_added("add a signing key", "signing key", &key.kid))
    }

    /// Marks a key as one that signs no new token. A key retired before keeps its time.
    pub async fn retire_signing_key(&self, kid: &str, at: Ticks) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE signing_keys SET retired = COALESCE(retired, $2) WHERE kid = $1";
        let query = database::query(SQL).bind(kid).bind(at.0);
        let done = query.execute(self.db.writer()).await.map_err(failed("retire a signing key"))?;
        if done.rows_affected() == 0 {
            return Err(StoreError::not_found("signing key", kid));
        }
        Ok(())
    }
}

impl TenantStore {
    /// An app of the same id is a conflict; the tenant has to exist.
    pub async fn create_app(&self, app: &App) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO apps (tenant, id, display_name, manifest, created) \
                           VALUES ($1, $2, $3, $4, $5)";
        let added = database::query(SQL)
            .bind(&self.key)
            .bind(app.id.to_string())
            .bind(&app.display_name)
            .bind(names_text(&app.manifest))
            .bind(app.created.0)
            .execute(self.db.writer())
            .await;
        added
            .map(drop)
            .map_err(not_added("create an app", "app", app.id))
            .map_err(|error| without("tenant", &self.key, error))
    }

    pub async fn app(&self, id: AppId) -> Result<Option<App>, StoreError> {
        const SQL: &str =
            "SELECT id, display_name, manifest, created FROM apps WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string());
        query.try_map(app).fetch_optional(self.db.readers()).await.map_err(failed("read an app"))
    }

    /// Every app, the oldest first.
    pub async fn apps(&self) -> Result<Vec<App>, StoreError> {
        const SQL: &str = "SELECT id, display_name, manifest, created FROM apps \
                           WHERE tenant = $1 ORDER BY created, id";
        let query = database::query(SQL).bind(&self.key);
        query.try_map(app).fetch_all(self.db.readers()).await.map_err(failed("list the apps"))
    }

    /// Changes what the app asks for; what was consented to stays as it is.
    pub async fn set_manifest(&self, id: AppId, manifest: Vec<String>) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE apps SET manifest = $3 WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string()).bind(names_text(&manifest));
        let done = query.execute(self.db.writer()).await.map_err(failed("change an app"))?;
        if done.rows_affected() == 0 {
            return Err(StoreError::not_found("app", id));
        }
        Ok(())
    }

    pub async fn add_app_secret(&self, id: AppId, secret: &AppSecret) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO app_secrets (tenant, app, id, hash, created, expires, display_name) \
                           VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let added = database::query(SQL)
            .bind(&self.key)
            .bind(id.to_string())
            .bind(secret.id.to_string())
            .bind(&secret.hash)
            .bind(secret.created.0)
            .bind(secret.expires.map(|expires| expires.0))
            .bind(&secret.display_name)
            .execute(self.db.writer())
            .await;
        added
            .map(drop)
            .map_err(not_added("add a secret to an app", "secret", secret.id))
            .map_err(|error| without("app", id, error))
    }

    /// The app's secrets, expired ones included, the oldest first.
    pub async fn app_secrets(&self, id: AppId) -> Result<Vec<AppSecret>, StoreError> {
        const SQL: &str = "SELECT id, hash, created, expires, display_name FROM app_secrets \
                           WHERE tenant = $1 AND app = $2 ORDER BY created, id";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string());
        let rows = query.try_map(app_secret).fetch_all(self.db.readers()).await;
        rows.map_err(failed("list the secrets of an app"))
    }

    /// Records the consent for an app, in place of an earlier one.
    pub async fn put_grant(&self, id: AppId, grant: &Grant) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO grants (tenant, app, permissions, granted_by, granted) \
                           VALUES ($1, $2, $3, $4, $5) \
                           ON CONFLICT (tenant, app) DO UPDATE SET permissions = excluded.permissions, \
                           granted_by = excluded.granted_by, granted = excluded.granted";
        let put = database::query(SQL)
            .bind(&self.key)
            .bind(id.to_string())
            .bind(names_text(&grant.permissions))
            .bind(&grant.granted_by)
            .bind(grant.granted.0)
            .execute(self.db.writer())
            .await;
        put.map(drop)
            .map_err(failed("record the consent for an app"))
            .map_err(|error| without("app", id, error))
    }

    pub async fn grant(&self, id: AppId) -> Result<Option<Grant>, StoreError> {
        const SQL: &str =
            "SELECT permissions, granted_by, granted FROM grants WHERE tenant = $1 AND app = $2";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string());
        let row = query.try_map(grant).fetch_optional(self.db.readers()).await;
        row.map_err(failed("read the consent for an app"))
    }

    /// A user of the same id or principal name is a conflict; the tenant has to exist.
    pub async fn create_user(&self, user: &User) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        self.add_user(&mut transaction, user).await?;
        commit(transaction, "create a user").await
    }

    pub(crate) async fn add_user(&self, connection: &mut Connection, user: &User) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO users (tenant, id, principal_name, principal_name_folded, \
                           display_name, password_hash, is_administrator, created, is_disabled, \
                           tokens_from) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let added = database::query(SQL)
            .bind(&self.key)
            .bind(user.id.to_string())
            .bind(&user.principal_name)
            .bind(fold(&user.principal_name))
            .bind(&user.display_name)
            .bind(&user.password_hash)
            .bind(user.is_administrator)
            .bind(user.created.0)
            .bind(user.is_disabled)
            .bind(user.tokens_from.0)
            .execute(connection)
            .await;
        added
            .map(drop)
            .map_err(not_added("create a user", "user", &user.principal_name))
            .map_err(|error| without("tenant", &self.key, error))
    }

    pub async fn user_by_name(&self, principal_name: &str) -> Result<Option<User>, StoreError> {
        const SQL: &str = "SELECT id, principal_name, display_name, password_hash, is_administrator, \
                           created, is_disabled, tokens_from FROM users WHERE tenant = $1 AND principal_name_folded = $2";
        let query = database::query(SQL).bind(&self.key).bind(fold(principal_name));
        query.try_map(user).fetch_optional(self.db.readers()).await.map_err(failed("read a user"))
    }

    pub async fn user_by_id(&self, id: Uuid) -> Result<Option<User>, StoreError> {
        const SQL: &str = "SELECT id, principal_name, display_name, password_hash, is_administrator, \
                           created, is_disabled, tokens_from FROM users WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string());
        query.try_map(user).fetch_optional(self.db.readers()).await.map_err(failed("read a user"))
    }
}

fn tenant(row: Row) -> Result<Tenant, sqlx::Error> {
    Ok(Tenant {
        id: TenantId(uuid(row.try_get("id")?)?),
        display_name: row.try_get("display_name")?,
        domain: row.try_get("domain")?,
        created: Ticks(row.try_get("created")?),
    })
}

fn signing_key(row: Row) -> Result<SigningKeyRow, sqlx::Error> {
    Ok(SigningKeyRow {
        kid: row.try_get("kid")?,
        sealed: row.try_get("sealed")?,
        created: Ticks(row.try_get("created")?),
        retired: row.try_get::<Option<i64>, _>("retired")?.map(Ticks),
    })
}

fn app(row: Row) -> Result<App, sqlx::Error> {
    Ok(App {
        id: AppId(uuid(row.try_get("id")?)?),
        display_name: row.try_get("display_name")?,
        manifest: names(row.try_get("manifest")?)?,
        created: Ticks(row.try_get("created")?),
    })
}

fn app_secret(row: Row) -> Result<AppSecret, sqlx::Error> {
    Ok(AppSecret {
        id: uuid(row.try_get("id")?)?,
        hash: row.try_get("hash")?,
        created: Ticks(row.try_get("created")?),
        expires: row.try_get::<Option<i64>, _>("expires")?.map(Ticks),
        display_name: row.try_get("display_name")?,
    })
}

fn grant(row: Row) -> Result<Grant, sqlx::Error> {
    Ok(Grant {
        permissions: names(row.try_get("permissions")?)?,
        granted_by: row.try_get("granted_by")?,
        granted: Ticks(row.try_get("granted")?),
    })
}

pub(crate) fn user(row: Row) -> Result<User, sqlx::Error> {
    Ok(User {
        id: uuid(row.try_get("id")?)?,
        principal_name: row.try_get("principal_name")?,
        display_name: row.try_get("display_name")?,
        password_hash: row.try_get("password_hash")?,
        is_administrator: row.try_get("is_administrator")?,
        created: Ticks(row.try_get("created")?),
        is_disabled: row.try_get("is_disabled")?,
        tokens_from: Ticks(row.try_get("tokens_from")?),
    })
}

/// A list of names as it is stored: JSON.
pub(crate) fn names_text(names: &[String]) -> String {
    serde_json::Value::from(names).to_string()
}

pub(crate) fn names(text: &str) -> Result<Vec<String>, sqlx::Error> {
    serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

/// Without the key.
impl fmt::Debug for SigningKeyRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeyRow").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Without the hash.
impl fmt::Debug for AppSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AppSecret").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Without the hash of the password.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("principal_name", &self.principal_name)
            .finish_non_exhaustive()
    }
}
