//! What handlers are given: one caller in one tenant, or, on open routes, nobody.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actions::{CommandKeyRow, JobCaller, KnownDevice, TenantActions};
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use identity::{
    Allowed, Ask, Caller, CallerKind, Issuer, Network, OAuthError, OAuthProblem, OutsideIdentity, authorize,
    authorize_role,
};
use lake::TenantLake;
use model::role::{self, RolePermission};
use model::{Permission, TenantId, Ticks};
use store::TenantStore;
use webhooks::TenantWebhooks;

use crate::error::{ApiError, code};
use crate::ingest::Ingest;
use crate::streams::OpenStream;
use crate::{ApiConfig, ApiState, Shared, operator};

/// How long a decision holds for an answer that takes long.
pub(crate) const DECIDED_FOR: Duration = Duration::from_secs(10);

/// One caller in one tenant, allowed to do what the route is for.
#[derive(Clone)]
pub(crate) struct Ctx {
    caller: Arc<Caller>,
    allowed: Allowed,
    store: TenantStore,
    lake: TenantLake,
    /// Where the call comes from, where that is known.
    address: Option<IpAddr>,
    /// The size of pages that the client prefers.
    preferred_page: Option<u64>,
    /// Private, so that no handler reaches past its tenant.
    shared: Arc<Shared>,
}

impl Ctx {
    /// Makes the handles, narrowed to what the proof reaches.
    pub async fn new(shared: Arc<Shared>, caller: Arc<Caller>, allowed: Allowed) -> Result<Ctx, ApiError> {
        let store = shared.state.store.tenant(allowed.tenant()).within(allowed.reach().clone());
        let lake = shared.state.lake.tenant(allowed.tenant());
        let lake = match store.reach().is_all() {
            true => lake,
            false => match Box::pin(shared.reach.devices(&store)).await? {
                Some(devices) => lake.within(devices),
                None => lake,
            },
        };
        Ok(Ctx { caller, allowed, store, lake, address: None, preferred_page: None, shared })
    }

    /// The same, for a call from there.
    pub fn at(self, address: Option<IpAddr>) -> Ctx {
        Ctx { address, ..self }
    }

    /// The same, for a client that prefers pages of that size.
    pub fn preferring(self, preferred_page: Option<u64>) -> Ctx {
        Ctx { preferred_page, ..self }
    }

    pub fn preferred_page(&self) -> Option<u64> {
        self.preferred_page
    }

    /// Whether the caller's tenant is that of whoever runs the server: the first one.
    pub async fn is_operator(&self) -> Result<bool, ApiError> {
        let tenants = self.shared.state.store.tenants().await?;
        Ok(tenants.first().is_some_and(|first| first.id == self.tenant()))
    }

    pub fn issuer(&self) -> &Issuer {
        &self.shared.state.issuer
    }

    pub fn tenant(&self) -> TenantId {
        self.allowed.tenant()
    }

    /// What to write as the author of things.
    pub fn author(&self) -> String {
        match (&self.caller.name, self.caller.app) {
            (name, Some(app)) if name.is_empty() => app.to_string(),
            (name, _) => name.clone(),
        }
    }

    /// The id of the app, the name of the user, or the issuer and subject of the caller from outside, that things are
    /// of.
    pub fn owner(&self) -> String {
        match (&self.caller.kind, self.caller.app, &self.caller.outside) {
            (_, _, Some(outside)) => outside.to_string(),
            (CallerKind::Application, Some(app), None) => app.to_string(),
            _ => self.caller.name.clone(),
        }
    }

    /// Whether the caller is an app for itself.
    pub fn is_app(&self) -> bool {
        matches!(self.caller.kind, CallerKind::Application)
    }

    /// The name of the caller to show.
    pub fn display_name(&self) -> &str {
        &self.caller.name
    }

    /// Whether the caller may do this, too, for every device that it reaches here.
    pub fn may_as_far(&self, permission: Permission) -> bool {
        authorize(&self.caller, &self.ask(permission))
            .is_ok_and(|allowed| allowed.within(&self.allowed).reach() == self.allowed.reach())
    }

    /// Whether the caller holds this permission, too, and a role for it.
    pub fn may(&self, permission: Permission) -> bool {
        let is_held = self.caller.permissions.iter().any(|held| held.allows(permission));
        is_held
            && match &self.caller.kind {
                CallerKind::Application => true,
                CallerKind::User(signed_in) => signed_in.rights.reach(role::needed_for(permission)).is_some(),
            }
    }

