//! What becomes of apps after they are registered: secrets and consents taken back, grants bounded.

use model::AppId;
use model::access::GrantScope;
use uuid::Uuid;

use crate::database::{self, Row, commit};
use crate::error::failed;
use crate::{StoreError, TenantStore};

const CHANGE: &str = "change an app";

impl TenantStore {
    pub async fn remove_app_secret(&self, id: AppId, secret: Uuid) -> Result<(), StoreError> {
        let query = database::query("DELETE FROM app_secrets WHERE tenant = $1 AND app = $2 AND id = $3");
        let query = query.bind(&self.key).bind(id.to_string()).bind(secret.to_string());
        let done = query.execute(self.db.writer()).await.map_err(failed(CHANGE))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found("secret", secret)) } else { Ok(()) }
    }

    pub async fn rename_app(&self, id: AppId, display_name: &str) -> Result<(), StoreError> {
        let query = database::query("UPDATE apps SET display_name = $3 WHERE tenant = $1 AND id = $2");
        let query = query.bind(&self.key).bind(id.to_string()).bind(display_name);
        let done = query.execute(self.db.writer()).await.map_err(failed(CHANGE))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found("app", id)) } else { Ok(()) }
    }

    /// Takes a consent back. What bounded the grant stays, for the next consent.
    pub async fn remove_grant(&self, id: AppId) -> Result<(), StoreError> {
        let query = database::query("DELETE FROM grants WHERE tenant = $1 AND app = $2");
        let query = query.bind(&self.key).bind(id.to_string());
        let done = query.execute(self.db.writer()).await.map_err(failed(CHANGE))?;
        if done.rows_affected() == 0 { Err(StoreError::not_found("consent for app", id)) } else { Ok(()) }
    }

    /// Removes an app with its secrets, certificates, consents and sign-ins, in the tenants of partners too.
    pub async fn delete_app(&self, id: AppId) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        let mut removed = 0;
        for sql in [
            "DELETE FROM app_sign_in WHERE tenant = $1 AND app = $2",
            "DELETE FROM app_redirects WHERE tenant = $1 AND app = $2",
            "DELETE FROM app_certificates WHERE tenant = $1 AND app = $2",
            "DELETE FROM delegated_grants WHERE tenant = $1 AND app = $2",
            "DELETE FROM sign_ins WHERE tenant = $1 AND app = $2",
            "DELETE FROM partner_apps WHERE home = $1 AND app = $2",
            "DELETE FROM app_secrets WHERE tenant = $1 AND app = $2",
            "DELETE FROM grants WHERE tenant = $1 AND app = $2",
            "DELETE FROM grant_scopes WHERE tenant = $1 AND app = $2",
            "DELETE FROM apps WHERE tenant = $1 AND id = $2",
        ] {
            let query = database::query(sql).bind(&self.key).bind(id.to_string());
            let done = query.execute(&mut *transaction).await.map_err(failed("remove an app"))?;
            removed = done.rows_affected();
        }
        if removed == 0 {
            return Err(StoreError::not_found("app", id));
        }
        commit(transaction, "remove an app").await
    }

    /// What bounds the grant of an app; nothing where nothing was said.
    pub async fn grant_scope(&self, id: AppId) -> Result<GrantScope, StoreError> {
        let query = database::query("SELECT scope FROM grant_scopes WHERE tenant = $1 AND app = $2");
        let query = query.bind(&self.key).bind(id.to_string()).try_map(|row: Row| row.try_get(0));
        let text: Option<String> =
            query.fetch_optional(self.db.readers()).await.map_err(failed("read the bounds of a grant"))?;
        let Some(text) = text else { return Ok(GrantScope::default()) };
        serde_json::from_str(&text).map_err(|source| StoreError::Unreadable {
            entity: "bounds of the grant of app",
            id: id.to_string(),
            source,
        })
    }

    pub async fn put_grant_scope(&self, id: AppId, scope: &GrantScope) -> Result<(), StoreError> {
        const PUT: &str = "INSERT INTO grant_scopes (tenant, app, scope) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, app) DO UPDATE SET scope = excluded.scope";
        const REMOVE: &str = "DELETE FROM grant_scopes WHERE tenant = $1 AND app = $2";
        let text = serde_json::to_string(scope).unwrap_or_default();
        let query = match *scope == GrantScope::default() {
            true => database::query(REMOVE).bind(&self.key).bind(id.to_string()),
            false => database::query(PUT).bind(&self.key).bind(id.to_string()).bind(text),
        };
        query.execute(self.db.writer()).await.map(drop).map_err(failed("bound a grant"))
    }
}
