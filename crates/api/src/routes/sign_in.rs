//! The endpoints of the issuer that programs call: tokens and what is asked about them, keys and discovery.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use identity::{Form, OAuthError, OAuthProblem, TokenVersion, bearer_token};
use serde_json::{Map, Value};

use super::Access::Open;
use super::Routes;
use super::visit::network;
use crate::ctx::{Outside, Param};
use crate::{body, list};

const FORM_BYTES_MAX: usize = 64 << 10;

pub(super) fn routes(routes: &mut Routes) {
    routes.post("/{tenant}/oauth2/token", Open, token_v1).summary("Issues a token for a resource.");
    routes.get("/{tenant}/oauth2/token", Open, no_token).summary("Says that tokens are asked for by POST.");
    routes.post("/{tenant}/oauth2/v2.0/token", Open, token_v2).summary("Issues a token for a scope.");
    routes
        .get("/{tenant}/oauth2/v2.0/token", Open, no_token)
        .summary("Says that tokens are asked for by POST.");
    routes
        .get("/{tenant}/.well-known/openid-configuration", Open, discovery_v1)
        .summary("Lists the endpoints of version 1.");
    routes
        .get("/{tenant}/v2.0/.well-known/openid-configuration", Open, discovery_v2)
        .summary("Lists the endpoints of version 2.");
    routes.get("/{tenant}/discovery/keys", Open, keys).summary("Publishes the keys that tokens verify by.");
    routes
        .get("/{tenant}/discovery/v2.0/keys", Open, keys)
        .summary("Publishes the keys that tokens verify by.");
    routes.get("/common/discovery/instance", Open, instance).summary("Says whether a sign-in host is known.");
    routes.get("/common/userrealm/{user}", Open, user_realm).summary("Says how a user signs in.");
    routes.post("/{tenant}/oauth2/devicecode", Open, device_code_v1).summary("Gives a device a code.");
    routes.post("/{tenant}/oauth2/v2.0/devicecode", Open, device_code_v2).summary("Gives a device a code.");
    for path in ["/{tenant}/oauth2/introspect", "/{tenant}/oauth2/v2.0/introspect"] {
        routes.post(path, Open, introspect).summary("Tells an app what a token says.");
    }
    for path in ["/{tenant}/oauth2/revoke", "/{tenant}/oauth2/v2.0/revoke"] {
        routes.post(path, Open, revoke).summary("Ends the sign-in that a token belongs to.");
    }
    routes.get("/{tenant}/openid/userinfo", Open, userinfo).summary("Tells whose access token it is.");
    routes.post("/{tenant}/openid/userinfo", Open, userinfo).summary("Tells whose access token it is.");
}

async fn token_v1(outside: Outside, tenant: Param, request: Request) -> Response {
    token(outside, tenant, TokenVersion::V1, request).await
}

async fn token_v2(outside: Outside, tenant: Param, request: Request) -> Response {
    token(outside, tenant, TokenVersion::V2, request).await
}

async fn token(outside: Outside, Param(tenant): Param, version: TokenVersion, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (network, authorization) = (network(&parts.extensions), authorization(&parts.headers));
    let answer = async {
        outside.count(network)?;
        let form = form(&outside, body).await?;
        let token = outside.issuer().token_from(&tenant, version, &form, authorization, network).await;
        token.map(|token| token.body())
    };
    to_client(answer.await, &parts.headers)
}

async fn device_code_v1(outside: Outside, tenant: Param, request: Request) -> Response {
    device_code(outside, tenant, TokenVersion::V1, request).await
}

async fn device_code_v2(outside: Outside, tenant: Param, request: Request) -> Response {
    device_code(outside, tenant, TokenVersion::V2, request).await
}

async fn device_code(
    outside: Outside,
    Param(tenant): Param,
    version: TokenVersion,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let network = network(&parts.extensions);
    let answer = async {
        outside.count(network)?;
        let form = form(&outside, body).await?;
        let authorization = authorization(&parts.headers);
        outside.issuer().device_code(&tenant, version, &form, authorization, network).await
    };
    to_client(answer.await, &parts.headers)
}

