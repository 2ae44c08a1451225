//! What handlers are given: one caller in one tenant, or, on open routes, nobody.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use identity::{Allowed, Caller, Issuer};
use lake::TenantLake;
use model::{TenantId, Ticks};
use store::TenantStore;

use crate::error::ApiError;
use crate::ingest::Ingest;
use crate::{ApiConfig, ApiState, Shared, operator};

/// One caller in one tenant, allowed to do what the route is for.
#[derive(Clone)]
pub(crate) struct Ctx {
    caller: Caller,
    allowed: Allowed,
    store: TenantStore,
    lake: TenantLake,
    /// Private, so that no handler reaches past its tenant.
    shared: Arc<Shared>,
}

impl Ctx {
    pub fn new(shared: Arc<Shared>, caller: Caller, allowed: Allowed) -> Ctx {
        let store = shared.state.store.tenant(allowed.tenant());
        let lake = shared.state.lake.tenant(allowed.tenant());
        Ctx { caller, allowed, store, lake, shared }
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

    pub fn store(&self) -> &TenantStore {
        &self.store
    }

    pub fn lake(&self) -> &TenantLake {
        &self.lake
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

/// The segment of the path that varies.
#[derive(Clone)]
pub(crate) struct Param(pub String);

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
from_extensions!(Outside);
from_extensions!(Param);
