//! The HTTP API: entities, hunting, ingest and the endpoints of the issuer.
//!
//! [`service`] serves all of it from an [`ApiState`]. Every route is declared once in [`Routes`], with the
//! access it demands; the same list routes requests, decides about callers, and can be read by tests and
//! documentation. There is no SQL and no plan in this crate.
//!
//! - A request under `/api` is authenticated before anything else is said about it, even whether its path
//!   exists; then [`identity::authorize`] decides about the permission of its route.
//! - A handler is given handles of the caller's tenant, narrowed to the devices that the caller reaches, and nothing
//!   that reaches further.
//! - What changes something is in the audit log before it is done.
//! - Every error has one form, made in one place, under an id by which the log knows more.
//! - Bodies, lists, waiting and memory are bounded by [`ApiConfig`].

#![recursion_limit = "256"]

mod ask;
mod audit;
mod body;
mod catalog;
mod config;
mod cors;
mod ctx;
mod drained;
mod error;
mod file_profiles;
mod forwarded;
mod idempotency;
mod ingest;
mod limits;
mod list;
mod meters;
mod multipart;
mod network_limits;
mod operator;
mod pages;
mod protobuf;
mod reach;
mod related;
mod requestors;
mod routes;
mod serve;
mod service;
mod stix;
mod streams;
mod webhook_keeper;

use std::sync::Arc;

use model::Clock;

pub use catalog::StoreCatalog;
pub use config::ApiConfig;
pub use limits::{CountedBy, Limit, RateLimits};
pub use network_limits::NetworkLimit;
pub use operator::operator_router;
pub use routes::{Access, Dialect, Gives, RouteDeclaration, Routes};
pub use service::{ApiConnections, ApiService};
pub use webhook_keeper::WebhookKeeper;

/// Says whether the server is ready for requests, or why not. The reason goes to the log.
pub type Readiness = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the API is made of.
#[derive(Clone)]
pub struct ApiState {
    /// Where events are taken in: threads that give way to those of requests.
    pub ingest_threads: tokio::runtime::Handle,
    pub store: store::Store,
    pub lake: lake::Lake,
    pub issuer: Arc<identity::Issuer>,
    pub engine: Arc<query::Engine>,
    pub actions: actions::Actions,
    pub webhooks: webhooks::Webhooks,
    pub clock: Arc<dyn Clock>,
    pub config: ApiConfig,
    /// Asked by `/readyz`, besides whether the state store answers.
    pub readiness: Readiness,
}

/// What all requests share.
pub(crate) struct Shared {
    pub state: ApiState,
    pub ingest: ingest::Ingest,
    pub routes: Routes,
    pub limiter: limits::Limiter,
    pub networks: network_limits::NetworkLimiter,
    pub reach: reach::ReachMemory,
    pub streams: streams::Streams,
    pub meters: meters::Meters,
}

/// Every route of the main port.
pub fn service(state: ApiState) -> ApiService {
    let requestors = requestors::JobRequestors::new(state.issuer.clone(), state.clock.clone());
    state.actions.ask_about_requestors(Arc::new(requestors));
    let ingest = ingest::Ingest::new(&state.config, state.ingest_threads.clone());
    let shared = Arc::new(Shared {
        state,
        ingest,
        routes: Routes::all(),
        limiter: limits::Limiter::default(),
        networks: network_limits::NetworkLimiter::default(),
        reach: reach::ReachMemory::default(),
        streams: streams::Streams::default(),
        meters: meters::Meters::default(),
    });
    ApiService::new(shared)
}
