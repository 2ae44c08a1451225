//! Events in: bodies of lines, each a row or a foreign event, durable before the answer.

use std::convert::Infallible;

use adapters::{FORMATS, Format};
use axum::body::Body;
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::response::Response;
use model::Permission::EventWrite;
use model::Table;
use model::tables::TABLES;
use tower::ServiceExt;
use tower_http::decompression::{DecompressionBody, RequestDecompression};

use super::Access::Needs;
use super::{Bounds, Routes};
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code, media_type};
use crate::ingest::{DEVICE, Decoded, Foreign, Lines, Naming, Report, Reserved, decode};
use crate::{body, list};

const PRODUCER: &str = "bartizan-producer";
const SEQUENCE: &str = "bartizan-sequence";
const PRODUCER_BYTES_MAX: usize = 128;
const DEVICE_HEADER: &str = "bartizan-device";
const DEVICE_BYTES_MAX: usize = 255;
const ARROW_STREAM: &str = "application/vnd.apache.arrow.stream";
/// What a decompressor may take besides what it puts out.
const DECOMPRESSOR_BYTES: usize = 8 << 20;
/// A body and its rows together take about this many times the body.
const ROWS_FACTOR: usize = 2;

pub(super) fn routes(routes: &mut Routes) {
    routes
        .post("/api/ingest/{table}", Needs(EventWrite), rows)
        .summary("Takes rows of a table, one JSON object a line or an Arrow IPC stream.")
        .bounds(Bounds::Ingest);
    for format in FORMATS {
        let handler = |ctx: Ctx, request: Request| foreign(ctx, request, format);
        let route = routes.post(format.route, Needs(EventWrite), handler);
        route.summary(format.summary).bounds(Bounds::Ingest);
    }
}

async fn rows(ctx: Ctx, Param(name): Param, request: Request) -> Result<Response, ApiError> {
    let table = find_table(&name)?;
    let is_arrow = media_type(request.headers()) == ARROW_STREAM;
    let lines = if is_arrow { Lines::Arrow(table) } else { Lines::Rows(table) };
    list::json(&take(ctx, request, lines).await?)
}

async fn foreign(ctx: Ctx, request: Request, format: &'static Format) -> Result<Response, ApiError> {
    let device = device(request.headers())?;
    let mapper = ctx.ingest().mappers.of(ctx.tenant());
    list::json(&take(ctx, request, Lines::Foreign(Foreign { format, mapper, device })).await?)
}

/// Takes the events of a body in. They are durable when it returns.
pub(super) async fn take(ctx: Ctx, request: Request, lines: Lines) -> Result<Report, ApiError> {
    let producer = producer(request.headers())?;
    let mut reserved = ctx.ingest().budget.reserve();
    // A body that is read and then turned away costs what one costs that is kept: it waits outside instead.
    let patience = ctx.config().ingest_patience;
    ctx.lake().wait_for_room(patience).await;
    reserved.wait_for(content_length(&request).saturating_mul(ROWS_FACTOR), patience).await;
    let body = read_body(&ctx, request, &lines, &mut reserved).await?;
    let directory = ctx.ingest().directory(ctx.store()).await?;

    let rows_bytes_max = ctx.config().ingest_rows_bytes_max;
    let assigning = directory.clone();
    let turn = ctx.ingest().turns.acquire().await;
    let buffers = ctx.ingest().buffers.clone();
    let work = ctx.ingest().threads.spawn_blocking(move || {
        let Decoded { parts, mut report } = decode(body, &lines, &mut reserved, rows_bytes_max, &buffers)?;
        let naming = assigning.assign(parts, &mut report)?;
        Ok::<_, ApiError>((naming, report, reserved))
    });
    let worked = work.await.map_err(|error| ApiError::internal(format!("cannot read events: {error}")))?;
    drop(turn);
    // What is reserved is given back when the rows are gone.
    let (Naming { rows, unstored }, mut report, _reserved) = worked?;

    if !unstored.is_empty() {
        ctx.store().add_device_names(&unstored).await?;
        directory.stored(&unstored);
    }
    if !rows.is_empty() {
        let lake = ctx.lake().clone();
        let append = ctx.ingest().threads.spawn(async move {
            // Here, and not before: until the task has its turn others may have taken the room.
            lake.wait_for_room(patience).await;
            lake.append(rows, producer).await
        });
        let appended =
            append.await.map_err(|error| ApiError::internal(format!("cannot append rows: {error}")))?;
        report.duplicate = appended?.duplicate;
    }
    count(&report);
    Ok(report)
}

