//! What there is, and whether it works.

use axum::response::Response;

use super::Access::Open;
use super::Routes;
use crate::ctx::Outside;
use crate::operator;

pub(super) fn routes(routes: &mut Routes) {
    routes.get("/healthz", Open, operator::healthy).summary("Says that the server answers.");
    routes.get("/readyz", Open, ready).summary("Says whether the server can work.");
}

async fn ready(outside: Outside) -> Response {
    operator::ready(outside.state()).await
}