    /// Whether the caller reaches every device.
    pub fn reaches_all(&self) -> bool {
        self.allowed.reach().is_all()
    }

    /// Refuses a caller that is narrowed to device groups: what is asked for tells of devices of every group.
    pub fn whole_tenant(&self) -> Result<(), ApiError> {
        if self.reaches_all() {
            return Ok(());
        }
        let message = "This is of devices of every group, and the caller is narrowed to some of them.";
        Err(ApiError::new(code::FORBIDDEN, message))
    }

    /// Who acts, as an id that does not change.
    pub fn actor(&self) -> String {
        self.caller.actor()
    }

    /// Who acts by what: what a caller calls its own, such as the keys of calls that are made once.
    pub fn actor_in_app(&self) -> String {
        self.caller.actor_in_app()
    }

    /// Fails unless the caller may do this, too; `action` names the response action that it asks for. The answer
    /// reaches the devices for which the caller may do both: roles can hold permissions for other devices each.
    pub async fn demand(self, needed: Permission, action: Option<&'static str>) -> Result<Ctx, ApiError> {
        let ask = Ask { action, ..self.ask(needed) };
        self.narrowed(&ask).await
    }

    /// The same call, about one device: roles and grants narrow it to those that they reach.
    pub async fn about_a_device(self) -> Result<Ctx, ApiError> {
        let ask = Ask { is_of_device: true, ..self.ask(self.allowed.permission()) };
        self.narrowed(&ask).await
    }

    fn ask(&self, needed: Permission) -> Ask {
        Ask::new(needed, self.address, self.now())
    }

    async fn narrowed(self, ask: &Ask) -> Result<Ctx, ApiError> {
        let allowed = authorize(&self.caller, ask)?.within(&self.allowed);
        let Ctx { caller, address, preferred_page, shared, .. } = self;
        Ok(Ctx::new(shared, caller, allowed).await?.at(address).preferring(preferred_page))
    }

    /// Fails unless the caller has a role for what it asks for, where it is a user. The answer reaches the devices of
    /// that role.
    pub async fn demand_role(self, roles: &'static [RolePermission]) -> Result<Ctx, ApiError> {
        let allowed = authorize_role(&self.caller, &self.allowed, roles)?;
        let Ctx { caller, address, preferred_page, shared, .. } = self;
        Ok(Ctx::new(shared, caller, allowed).await?.at(address).preferring(preferred_page))
    }

    /// Who asks for what is carried on with after the answer.
    pub fn job_caller(&self) -> JobCaller {
        let user = match &self.caller.kind {
            CallerKind::User(signed_in) => Some(signed_in.user),
            CallerKind::Application => None,
        };
        JobCaller { app: self.caller.app, user }
    }

    /// Fails when the caller may not have the rest of an answer: to be asked every [`DECIDED_FOR`] by those that take
    /// long. `more` is what the answer takes beside the permission of its route.
    pub async fn still_allowed(&self, more: &[Permission]) -> Result<(), ApiError> {
        let caller = self.issuer().again(&self.caller).await;
        let caller = caller.map_err(|error| ApiError::unauthorized(error, &self.config().base_url))?;
        for needed in more.iter().copied().chain([self.allowed.permission()]) {
            let allowed = authorize(&caller, &self.ask(needed))?.within(&self.allowed);
            if allowed.reach() != self.allowed.reach() {
                let message = "The caller does not reach all devices any more that it did.";
                return Err(ApiError::new(code::FORBIDDEN, message));
            }
        }
        Ok(())
    }

    /// Counts an answer that goes on for long, unless the caller or the tenant has too many.
    pub fn open_stream(&self) -> Result<OpenStream, ApiError> {
        self.shared.streams.open(&self.caller)
    }

    /// How long the token of the caller is good, where the call was made by one.
    pub fn token_seconds(&self) -> Option<u64> {
        let left = self.caller.token?.expires.unix_seconds() - self.now().unix_seconds();
        Some(u64::try_from(left).unwrap_or(0))
    }

    pub fn actions(&self) -> TenantActions {
        self.shared.state.actions.tenant(self.tenant())
    }

