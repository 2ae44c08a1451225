//! From a request to its answer: who asks, for which route, inside which bounds.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::slice;
use std::sync::{Arc, OnceLock};
use std::task::Poll;
use std::time::{Duration, Instant};

use actions::KnownDevice;
use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use futures::{FutureExt, poll};
use identity::{AppCredentials, Ask, AuthError, Caller, authorize, bearer_token};
use model::Permission;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use tracing::field::Empty;
use tracing::{Instrument, Level, Span, debug, info_span, record_all};
use uuid::{Builder, Uuid};

use crate::audit::{Act, AuditDetail};
use crate::ctx::{Arguments, Ctx, Device, Outside, Param};
use crate::drained::drained;
use crate::error::{ApiError, ErrorForm, code};
use crate::limits::Spent;
use crate::routes::{Access, Bounds, Dialect, Found};
use crate::{Shared, cors, forwarded, idempotency, list};

/// The id of an answer, as in `error.target`.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The metrics' name for paths that mean no route.
const NO_ROUTE: &str = "unmatched";

/// Answers a request, whatever happens on the way.
pub(crate) async fn serve(shared: Arc<Shared>, mut request: Request) -> Response {
    let started = Instant::now();
    forwarded::settle(&shared.state.config.trusted_proxies, &mut request);
    let target = Builder::from_random_bytes(rand::random()).into_uuid();
    let method = method_name(request.method());
    let is_head = *request.method() == Method::HEAD;
    let found = shared.routes.find(request.uri().path());
    let route = found.routes.first().map_or(NO_ROUTE, |at| shared.routes.declared()[*at].path);
    let form = ErrorForm::of(shared.routes.dialect(&found), request.headers());
    let config = &shared.state.config;
    let origin = cors::origin(config, request.headers());
    let preflight = (origin.is_some() && cors::is_preflight(request.method(), request.headers()))
        .then(|| cors::preflight(&allowed(&shared, &found), request.headers()));
    let span = info_span!("request", method, route, %target, tenant = Empty, app = Empty, status = Empty);
    let spent = OnceLock::new();
    // In a place of its own: it is large, and would be moved from one of these to the next.
    let answer = Box::pin(answer(&shared, found, drained(request), target, &spent));
    let answer = AssertUnwindSafe(answer).catch_unwind();
    let answer = async {
        let answer = async {
            match preflight {
                Some(response) => Ok(Ok(response)),
                None => answer.await,
            }
        };
        let answered = answer.await.unwrap_or_else(|panic| Err(ApiError::internal(panic_text(&*panic))));
        let mut response = finish(answered, target, form);
        if let Some(spent) = spent.get() {
            shared.limiter.tell(spent, &mut response);
        }
        cors::tell(config, origin, &mut response);
        // The header of an id always fits.
        if let Ok(id) = HeaderValue::from_str(target.hyphenated().encode_lower(&mut Uuid::encode_buffer())) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        if tracing::enabled!(Level::DEBUG) {
            Span::current().record("status", response.status().as_u16());
            debug!(elapsed_ms = started.elapsed().as_millis() as u64, "answered");
        }
        response
    };
    let mut response = answer.instrument(span).await;
    if is_head {
        leave_body_out(&mut response);
    }
    shared.meters.count(route, method, response.status().as_u16(), started.elapsed());
    response
}

/// Says of an answer to HEAD how long its body would be, and sends none.
fn leave_body_out(response: &mut Response) {
    if let Some(bytes) = response.body().size_hint().exact() {
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(bytes.into());
    }
    *response.body_mut() = Body::empty();
}

/// Renders the error that a handler left in its answer, or that kept the request from it.
fn finish(answered: Result<Response, ApiError>, target: Uuid, form: ErrorForm) -> Response {
    let mut response = answered.unwrap_or_else(ApiError::into_response);
    match response.extensions_mut().remove::<ApiError>() {
        Some(error) => {
            debug!(code = error.code().0, "refused");
            error.render(target, form)
        }
        None => response,
    }
}

