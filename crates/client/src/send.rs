//! Sends requests: token, time limits, retries and error replies in one place.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tracing::debug;

use crate::retry::spread;
use crate::token::TokenCache;
use crate::{ClientError, Connection, Result, RetryPolicy};

/// Limits of a client.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    pub connect_timeout: Duration,
    /// For one try of a request, reply included.
    pub request_timeout: Duration,
    /// The same for hunting, which may run for minutes.
    pub hunt_timeout: Duration,
    pub retry: RetryPolicy,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            hunt_timeout: Duration::from_secs(660),
            retry: RetryPolicy::default(),
        }
    }
}

/// The path of these segments, whatever is in them.
pub fn path_of(segments: &[&str]) -> String {
    let mut path = String::new();
    for segment in segments {
        path.push('/');
        for byte in segment.bytes() {
            match byte {
                b'-' | b'_' | b'.' | b'~' | b'$' => path.push(char::from(byte)),
                _ if byte.is_ascii_alphanumeric() => path.push(char::from(byte)),
                _ => path += &format!("%{byte:02X}"),
            }
        }
    }
    path
}

/// A caller of one tenant's API. Clones share connections and token.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    connection: Connection,
    settings: Settings,
    token: TokenCache,
}

/// One request, kept so that it can be sent again.
pub(crate) struct Request {
    pub method: Method,
    /// Begins with `/`.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Option<Bytes>,
    pub timeout: Duration,
    /// Whether sending it twice is the same as sending it once.
    pub is_repeatable: bool,
}

impl Client {
    /// Prepares a client; nothing is sent before the first request.
    pub fn connect(connection: Connection) -> Result<Client> {
        Client::connect_with(connection, Settings::default())
    }

    pub fn connect_with(connection: Connection, settings: Settings) -> Result<Client> {
        for (setting, value) in [("base_url", &connection.base_url), ("authority", &connection.authority)] {
            let bad = |reason: String| ClientError::BadSetting { setting, value: value.clone(), reason };
            let url = reqwest::Url::parse(value).map_err(|error| bad(error.to_string()))?;
            if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
                return Err(bad("it is not an http or https address".to_owned()));
            }
        }
        let http = http(connection.ca_file.as_deref(), &settings)?;
        let token = TokenCache::default();
        Ok(Client { inner: Arc::new(Inner { http, connection, settings, token }) })
    }

    pub fn base_url(&self) -> &str {
        &self.inner.connection.base_url
    }

    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// `GET` of a path that begins with `/`, such as `/api/machines?$top=10`.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.send(self.request(Method::GET, path, None, true)).await
    }

    /// `PATCH` with a JSON body. Sent again only if the server cannot have acted on it.
    pub async fn patch_json<T: DeserializeOwned>(&self, path: &str, change: &Value) -> Result<T> {
        self.send(self.request(Method::PATCH, path, Some(change), false)).await
    }

    /// `POST` with a JSON body. Sent again only if the server cannot have acted on it.
    pub async fn post_json<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        self.send(self.request(Method::POST, path, Some(body), false)).await
    }

    /// `PUT` with a JSON body; doing it twice is the same as doing it once.
    pub async fn put_json<T: DeserializeOwned>(&self, path: &str, body: &Value) -> Result<T> {
        self.send(self.request(Method::PUT, path, Some(body), true)).await
    }

    /// `DELETE` of a path, which may take as long as a query. Sent again only if the server cannot have acted on it.
    pub async fn delete_json<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        let mut request = self.request(Method::DELETE, path, None, false);
        request.timeout = self.inner.settings.hunt_timeout;
        self.send(request).await
    }

    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        is_repeatable: bool,
    ) -> Request {
        let mut headers = HeaderMap::new();
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        Request {
            method,
            path: path.to_owned(),
            headers,
            body: body.map(|body| Bytes::from(body.to_string())),
            timeout: self.inner.settings.request_timeout,
            is_repeatable,
        }
    }

    /// Sends until it is answered, refused for good, or the deadline of the retry policy is near.
    pub(crate) async fn send<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        let url = format!("{}{}", self.inner.connection.base_url, request.path);
        let began = Instant::now();
        let mut has_renewed = false;
        let mut attempt = 0;
        loop {
            let failure = match self.try_once(&url, &request).await {
                Ok(body) => {
                    // An empty reply, as of 204, reads as null.
                    let body = if body.is_empty() { Bytes::from_static(b"null") } else { body };
                    return serde_json::from_slice(&body)
                        .map_err(|error| ClientError::Reply { url, reason: error.to_string() });
                }
                Err(failure) => failure,
            };
            if let Some(token) = failure.refused_token
                && !has_renewed
            {
                self.inner.token.forget(&token).await;
                has_renewed = true;
                continue;
            }
            let policy = &self.inner.settings.retry;
            let delay = policy.delay(attempt, failure.retry_after, began.elapsed(), spread());
            let Some(delay) = delay.filter(|_| failure.may_retry) else { return Err(failure.error) };
            debug!(%url, attempt, delay_ms = delay.as_millis() as u64, error = %failure.error, "will ask again");
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    async fn try_once(&self, url: &str, request: &Request) -> std::result::Result<Bytes, Failure> {
        let Inner { http, connection, token, .. } = &*self.inner;
        let token = token.get(http, connection).await.map_err(|error| Failure {
            // Asking for a token changes nothing on the server.
            may_retry: error.is_transient(),
            error,
            retry_after: None,
            refused_token: None,
        })?;
        let failed = |source: reqwest::Error| Failure {
            may_retry: request.is_repeatable || source.is_connect(),
            error: ClientError::Unreachable { url: url.to_owned(), source },
            retry_after: None,
            refused_token: None,
        };
        let mut outgoing = http
            .request(request.method.clone(), url)
            .headers(request.headers.clone())
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .timeout(request.timeout);
        if let Some(body) = &request.body {
            outgoing = outgoing.body(body.clone());
        }
        let reply = outgoing.send().await.map_err(failed)?;
        let status = reply.status();
        let retry_after = retry_after(reply.headers());
        let body = reply.bytes().await.map_err(failed)?;
        if status.is_success() {
            return Ok(body);
        }
        let may_retry = match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => true,
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => request.is_repeatable,
            _ => false,
        };
        let refused_token = (status == StatusCode::UNAUTHORIZED).then_some(token);
        Err(Failure { error: api_error(status, &body), may_retry, retry_after, refused_token })
    }
}

