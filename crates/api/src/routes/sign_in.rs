//! The endpoints of the issuer: tokens, keys and discovery.

use axum::extract::Request;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, PRAGMA, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use identity::{Form, OAuthError, OAuthProblem, TokenVersion};
use serde_json::Value;

use super::Access::Open;
use super::Routes;
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
}

async fn token_v1(outside: Outside, tenant: Param, request: Request) -> Response {
    token(outside, tenant, TokenVersion::V1, request).await
}

async fn token_v2(outside: Outside, tenant: Param, request: Request) -> Response {
    token(outside, tenant, TokenVersion::V2, request).await
}

async fn token(outside: Outside, Param(tenant): Param, version: TokenVersion, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let issuer = outside.issuer();
    let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let answer = match body::read(body, Vec::new(), FORM_BYTES_MAX, outside.config(), |_| Ok(())).await {
        Ok(body) => issuer.token(&tenant, version, &Form::parse(&body), authorization).await,
        Err(_) => {
            Err(issuer.oauth_error(OAuthProblem::TooLarge { problem: "the body is too large or cut off" }))
        }
    };
    let mut response = answered(answer.map(|token| token.body()), &parts.headers);
    if response.status() == StatusCode::UNAUTHORIZED && authorization.is_some() {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"token\""));
    }
    response
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
    let (status, body) = match answer {
        Ok(body) => (StatusCode::OK, body),
        Err(error) => {
            let id = headers.get("client-request-id").and_then(|id| id.to_str().ok()?.parse().ok());
            let error = match id {
                Some(id) => error.with_correlation_id(id),
                None => error,
            };
            (StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST), error.body())
        }
    };
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    (status, headers, body.to_string()).into_response()
}
