//! What there is, and whether it works.

use axum::response::Response;
use serde_json::json;

use super::Access::{Open, SignedIn};
use super::Routes;
use crate::ctx::Outside;
use crate::error::ApiError;
use crate::{list, operator};

pub(super) fn routes(routes: &mut Routes) {
    routes.get("/api", SignedIn, service).summary("Lists the entity sets.");
    routes.get("/healthz", Open, operator::healthy).summary("Says that the server answers.");
    routes.get("/readyz", Open, ready).summary("Says whether the server can work.");
}

async fn service(outside: Outside) -> Result<Response, ApiError> {
    let set = |name: &str| json!({ "name": name, "kind": "EntitySet", "url": name });
    list::json(&json!({
        "@odata.context": format!("{}/api/$metadata", outside.base_url()),
        "value": [set("Alerts"), set("Machines")],
    }))
}

async fn ready(outside: Outside) -> Response {
    operator::ready(outside.state()).await
}
