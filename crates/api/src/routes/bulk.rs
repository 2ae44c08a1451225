//! The bulk protocol of Elasticsearch, for log shippers that speak it, and what they ask before they send.

use std::time::Instant;

use adapters::Said;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::Permission::EventWrite;
use serde::Serialize;
use serde_json::json;

use super::Access::Needs;
use super::events::{device, take};
use super::{Bounds, Dialect, Routes};
use crate::ctx::{Ctx, Param};
use crate::error::ApiError;
use crate::ingest::{Bulk, Items, Lines, SharedItems, lock};
use crate::list;

/// The version of the protocol that is spoken, for clients that ask before they send.
const VERSION: &str = "8.0.0";

pub(super) fn routes(routes: &mut Routes) {
    let all = |ctx: Ctx, request: Request| take_in(ctx, request, String::new());
    let one = |ctx: Ctx, Param(index): Param, request: Request| take_in(ctx, request, index);
    let summary = "Takes documents by the bulk protocol of Elasticsearch, each an event.";
    let bulk = |route: &mut super::RouteDeclaration| {
        route.summary(summary).bounds(Bounds::Ingest).dialect(Dialect::Bulk);
    };
    bulk(routes.post("/_bulk", Needs(EventWrite), all));
    bulk(routes.put("/_bulk", Needs(EventWrite), all));
    bulk(routes.post("/{index}/_bulk", Needs(EventWrite), one));
    bulk(routes.put("/{index}/_bulk", Needs(EventWrite), one));
    let route = routes.get("/", Needs(EventWrite), about);
    route.summary("Tells clients of the bulk protocol what they talk to.").dialect(Dialect::Bulk);
    let route = routes.get("/_cluster/health", Needs(EventWrite), health);
    route.summary("Tells clients of the bulk protocol whether events can be sent.").dialect(Dialect::Bulk);
    let route = routes.get("/_cat/health", Needs(EventWrite), health_line);
    route.summary("The same on one line.").dialect(Dialect::Bulk);
}

#[derive(Serialize)]
struct Answer<T> {
    took: u64,
    errors: bool,
    items: T,
}

async fn take_in(ctx: Ctx, request: Request, index: String) -> Result<Response, ApiError> {
    let started = Instant::now();
    let said = Said { device: device(request.headers())?.into(), kind: index.into(), time: None };
    let mapper = ctx.ingest().mappers.of(ctx.tenant());
    let items = SharedItems::default();
    let lines = Lines::Bulk(Bulk { mapper, said, items: items.clone() });
    let taken = take(ctx, request, lines).await;
    let items = lock(&items);
    match taken {
        Ok(_) => {
            let took = started.elapsed().as_millis() as u64;
            list::json(&Answer { took, errors: items.has_errors(), items: items.answers() })
        }
        Err(error) => Err(with_items(error, &items)),
    }
}

/// The refusal of a whole body that may be taken later, told of each item as well: some clients read the items alone
/// and some the status alone, and both send again.
fn with_items(error: ApiError, items: &Items) -> ApiError {
    let (status, kind) = error.bulk();
    if items.is_empty() || !matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
    {
        return error;
    }
    let answers = serde_json::to_string(&items.answers_with(status.as_u16(), kind, error.message()));
    match answers {
        Ok(answers) => error.with_items(answers),
        Err(_) => error,
    }
}

async fn about(_: Ctx) -> Response {
    let tagline = "Bartizan takes events by the bulk protocol of Elasticsearch. It is not Elasticsearch: nothing \
                   but the bulk protocol is here.";
    let version = json!({
        "number": VERSION,
        "minimum_wire_compatibility_version": VERSION,
        "minimum_index_compatibility_version": VERSION,
    });
    let about =
        json!({ "name": "bartizan", "cluster_name": "bartizan", "version": version, "tagline": tagline });
    ([(CONTENT_TYPE, "application/json")], about.to_string()).into_response()
}

async fn health(ctx: Ctx) -> Response {
    let (status, color) = color(&ctx).await;
    let body = json!({ "cluster_name": "bartizan", "status": color, "timed_out": false });
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

async fn health_line(ctx: Ctx) -> Response {
    let (status, color) = color(&ctx).await;
    let seconds = ctx.now().unix_seconds();
    (status, [(CONTENT_TYPE, "text/plain")], format!("{seconds} bartizan {color}\n")).into_response()
}

async fn color(ctx: &Ctx) -> (StatusCode, &'static str) {
    if ctx.is_ready().await { (StatusCode::OK, "green") } else { (StatusCode::SERVICE_UNAVAILABLE, "red") }
}
