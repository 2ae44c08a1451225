//! What those who started a job may do now: it can go on for long after they asked.

use std::sync::Arc;

use actions::{ActionError, JobCaller, Requestors};
use futures::FutureExt;
use futures::future::BoxFuture;
use identity::{Ask, AuthError, Caller, CallerKind, Issuer, SignedIn, authorize, authorize_role};
use model::access::GrantScope;
use model::role::CHANGING_LIVE_RESPONSE;
use model::{Clock, Permission, Reach, TenantId};
use sensor_proto::Order;
use tracing::debug;

use crate::routes::actions::permission_of;
use crate::routes::live_response::changes_something;

/// Asks the issuer.
pub(crate) struct JobRequestors {
    issuer: Arc<Issuer>,
    clock: Arc<dyn Clock>,
}

impl JobRequestors {
    pub fn new(issuer: Arc<Issuer>, clock: Arc<dyn Clock>) -> JobRequestors {
        JobRequestors { issuer, clock }
    }

    async fn decide(
        &self,
        tenant: TenantId,
        asked_by: &JobCaller,
        order: &Order,
    ) -> Result<Option<Reach>, ActionError> {
        let Some(kind) = order.action() else { return Ok(None) };
        // Of tokens of outside issuers nothing is kept here.
        let Some(app) = asked_by.app else { return Ok(Some(Reach::All)) };
        let needed = [permission_of(kind), Permission::MachineRead];
        let kind_of_caller = match asked_by.user {
            None => CallerKind::Application,
            // Whoever signed out since is the same user.
            Some(user) => CallerKind::User(SignedIn { user, sign_in: None, rights: Arc::default() }),
        };
        let caller = Caller {
            tenant,
            app: Some(app),
            name: String::new(),
            permissions: needed.to_vec(),
            scope: Arc::default(),
            kind: kind_of_caller,
            outside: None,
            token: None,
        };
        let caller = match self.issuer.again(&caller).await {
            Ok(caller) => caller,
            Err(AuthError::AccessUnavailable) => {
                let source = std::io::Error::other(AuthError::AccessUnavailable);
                return Err(ActionError::Io { doing: "find out what who asked for a job may do", source });
            }
            Err(error) => {
                debug!(%tenant, %app, %error, "who asked for a job is not known any more");
                return Ok(None);
            }
        };
        // The place and the hour were right when the job was asked for.
        let scope = GrantScope { networks: Vec::new(), hours: Vec::new(), ..(*caller.scope).clone() };
        let caller = Caller { scope: Arc::new(scope), ..caller };
        let ask = |needed, action| Ask { action, ..Ask::new(needed, None, self.clock.now()) };
        let act = authorize(&caller, &ask(needed[0], Some(kind.name())));
        let (Ok(act), Ok(read)) = (act, authorize(&caller, &ask(needed[1], None))) else { return Ok(None) };
        let allowed = act.within(&read);
        if !changes_something(order) {
            return Ok(Some(allowed.reach().clone()));
        }
        let changing = authorize_role(&caller, &allowed, CHANGING_LIVE_RESPONSE);
        Ok(changing.ok().map(|allowed| allowed.reach().clone()))
    }
}

impl Requestors for JobRequestors {
    fn reach<'a>(
        &'a self,
        tenant: TenantId,
        asked_by: &'a JobCaller,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Option<Reach>, ActionError>> {
        self.decide(tenant, asked_by, order).boxed()
    }
}
