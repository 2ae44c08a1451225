//! Calls by scripts of other origins (CORS, by the Fetch standard): refused by browsers, but for origins that the
//! operator names. Credentials are never allowed: cookies are for the pages of this server alone.

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, ORIGIN, VARY,
};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;

use crate::ApiConfig;

/// How long a browser may remember what it may send, in seconds.
const REMEMBERED: &str = "600";
const HEADERS_BYTES_MAX: usize = 1_024;
/// What scripts may read of an answer beside what the standard lets them.
const EXPOSED: &str = "ETag, Location, Retry-After, WWW-Authenticate, X-Request-Id, RateLimit-Limit, \
                       RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy, Idempotency-Replayed, \
                       Bartizan-Truncated";

/// The origin of a request, where it is one that is named.
pub(crate) fn origin(config: &ApiConfig, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(ORIGIN)?;
    config.cors_origins.iter().any(|named| named.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Whether a browser asks with it what a script of another origin may send.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Says what may be sent to a path: its methods, with the headers that are asked for.
pub(crate) fn preflight(methods: &str, asked: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if let Ok(methods) = HeaderValue::from_str(methods) {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    let asked = asked.get(ACCESS_CONTROL_REQUEST_HEADERS).filter(|asked| asked.len() <= HEADERS_BYTES_MAX);
    if let Some(asked) = asked {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(REMEMBERED));
    response
}

/// Lets scripts of that origin read an answer. Caches are told that other origins get another one.
pub(crate) fn tell(config: &ApiConfig, origin: Option<HeaderValue>, response: &mut Response) {
    if config.cors_origins.is_empty() {
        return;
    }
    response.headers_mut().append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}