async fn answer(
    shared: &Arc<Shared>,
    found: Found<'_>,
    mut request: Request,
    target: Uuid,
    spent: &OnceLock<Spent>,
) -> Result<Response, ApiError> {
    let declared = shared.routes.declared();
    let is_open = shared.routes.is_open(&found);
    let dialect = shared.routes.dialect(&found);
    let device = match shared.routes.is_for_devices(&found) {
        true => {
            let signed = SignedRequest::of(&request);
            Some(Box::pin(authenticate_device(shared, signed)).await?)
        }
        false => None,
    };
    let caller = match is_open || device.is_some() {
        true => None,
        false => Some(Arc::new(authenticate(shared, request.headers(), dialect).await?)),
    };
    if found.routes.is_empty() {
        return Err(ApiError::new(code::NOT_FOUND, "There is nothing at this path."));
    }
    // An answer to HEAD is that to GET, without its body.
    let method = if *request.method() == Method::HEAD { &Method::GET } else { request.method() };
    let at = found.routes.iter().copied().find(|at| declared[*at].method == *method);
    let at = at.ok_or_else(|| ApiError::method_not_allowed(&allowed(shared, &found)))?;
    let route = &declared[at];

    let config = &shared.state.config;
    let now = shared.state.clock.now();
    if let (Some(caller), Some(limits)) = (&caller, &config.rate_limits) {
        let counted = shared.limiter.count(at, route.limit, limits, caller, now);
        let _ = spent.set(counted);
        counted.check()?;
    }
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|connected| connected.0.ip());
    let act =
        caller.as_ref().and_then(|caller| Act::new(route, caller, found.param.as_deref(), address, target));
    let needed = match &route.access {
        Access::Needs(needed) => slice::from_ref(needed),
        Access::NeedsOneOf(needed) => needed,
        Access::Open | Access::SignedIn | Access::Device => &[],
    };
    // When none is allowed, the first one's refusal says what would be enough. The devices of all that are allowed are
    // in reach: where one of them is for others than another, the handler demands the one that it takes.
    let decided = caller.as_ref().and_then(|caller| {
        let ask = |needed: &Permission| Ask {
            action: route.action,
            roles: route.roles,
            ..Ask::new(*needed, address, now)
        };
        let asks = needed.iter().map(ask);
        let decided = asks.map(|ask| authorize(caller, &ask));
        decided.reduce(|one, other| match (one, other) {
            (Ok(one), Ok(other)) => Ok(one.or(&other)),
            (Ok(allowed), Err(_)) | (Err(_), Ok(allowed)) => Ok(allowed),
            (Err(denied), Err(_)) => Err(denied),
        })
    });
    let ctx = match (decided, &caller) {
        (Some(decided), Some(caller)) => match decided {
            Ok(allowed) => {
                let ctx = Ctx::new(shared.clone(), caller.clone(), allowed).await?.at(address);
                Some(ctx.preferring(list::preferred_page(request.headers())))
            }
            Err(denied) => {
                if let Some(act) = &act {
                    Box::pin(act.denied(shared)).await;
                }
                return Err(denied.into());
            }
        },
        _ => None,
    };
    let extensions = request.extensions_mut();
    match (route.access, ctx) {
        (Access::Needs(_) | Access::NeedsOneOf(_), Some(ctx)) => {
            extensions.insert(ctx);
        }
        (Access::Device, _) => {
            let known =
                device.ok_or_else(|| ApiError::internal("a device's route was reached without one"))?;
            extensions.insert(Device::new(shared.clone(), known));
        }
        (Access::Needs(_) | Access::NeedsOneOf(_), None) => {
            return Err(ApiError::internal("a guarded route was reached without a caller"));
        }
        (Access::SignedIn | Access::Open, _) => {
            extensions.insert(Outside::new(shared.clone()));
        }
    }
    if let Some(param) = found.param {
        extensions.insert(Param(param));
    }
    extensions.insert(Arguments(found.arguments));

    let bytes_max = match route.bounds {
        Bounds::Ingest => config.ingest_body_bytes_max,
        Bounds::Upload => config.upload_bytes_max,
        Bounds::Usual | Bounds::Hunting => config.body_bytes_max,
    };
    if content_length(request.headers()).is_some_and(|bytes| bytes > bytes_max as u64) {
        return Err(ApiError::body_too_large(bytes_max));
    }
    if let Some(act) = &act {
        Box::pin(act.begins(shared)).await?;
    }
    // Events have a way of their own to be sent again. Answers that can hold secrets are not kept.
    let tells_secrets =
        matches!(route.access, Access::Needs(Permission::ManagementReadWrite | Permission::DeviceEnrol))
            || route.tells_secrets;
    let is_kept = route.bounds == Bounds::Usual && !tells_secrets;
    let call = idempotency::once(is_kept, request, shared.routes.handler(at));
    let answered = match route.bounds {
        Bounds::Hunting => Ok(call.await),
        Bounds::Usual | Bounds::Ingest | Bounds::Upload => within(config.request_timeout, call).await,
    };
    let mut response = match answered {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => error.into_response(),
        Err(_) => ApiError::unavailable("the request took longer than it may").into_response(),
    };
    let detail = response.extensions_mut().remove::<AuditDetail>().map(|AuditDetail(detail)| detail);
    if let Some(act) = &act {
        Box::pin(act.ended(shared, response.status(), detail)).await?;
    }
    if let (Access::Needs(Permission::ManagementReadWrite), Some(caller)) = (route.access, &caller) {
        // What was changed holds from the next call on.
        shared.state.issuer.forget(caller.tenant);
    }
    Ok(response)
}