async fn introspect(outside: Outside, Param(tenant): Param, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = async {
        outside.count(network(&parts.extensions))?;
        let form = form(&outside, body).await?;
        outside.issuer().introspect(&tenant, &form, authorization(&parts.headers)).await
    };
    to_client(answer.await, &parts.headers)
}

async fn revoke(outside: Outside, Param(tenant): Param, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = async {
        outside.count(network(&parts.extensions))?;
        let form = form(&outside, body).await?;
        let revoked = outside.issuer().revoke(&tenant, &form, authorization(&parts.headers)).await;
        revoked.map(|()| Value::Object(Map::new()))
    };
    to_client(answer.await, &parts.headers)
}

async fn form(outside: &Outside, body: Body) -> Result<Form, OAuthError> {
    match body::read(body, Vec::new(), FORM_BYTES_MAX, outside.config(), |_| Ok(())).await {
        Ok(body) => Ok(Form::parse(&body)),
        Err(_) => {
            let problem = OAuthProblem::TooLarge { problem: "the body is too large or cut off" };
            Err(outside.issuer().oauth_error(problem))
        }
    }
}

fn authorization(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()
}

/// An answer to a client that may have sent its secret in a header.
fn to_client(answer: Result<Value, OAuthError>, headers: &HeaderMap) -> Response {
    let mut response = answered(answer, headers);
    if response.status() == StatusCode::UNAUTHORIZED && headers.contains_key(AUTHORIZATION) {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
    }
    response
}

/// RFC 6750: what is wrong with the token is told in the header too.
async fn userinfo(outside: Outside, headers: HeaderMap) -> Response {
    let header = authorization(&headers);
    let answer = outside.issuer().userinfo(bearer_token(header).ok()).await;
    let challenge = answer.as_ref().err().map(|error| match header {
        None => "Bearer".to_owned(),
        Some(_) => format!("Bearer error=\"{}\"", error.error()),
    });
    let mut response = answered(answer, &headers);
    if let Some(challenge) = challenge.and_then(|challenge| HeaderValue::from_str(&challenge).ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

async fn user_realm(outside: Outside, Param(user): Param, headers: HeaderMap) -> Response {
    answered(outside.issuer().user_realm(&user).await, &headers)
}

async fn no_token(outside: Outside, method: Method, headers: HeaderMap) -> Response {
    let problem = OAuthProblem::MethodNotAllowed { method: method.to_string() };
    answered(Err(outside.issuer().oauth_error(problem)), &headers)
}

async fn discovery_v1(outside: Outside, Param(tenant): Param, headers: HeaderMap) -> Response {
    answered(outside.issuer().discovery_v1(&tenant).await, &headers)
}

async fn discovery_v2(outside: Outside, Param(tenant): Param, headers: HeaderMap) -> Response {
    answered(outside.issuer().discovery_v2(&tenant).await, &headers)
}

/// The keys are the same for every tenant.
async fn keys(outside: Outside, headers: HeaderMap) -> Response {
    answered(Ok(outside.issuer().jwks()), &headers)
}

async fn instance(outside: Outside, uri: Uri, headers: HeaderMap) -> Response {
    let endpoint = list::options(&uri).find(|(_, name, _)| name == "authorization_endpoint");
    let endpoint = endpoint.map(|(_, _, value)| value).unwrap_or_default();
    answered(outside.issuer().instance_discovery(&endpoint), &headers)
}

/// The endpoints of the issuer have an error body of their own. Nothing of theirs is to be kept.
fn answered(answer: Result<Value, OAuthError>, headers: &HeaderMap) -> Response {
    let mut retry_after = None;
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            retry_after = error.retry_after();
            let id = headers.get("client-request-id").and_then(|id| id.to_str().ok()?.parse().ok());
            let error = match id {
                Some(id) => error.with_correlation_id(id),
                None => error,
            };
            (StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST), error.body())
        }
    };
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    let mut response = (status, headers, body.to_string()).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
