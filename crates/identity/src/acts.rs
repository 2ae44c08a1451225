//! What users do on the pages and at the token endpoint, written into the audit log of their tenant.
//!
//! What cannot be written down is not done. What is refused is written down beside the answer, which so takes as long
//! for users there are as for others.

use model::audit::{AuditEntry, Verdict};
use model::{AppId, TenantId};
use serde_json::Value;
use store::{Store, StoreError, User};
use tracing::error;
use uuid::Uuid;

use crate::issuer::Issuer;
use crate::network::Network;
use crate::oauth_error::OAuthProblem;
use crate::sign_in::Browser;
use crate::token::store_problem;

/// What a user does.
#[derive(Clone, Debug)]
pub(crate) struct Deed {
    pub tenant: TenantId,
    pub app: Option<AppId>,
    pub network: Network,
    pub action: &'static str,
    pub detail: Option<Value>,
}

/// Who is said to have done what was refused.
#[derive(Clone, Debug)]
pub(crate) enum Doer {
    Named(String),
    Known(Uuid),
}

impl Deed {
    pub(crate) fn of(browser: &Browser, action: &'static str) -> Deed {
        Deed { tenant: browser.tenant.id, app: None, network: browser.network, action, detail: None }
    }

    pub(crate) fn in_app(self, app: AppId) -> Deed {
        Deed { app: Some(app), ..self }
    }

    pub(crate) fn with(self, detail: Value) -> Deed {
        Deed { detail: Some(detail), ..self }
    }

    fn entry(self, user: &User, verdict: Verdict) -> AuditEntry {
        AuditEntry {
            actor: user.principal_name.clone(),
            app: self.app.map(|app| app.to_string()),
            user: Some(user.id.to_string()),
            address: self.network.address().map(|address| address.to_string()),
            action: self.action.to_owned(),
            object: None,
            verdict,
            status: None,
            request: Uuid::new_v4().to_string(),
            detail: self.detail,
        }
    }
}

impl Issuer {
    pub(crate) async fn write_down(&self, user: &User, deed: Deed) -> Result<(), OAuthProblem> {
        let store = self.store.tenant(deed.tenant);
        let written = store.audit(&deed.entry(user, Verdict::Allowed), self.clock.now()).await;
        written.map(drop).map_err(store_problem)
    }

    /// Writes down what was refused, where the user is one there is.
    pub(crate) fn write_down_refused(&self, doer: Doer, deed: Deed) {
        let (store, now) = (self.store.clone(), self.clock.now());
        tokio::spawn(async move {
            if let Err(error) = refused(&store, doer, deed, now).await {
                error!(
                    error = &error as &dyn std::error::Error,
                    "a refused sign-in could not be written down"
                );
            }
        });
    }
}

async fn refused(store: &Store, doer: Doer, deed: Deed, now: model::Ticks) -> Result<(), StoreError> {
    let store = store.tenant(deed.tenant);
    let user = match doer {
        Doer::Named(name) => store.user_by_name(&name).await?,
        Doer::Known(id) => store.user_by_id(id).await?,
    };
    if let Some(user) = user {
        store.audit(&deed.entry(&user, Verdict::Denied), now).await?;
    }
    Ok(())
}