fn count(report: &Report) {
    if !report.duplicate {
        for (table, rows) in &report.rows {
            metrics::counter!("bartizan_ingest_rows_total", "table" => *table).increment(*rows);
        }
    }
    for (code, lines) in &report.refused_by_code {
        metrics::counter!("bartizan_ingest_refused_total", "code" => *code).increment(*lines);
    }
    metrics::counter!("bartizan_ingest_unmapped_total").increment(report.unmapped.values().sum());
}

/// The table of that name, in any letter case.
pub(super) fn find_table(name: &str) -> Result<&'static Table, ApiError> {
    let found = TABLES.iter().copied().find(|table| table.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let name: String = name.chars().take(100).collect();
        let nearest = kql::nearest(&name, TABLES.iter().map(|table| table.name));
        let hint = match nearest.as_slice() {
            [] => "it is not one of the hunting tables".to_owned(),
            names => format!("did you mean {}?", names.join(" or ")),
        };
        ApiError::new(code::RESOURCE_NOT_FOUND, format!("Table {name} was not found; {hint}"))
    })
}

/// The producer and its sequence, by which a repeated body is recognised in the whole tenant.
fn producer(headers: &HeaderMap) -> Result<Option<(String, i64)>, ApiError> {
    let invalid = |message: String| ApiError::new(code::INVALID_INPUT, message);
    let (name, sequence) = match (headers.get(PRODUCER), headers.get(SEQUENCE)) {
        (None, None) => return Ok(None),
        (Some(name), Some(sequence)) => (name, sequence),
        _ => {
            return Err(invalid(
                "Bartizan-Producer and Bartizan-Sequence go together; one is missing.".to_owned(),
            ));
        }
    };
    let is_name =
        |name: &[u8]| (1..=PRODUCER_BYTES_MAX).contains(&name.len()) && name.iter().all(u8::is_ascii_graphic);
    let name = name.as_bytes();
    if !is_name(name) {
        let message = format!("Bartizan-Producer takes 1 to {PRODUCER_BYTES_MAX} visible ASCII characters.");
        return Err(invalid(message));
    }
    let sequence = sequence.to_str().ok().and_then(|text| text.trim().parse::<i64>().ok());
    let sequence = sequence.filter(|sequence| *sequence > 0);
    let sequence =
        sequence.ok_or_else(|| invalid("Bartizan-Sequence takes a whole number from 1.".to_owned()))?;
    Ok(Some((String::from_utf8_lossy(name).into_owned(), sequence)))
}

/// The device of records that name none.
pub(super) fn device(headers: &HeaderMap) -> Result<String, ApiError> {
    let Some(name) = headers.get(DEVICE_HEADER) else { return Ok(DEVICE.to_owned()) };
    let name = name.as_bytes();
    if !(1..=DEVICE_BYTES_MAX).contains(&name.len()) || !name.iter().all(u8::is_ascii_graphic) {
        let message = format!("Bartizan-Device takes 1 to {DEVICE_BYTES_MAX} visible ASCII characters.");
        return Err(ApiError::new(code::INVALID_INPUT, message));
    }
    Ok(String::from_utf8_lossy(name).into_owned())
}

