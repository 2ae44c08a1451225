//! What the operator's port serves: health, readiness and metrics.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tracing::warn;

use crate::ApiState;

/// `/healthz`, `/readyz` and `/metrics`, whose text `metrics` makes.
pub fn operator_router(state: ApiState, metrics: impl Fn() -> String + Send + Sync + 'static) -> Router {
    let metrics = Arc::new(metrics);
    let exposed = move || async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics()) };
    Router::new()
        .route("/healthz", get(healthy))
        .route("/readyz", get(move || async move { ready(&state).await }))
        .route("/metrics", get(exposed))
}

/// The process answers.
pub(crate) async fn healthy() -> Response {
    "ok\n".into_response()
}

/// The state store answers and the server says it is ready.
pub(crate) async fn ready(state: &ApiState) -> Response {
    let store = state.store.ping().await.map_err(|error| crate::error::chain(&error));
    match store.and_then(|()| (state.readiness)()) {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => {
            warn!(reason, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready\n").into_response()
        }
    }
}
