//! The OpenAPI document, made of the list of routes, and a page that shows it and tries calls.

mod document;
mod schema;

use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::Access::Open;
use super::Routes;
use crate::ctx::Outside;
use crate::error::ApiError;
use crate::list;

/// Without a script, a style or a picture of anybody else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

pub(super) fn routes(routes: &mut Routes) {
    routes.get("/openapi.json", Open, json).summary("The OpenAPI document of the API.");
    routes.get("/explorer", Open, page).summary("A page that shows the API and tries calls.");
    routes.get("/explorer/explorer.js", Open, script).summary("What the page runs.");
    routes.get("/explorer/explorer.css", Open, style).summary("What the page looks like.");
}

async fn json(outside: Outside) -> Result<Response, ApiError> {
    list::json(&document::document(&Routes::all(), outside.base_url()))
}

async fn page() -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, include_str!("openapi/explorer.html")).into_response()
}

async fn script() -> Response {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("openapi/explorer.js")).into_response()
}

async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("openapi/explorer.css")).into_response()
}