/// Reads the body whole, decompressed.
async fn read_body(
    ctx: &Ctx,
    mut request: Request,
    lines: &Lines,
    reserved: &mut Reserved,
) -> Result<Vec<u8>, ApiError> {
    let unsupported = |message: &str| ApiError::new(code::UNSUPPORTED_MEDIA_TYPE, message);
    if media_type(request.headers()) == ARROW_STREAM && !matches!(lines, Lines::Arrow(_)) {
        return Err(unsupported("Arrow streams are rows of a table: send them to the table's own path."));
    }
    if let Some(encoding) = request.headers().get(CONTENT_ENCODING) {
        let encoding = encoding.to_str().unwrap_or_default().trim().to_ascii_lowercase();
        let encoding = match encoding.as_str() {
            "gzip" | "x-gzip" => "gzip",
            "zstd" => "zstd",
            "identity" | "" => "identity",
            _ => return Err(unsupported("The content encodings that are read are gzip and zstd.")),
        };
        if encoding != "identity" {
            reserved.grow(DECOMPRESSOR_BYTES)?;
        }
        request.headers_mut().insert(CONTENT_ENCODING, axum::http::HeaderValue::from_static(encoding));
    }
    let bytes_about = content_length(&request);
    let body = decompressed(request).await?;
    let config = ctx.config();
    // Room that is not written to is not memory yet: what came is what is reserved.
    let bytes_max = config.ingest_body_bytes_max;
    let bytes_about = bytes_about.min(bytes_max);
    let buffer = match lines {
        Lines::Arrow(_) => Vec::with_capacity(bytes_about),
        _ => ctx.ingest().buffers.take(bytes_about),
    };
    body::read(body, buffer, bytes_max, config, |bytes| reserved.grow(bytes)).await
}

/// What a request says of the length of its body, 0 if nothing.
fn content_length(request: &Request) -> usize {
    let length = request.headers().get(CONTENT_LENGTH);
    length.and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// The layer hands a decompressed request to its service; this one hands the body back.
async fn decompressed(request: Request) -> Result<Body, ApiError> {
    let echo = tower::service_fn(async |request: axum::http::Request<DecompressionBody<Body>>| {
        Ok::<_, Infallible>(axum::http::Response::new(request.into_body()))
    });
    let response = RequestDecompression::new(echo).oneshot(request).await;
    Ok(Body::new(response.unwrap_or_else(|never| match never {}).into_body()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: Option<&[u8]>, sequence: Option<&str>) -> Result<Option<(String, i64)>, &'static str> {
        let mut headers = HeaderMap::new();
        if let Some(name) = name {
            headers.insert(PRODUCER, axum::http::HeaderValue::from_bytes(name).unwrap());
        }
        if let Some(sequence) = sequence {
            headers.insert(SEQUENCE, sequence.parse().unwrap());
        }
        producer(&headers).map_err(|error| error.code().0)
    }

    #[test]
    fn a_producer_comes_with_its_sequence() {
        assert_eq!(read(None, None), Ok(None));
        assert_eq!(read(Some(b"host-1/a"), Some("7")), Ok(Some(("host-1/a".to_owned(), 7))));
        assert!(read(Some(&[b'a'; 128]), Some("9223372036854775807")).is_ok());
        for (name, sequence) in [
            (Some(&b"a"[..]), None),
            (None, Some("1")),
            (Some(b"a"), Some("0")),
            (Some(b"a"), Some("-1")),
            (Some(b"a"), Some("x")),
            (Some(b"a"), Some("9223372036854775808")),
            (Some(b""), Some("1")),
            (Some(b"a b"), Some("1")),
            (Some(b"\xc3\xa4"), Some("1")),
            (Some(&[b'a'; 129]), Some("1")),
        ] {
            assert_eq!(read(name, sequence), Err("InvalidInput"), "{name:?} {sequence:?}");
        }
    }

    #[test]
    fn an_unknown_table_is_answered_with_the_nearest() {
        assert_eq!(find_table("deviceprocessevents").unwrap().name, "DeviceProcessEvents");
        let error = find_table("DeviceProcesEvents").unwrap_err();
        assert_eq!(error.code(), code::RESOURCE_NOT_FOUND);
        assert!(format!("{error:?}").contains("did you mean DeviceProcessEvents"), "{error:?}");
    }
}