/// What sends requests, trusting the certificates of a file besides those of the system.
pub(crate) fn http(ca_file: Option<&Path>, settings: &Settings) -> Result<reqwest::Client> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only when another thread has just installed one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("bartizan-client/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.connect_timeout)
        .timeout(settings.request_timeout)
        .redirect(reqwest::redirect::Policy::none())
        // Proxies would be read from the environment.
        .no_proxy();
    if let Some(path) = ca_file {
        let pem =
            std::fs::read(path).map_err(|source| ClientError::File { path: path.to_owned(), source })?;
        let roots = reqwest::Certificate::from_pem_bundle(&pem).ok().filter(|roots| !roots.is_empty());
        let roots =
            roots.ok_or_else(|| ClientError::Tls(format!("{} holds no PEM certificate", path.display())))?;
        builder = builder.tls_certs_merge(roots);
    }
    builder.build().map_err(|error| ClientError::Tls(format!("{error:?}")))
}

struct Failure {
    error: ClientError,
    may_retry: bool,
    retry_after: Option<Duration>,
    refused_token: Option<String>,
}

/// `Retry-After` in seconds; a date is not read, and the own delay is used then.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Reads `{"error":{"code","message","details"}}`; any other body is named by its status.
pub(crate) fn api_error(status: StatusCode, body: &[u8]) -> ClientError {
    let mut body: Value = serde_json::from_slice(body).unwrap_or_default();
    let mut error = body.get_mut("error").map(Value::take).unwrap_or_default();
    let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let reason = status.canonical_reason().unwrap_or("unknown status");
    let code = text("code").unwrap_or_else(|| format!("HTTP {}", status.as_u16()));
    let message = text("message").unwrap_or_else(|| reason.to_owned());
    let details =
        error.get_mut("details").map(Value::take).filter(|details| !details.is_null()).map(Box::new);
    ClientError::Api { status: status.as_u16(), code, message, details }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("connection", &self.inner.connection).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_stay_segments() {
        assert_eq!(path_of(&["api", "lake", "holds", "a-1.x"]), "/api/lake/holds/a-1.x");
        assert_eq!(path_of(&["a/b", "c?d=ä"]), "/a%2Fb/c%3Fd%3D%C3%A4");
    }
}