    /// The keys that sign commands for devices, of every tenant.
    pub fn command_keys(&self) -> Vec<CommandKeyRow> {
        self.shared.state.actions.command_keys()
    }

    /// Makes another key for them, beside which devices take commands of the one before for so long.
    pub async fn rotate_command_key(&self, overlap_seconds: i64) -> Result<CommandKeyRow, ApiError> {
        Ok(self.shared.state.actions.rotate_command_key(overlap_seconds).await?)
    }

    pub fn webhooks(&self) -> TenantWebhooks {
        self.shared.state.webhooks.tenant(self.tenant())
    }

    pub fn store(&self) -> &TenantStore {
        &self.store
    }

    pub fn lake(&self) -> &TenantLake {
        &self.lake
    }

    /// On whose account queries run.
    pub fn asker(&self) -> query::Asker {
        let app = match (&self.caller.outside, self.caller.app) {
            (Some(outside), _) => hashed(outside),
            (None, app) => app.map_or(0, |app| app.0.as_u128()),
        };
        query::Asker { tenant: self.tenant().0.as_u128(), app }
    }

    pub fn engine(&self) -> &query::Engine {
        &self.shared.state.engine
    }

    pub fn ingest(&self) -> &Ingest {
        &self.shared.ingest
    }

    pub fn config(&self) -> &ApiConfig {
        &self.shared.state.config
    }

    pub fn now(&self) -> Ticks {
        self.shared.state.clock.now()
    }

    /// Whether the server takes requests, as `/readyz` says it.
    pub async fn is_ready(&self) -> bool {
        operator::ready(&self.shared.state).await.status() == StatusCode::OK
    }
}

/// A number for a caller that has no app.
fn hashed(outside: &OutsideIdentity) -> u128 {
    let mut hasher = DefaultHasher::new();
    outside.hash(&mut hasher);
    u128::from(hasher.finish())
}

/// What a route can use that has nothing to do with a tenant's data.
#[derive(Clone)]
pub(crate) struct Outside(Arc<Shared>);

impl Outside {
    pub fn new(shared: Arc<Shared>) -> Outside {
        Outside(shared)
    }

    pub fn issuer(&self) -> &Issuer {
        &self.0.state.issuer
    }

    /// Counts a call to an endpoint of the issuer, unless its network has made too many. This computer is not counted: a
    /// proxy on it stands for everybody.
    pub fn count(&self, network: Network) -> Result<(), OAuthError> {
        let Some(limit) = &self.0.state.config.network_limit else { return Ok(()) };
        if network.address().is_some_and(|address| address.is_loopback()) {
            return Ok(());
        }
        let counted = self.0.networks.count(limit, network, self.0.state.clock.now());
        counted.map_err(|seconds| self.issuer().oauth_error(OAuthProblem::TooManyRequests { seconds }))
    }

    pub fn base_url(&self) -> &str {
        &self.0.state.config.base_url
    }

    pub fn config(&self) -> &ApiConfig {
        &self.0.state.config
    }

    /// For the answers about the server itself.
    pub fn state(&self) -> &ApiState {
        &self.0.state
    }
}

/// An enrolled device that signed its request.
#[derive(Clone)]
pub(crate) struct Device {
    pub known: KnownDevice,
    pub actions: TenantActions,
    shared: Arc<Shared>,
}

impl Device {
    pub fn new(shared: Arc<Shared>, known: KnownDevice) -> Device {
        let actions = shared.state.actions.tenant(known.tenant);
        Device { known, actions, shared }
    }

    pub fn config(&self) -> &ApiConfig {
        &self.shared.state.config
    }
}

/// The first segment of the path that varies.
#[derive(Clone)]
pub(crate) struct Param(pub String);

/// What a function in the path is called with.
#[derive(Clone)]
pub(crate) struct Arguments(pub Vec<(String, String)>);

impl Arguments {
    /// The argument of that name, in any letter case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

macro_rules! from_extensions {
    ($kind:ident) => {
        impl<S: Send + Sync> FromRequestParts<S> for $kind {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<$kind, ApiError> {
                let found = parts.extensions.get::<$kind>().cloned();
                found.ok_or_else(|| ApiError::internal(concat!("the route has no ", stringify!($kind))))
            }
        }
    };
}

from_extensions!(Ctx);
from_extensions!(Device);
from_extensions!(Outside);
from_extensions!(Param);
from_extensions!(Arguments);