/// What comes of a call in bounded time. Most have ended when they are first asked, and cost no timer.
async fn within<F: Future>(time: Duration, call: F) -> Result<F::Output, Elapsed> {
    let mut call = pin!(call);
    match poll!(&mut call) {
        Poll::Ready(answer) => Ok(answer),
        Poll::Pending => timeout(time, call).await,
    }
}

/// What the signature of a device's request is over, but for its body.
struct SignedRequest {
    header: String,
    method: String,
    target: String,
}

impl SignedRequest {
    fn of(request: &Request) -> SignedRequest {
        let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        SignedRequest {
            header: header.unwrap_or_default().to_owned(),
            method: request.method().as_str().to_owned(),
            target: request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        }
    }
}

/// The device that signed a request; whether its body is the one that was signed is seen when it is read.
async fn authenticate_device(shared: &Arc<Shared>, signed: SignedRequest) -> Result<KnownDevice, ApiError> {
    let SignedRequest { header, method, target } = signed;
    let known = shared.state.actions.authenticate(&header, &method, &target).await?;
    Span::current().record("tenant", known.tenant.to_string());
    Ok(known)
}

async fn authenticate(
    shared: &Arc<Shared>,
    headers: &HeaderMap,
    dialect: Dialect,
) -> Result<Caller, ApiError> {
    let issuer = &shared.state.issuer;
    let header = headers.get(AUTHORIZATION).and_then(|value| str::from_utf8(value.as_bytes()).ok());
    let verified = async {
        match (dialect, header) {
            (Dialect::Own, _) => issuer.verify(bearer_token(header)?).await,
            (Dialect::Hec | Dialect::Otlp | Dialect::Bulk, None) => Err(AuthError::Missing),
            (Dialect::Hec | Dialect::Otlp | Dialect::Bulk, Some(text)) => match AppCredentials::read(text) {
                Some(credentials) => Box::pin(issuer.verify_secret(&credentials?)).await,
                None => match bearer_token(header) {
                    Ok(token) => issuer.verify(token).await,
                    Err(_) => Err(AuthError::MalformedCredentials),
                },
            },
        }
    };
    let caller = verified.await;
    let caller = caller.map_err(|error| ApiError::unauthorized(error, &shared.state.config.base_url))?;
    let span = Span::current();
    match caller.app {
        Some(app) => record_all!(span, tenant = %caller.tenant, app = %app),
        None => record_all!(span, tenant = %caller.tenant),
    }
    Ok(caller)
}

/// The methods of a path, as in the header `Allow`.
fn allowed(shared: &Shared, found: &Found) -> String {
    let methods = found.routes.iter().map(|at| shared.routes.declared()[*at].method.as_str());
    let mut methods: Vec<&str> = methods.collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.sort_unstable();
    methods.join(", ")
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Clients can make up methods; metrics count those as one.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("a handler panicked: {}", text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_by_its_message() {
        let panic = std::panic::catch_unwind(|| panic!("at {}", 1)).unwrap_err();
        assert_eq!(panic_text(&*panic), "a handler panicked: at 1");
    }
}
