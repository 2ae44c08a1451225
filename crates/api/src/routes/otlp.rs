//! Logs of the OpenTelemetry protocol over HTTP.

use adapters::{Protocol, Said};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use model::Permission::EventWrite;
use serde_json::json;

use super::Access::Needs;
use super::events::{device, take};
use super::{Bounds, Dialect, Routes};
use crate::ctx::Ctx;
use crate::error::{ApiError, code, media_type};
use crate::ingest::{Lines, Report, Shipped};
use crate::protobuf;

/// Kinds and reasons that a message names.
const NAMED_MAX: usize = 10;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/v1/logs", Needs(EventWrite), logs)
        .summary("Takes log records of OpenTelemetry, as Protocol Buffers or JSON.")
        .bounds(Bounds::Ingest)
        .dialect(Dialect::Otlp);
}

async fn logs(ctx: Ctx, request: Request) -> Result<Response, ApiError> {
    let protocol = match media_type(request.headers()).as_str() {
        protobuf::MEDIA_TYPE => Protocol::OtlpProtobuf,
        "application/json" => Protocol::OtlpJson,
        _ => {
            let message = "The content types that are read are application/x-protobuf and application/json.";
            return Err(ApiError::new(code::UNSUPPORTED_MEDIA_TYPE, message));
        }
    };
    let said = Said { device: device(request.headers())?.into(), ..Said::default() };
    let mapper = ctx.ingest().mappers.of(ctx.tenant());
    let report = take(ctx, request, Lines::Shipped(Shipped { protocol, mapper, said })).await?;
    Ok(answer(protocol, &report))
}

/// `ExportLogsServiceResponse`: `partial_success` is there when a record was not stored.
fn answer(protocol: Protocol, report: &Report) -> Response {
    let message = message(report);
    let (media_type, body) = if protocol == Protocol::OtlpJson {
        let partial = json!({ "rejectedLogRecords": report.refused.to_string(), "errorMessage": message });
        let body = if message.is_empty() { json!({}) } else { json!({ "partialSuccess": partial }) };
        ("application/json", body.to_string().into_bytes())
    } else {
        let (mut partial, mut body) = (Vec::new(), Vec::new());
        if !message.is_empty() {
            protobuf::number(&mut partial, 1, report.refused);
            protobuf::bytes(&mut partial, 2, message.as_bytes());
            protobuf::bytes(&mut body, 1, &partial);
        }
        (protobuf::MEDIA_TYPE, body)
    };
    (StatusCode::OK, [(CONTENT_TYPE, media_type)], body).into_response()
}

/// What was not stored and why; empty when all was.
fn message(report: &Report) -> String {
    let mut parts = Vec::new();
    if report.refused > 0 {
        let reasons = named(report.refused_by_code.iter().map(|(code, count)| (*code, *count)));
        parts.push(format!("{} log records were refused: {reasons}", report.refused));
    }
    let unmapped: u64 = report.unmapped.values().sum();
    if unmapped > 0 {
        let kinds = named(report.unmapped.iter().map(|(kind, count)| (kind.as_str(), *count)));
        parts.push(format!("{unmapped} log records are of kinds that no table takes: {kinds}"));
    }
    parts.join("; ")
}

/// Those that are named most often.
fn named<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    let mut counts: Vec<(&str, u64)> = counts.collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let others = counts.len().saturating_sub(NAMED_MAX);
    let named = counts.iter().take(NAMED_MAX).map(|(name, count)| format!("{name} {count}"));
    let more = (others > 0).then(|| format!("and {others} more"));
    named.chain(more).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_names_the_most_frequent_kinds() {
        let mut report = Report::default();
        assert_eq!(message(&report), "");
        report.refuse(1, "InvalidTime", "x");
        assert_eq!(message(&report), "1 log records were refused: InvalidTime 1");
        let mut report = Report::default();
        for kind in 0..12 {
            (0..=kind).for_each(|_| report.unmapped(&format!("kind{kind:02}")));
        }
        let message = message(&report);
        assert!(message.starts_with("78 log records are of kinds that no table takes: kind11 12, kind10 11"));
        assert!(message.ends_with("kind02 3, and 2 more"), "{message}");
    }
}
