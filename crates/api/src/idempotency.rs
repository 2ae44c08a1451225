//! Calls that clients may send again: with the header `Idempotency-Key` a change is made once, and its answer is
//! given again.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName, LOCATION};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use futures::FutureExt;
use serde_json::Value;
use store::{Begun, IdempotentCall, KeptAnswer, fingerprint};
use tracing::{Instrument, Span};

use crate::body;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};
use crate::routes::HandlerOf;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const KEY_BYTES_MAX: usize = 255;
/// A larger answer is not kept: its call is refused when it comes again.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// What of an answer is kept beside its body.
static HEADERS: [HeaderName; 4] = [CONTENT_TYPE, ETAG, LOCATION, HeaderName::from_static("odata-version")];
const RETRY_SECONDS: u32 = 2;
/// How long a call may run: less than the time after which the store takes it for cut off.
const RUNS_MAX: Duration = Duration::from_secs(540);

/// Makes a call; where it has a key and answers of its route are kept, once.
pub(crate) async fn once(is_kept: bool, request: Request, handler: HandlerOf) -> Result<Response, ApiError> {
    let is_change = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_once = is_kept && is_change && request.headers().contains_key(KEY);
    match request.extensions().get::<Ctx>().filter(|_| is_once).cloned() {
        Some(ctx) => Box::pin(with_key(ctx, request, handler)).await,
        None => Ok(handler(request).await),
    }
}

async fn with_key(ctx: Ctx, request: Request, handler: HandlerOf) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = body::read(body, Vec::new(), ctx.config().body_bytes_max, ctx.config(), |_| Ok(())).await?;
    let call = call(&ctx, &parts, &body)?;
    let request = Request::from_parts(parts, Body::from(body));
    // On its own: a client that hangs up, or is told that this took too long, comes again with its key, and is then
    // to be told what came of the call.
    let made = tokio::spawn(make(ctx, call, request, handler).instrument(Span::current()));
    made.await
        .map_err(|error| ApiError::internal(format!("a call that is made once ended early: {error}")))?
}

/// Makes a call that no other with its key is making, and keeps its answer.
async fn make(
    ctx: Ctx,
    call: IdempotentCall,
    request: Request,
    handler: HandlerOf,
) -> Result<Response, ApiError> {
    match ctx.store().begin_idempotent(&call, ctx.now()).await? {
        Begun::New => {}
        Begun::Answered(answer) => return replayed(answer),
        Begun::Running => {
            let message = "A call with this Idempotency-Key is being made. Send it again later.";
            return Err(ApiError::new(code::CONFLICT, message).retry_after(RETRY_SECONDS));
        }
        Begun::Differs => {
            let message = "This Idempotency-Key was used for another call.";
            return Err(ApiError::new(code::IDEMPOTENCY_KEY_REUSED, message));
        }
    }
    let response = tokio::time::timeout(RUNS_MAX, AssertUnwindSafe(handler(request)).catch_unwind());
    let response = match response.await {
        Ok(Ok(response)) => response,
        // What is known of it is what is known of one that a crash cut off.
        Ok(Err(_)) => return Err(ApiError::internal("a handler panicked in a call that is made once")),
        Err(_) => return Err(ApiError::unavailable("a call that is made once took longer than it may")),
    };
    if !response.status().is_success() {
        // A refusal has no effect.
        ctx.store().forget_idempotent(&call).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_BYTES_MAX).await;
    let body = body.map_err(|error| ApiError::internal(format!("an answer that is to be kept: {error}")))?;
    let headers = HEADERS.iter().filter_map(|name| {
        let value = parts.headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), Value::from(value)))
    });
    let headers = Value::Object(headers.collect()).to_string();
    let answer = KeptAnswer { status: parts.status.as_u16(), headers, body: body.to_vec() };
    ctx.store().finish_idempotent(&call, &answer).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn call(ctx: &Ctx, parts: &axum::http::request::Parts, body: &[u8]) -> Result<IdempotentCall, ApiError> {
    let key = parts.headers.get(KEY).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let is_key = (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_key {
        let message = format!("'Idempotency-Key' takes 1 to {KEY_BYTES_MAX} visible ASCII characters.");
        return Err(ApiError::invalid(message));
    }
    let (method, uri) = (parts.method.as_str(), parts.uri.to_string());
    let fingerprint = fingerprint(&[method.as_bytes(), uri.as_bytes(), body]);
    Ok(IdempotentCall { caller: ctx.actor_in_app(), key: key.to_owned(), fingerprint })
}

fn replayed(answer: KeptAnswer) -> Result<Response, ApiError> {
    let status = StatusCode::from_u16(answer.status);
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = status
        .map_err(|_| ApiError::internal(format!("an answer was kept with status {}", answer.status)))?;
    let headers: Value = serde_json::from_str(&answer.headers).unwrap_or_default();
    for name in &HEADERS {
        let value = headers.get(name.as_str()).and_then(Value::as_str);
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
