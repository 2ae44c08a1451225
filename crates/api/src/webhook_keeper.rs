//! What webhooks ask of the issuer: to seal their secrets, and what those who made them may read now.

use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use identity::{Ask, AuthError, Caller, CallerKind, Issuer, SignedIn, authorize};
use model::access::GrantScope;
use model::{Clock, Permission, TenantId};
use webhooks::{Creator, Keeper};

use crate::routes::changes::needed_for;

/// The issuer, as webhooks see it.
pub struct WebhookKeeper {
    issuer: Arc<Issuer>,
    clock: Arc<dyn Clock>,
}

impl WebhookKeeper {
    pub fn new(issuer: Arc<Issuer>, clock: Arc<dyn Clock>) -> WebhookKeeper {
        WebhookKeeper { issuer, clock }
    }

    async fn decide(&self, tenant: TenantId, creator: &Creator, kinds: &[String]) -> Result<bool, String> {
        // Of tokens of outside issuers nothing is kept here.
        let Some(app) = creator.app else { return Ok(true) };
        let needed: Vec<Permission> = [Permission::ChangeRead]
            .into_iter()
            .chain(kinds.iter().filter_map(|kind| needed_for(kind)))
            .collect();
        let kind = match creator.user {
            None => CallerKind::Application,
            // Whoever signed out since is the same user.
            Some(user) => CallerKind::User(SignedIn { user, sign_in: None, rights: Arc::default() }),
        };
        let (name, scope) = (String::new(), Arc::default());
        let caller = Caller {
            tenant,
            app: Some(app),
            name,
            permissions: needed.clone(),
            scope,
            kind,
            outside: None,
            token: None,
        };
        let caller = match self.issuer.again(&caller).await {
            Ok(caller) => caller,
            Err(AuthError::AccessUnavailable) => return Err("the state store does not answer".to_owned()),
            Err(_) => return Ok(false),
        };
        // The place and the hour were right when the webhook was made.
        let scope = GrantScope { networks: Vec::new(), hours: Vec::new(), ..(*caller.scope).clone() };
        let caller = Caller { scope: Arc::new(scope), ..caller };
        let now = self.clock.now();
        // Changes tell of devices of every group.
        Ok(needed.into_iter().all(|needed| {
            let allowed = authorize(&caller, &Ask::new(needed, None, now));
            allowed.is_ok_and(|allowed| allowed.reach().is_all())
        }))
    }
}

impl Keeper for WebhookKeeper {
    fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, String> {
        self.issuer.seal(name, secret).map_err(|error| error.to_string())
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.issuer.unseal(name, sealed)
    }

    fn may<'a>(
        &'a self,
        tenant: TenantId,
        creator: &'a Creator,
        kinds: &'a [String],
    ) -> BoxFuture<'a, Result<bool, String>> {
        self.decide(tenant, creator, kinds).boxed()
    }
}
