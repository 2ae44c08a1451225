//! What users do on the pages, written into the audit log of their tenant. What cannot be written down is not done.

use model::AppId;
use model::audit::{AuditEntry, Verdict};
use serde_json::Value;
use store::{Tenant, User};
use uuid::Uuid;

use crate::issuer::Issuer;
use crate::oauth_error::OAuthProblem;
use crate::token::store_problem;

impl Issuer {
    pub(crate) async fn write_down(
        &self,
        tenant: &Tenant,
        user: &User,
        app: Option<AppId>,
        action: &str,
        detail: Option<Value>,
    ) -> Result<(), OAuthProblem> {
        let entry = AuditEntry {
            actor: user.principal_name.clone(),
            app: app.map(|app| app.to_string()),
            user: Some(user.id.to_string()),
            address: None,
            action: action.to_owned(),
            object: None,
            verdict: Verdict::Allowed,
            status: None,
            request: Uuid::new_v4().to_string(),
            detail,
        };
        let written = self.store.tenant(tenant.id).audit(&entry, self.clock.now()).await;
        written.map(drop).map_err(store_problem)
    }
}
