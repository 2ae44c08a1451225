//! The HTTP Event Collector protocol, for log shippers that speak it.

use adapters::{Protocol, Said};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::Permission::EventWrite;
use serde::Serialize;
use serde_json::json;

use super::Access::{Needs, Open};
use super::events::{device, take};
use super::{Bounds, Dialect, Routes};
use crate::ctx::{Ctx, Outside};
use crate::error::ApiError;
use crate::ingest::{Lines, Report, Shipped};
use crate::{list, operator};

const EVENTS: [&str; 3] =
    ["/services/collector", "/services/collector/event", "/services/collector/event/1.0"];
const RAW: [&str; 2] = ["/services/collector/raw", "/services/collector/raw/1.0"];
const HEALTH: [&str; 2] = ["/services/collector/health", "/services/collector/health/1.0"];
/// Longer values of the query string are no names.
const VALUE_BYTES_MAX: usize = 255;

pub(super) fn routes(routes: &mut Routes) {
    for path in EVENTS {
        let events = |ctx: Ctx, request: Request| take_in(ctx, request, Protocol::HecEvents);
        let route = routes.post(path, Needs(EventWrite), events);
        route.summary("Takes events in the envelopes of the HTTP Event Collector.");
        route.bounds(Bounds::Ingest).dialect(Dialect::Hec);
    }
    for path in RAW {
        let raw = |ctx: Ctx, request: Request| take_in(ctx, request, Protocol::HecRaw);
        let route = routes.post(path, Needs(EventWrite), raw);
        route.summary("Takes lines, each an event, from clients of the HTTP Event Collector.");
        route.bounds(Bounds::Ingest).dialect(Dialect::Hec);
    }
    for path in HEALTH {
        let route = routes.get(path, Open, health);
        route.summary("Says whether events can be sent, as the HTTP Event Collector does.");
        route.dialect(Dialect::Hec);
    }
}

/// What clients look for, and then what became of the events.
#[derive(Serialize)]
struct Success<'a> {
    text: &'static str,
    code: u16,
    ingest: &'a Report,
}

async fn take_in(ctx: Ctx, request: Request, protocol: Protocol) -> Result<Response, ApiError> {
    let said = said(&request)?;
    let mapper = ctx.ingest().mappers.of(ctx.tenant());
    let report = take(ctx, request, Lines::Shipped(Shipped { protocol, mapper, said })).await?;
    list::json(&Success { text: "Success", code: 0, ingest: &report })
}

/// What the query string says of events whose envelopes do not say it.
fn said(request: &Request) -> Result<Said<'static>, ApiError> {
    let mut said = Said { device: device(request.headers())?.into(), ..Said::default() };
    for (_, name, value) in list::options(request.uri()) {
        let value = value.trim().to_owned();
        match name.as_str() {
            _ if value.is_empty() || value.len() > VALUE_BYTES_MAX => {}
            "host" => said.device = value.into(),
            "sourcetype" => said.kind = value.into(),
            "time" => said.time = adapters::seconds(&value),
            _ => {}
        }
    }
    Ok(said)
}

async fn health(outside: Outside) -> Response {
    let is_ready = operator::ready(outside.state()).await.status() == StatusCode::OK;
    let (status, body) = if is_ready {
        (StatusCode::OK, json!({ "text": "HEC is healthy", "code": 17 }))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, json!({ "text": "HEC is unhealthy, queues are full", "code": 18 }))
    };
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
