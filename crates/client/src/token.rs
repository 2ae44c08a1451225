//! The access token of the app: fetched when first needed, kept until shortly before it expires.

use std::time::{Duration, Instant};

use serde::Deserialize;
use tokio::sync::Mutex;

use crate::{ClientError, Connection, Result};

/// Renewing this long before the end leaves time for slow requests; short tokens are renewed at half time.
const MARGIN: Duration = Duration::from_secs(300);

#[derive(Default)]
pub(crate) struct TokenCache(Mutex<Option<Token>>);

struct Token {
    text: String,
    renew_at: Instant,
}

#[derive(Deserialize)]
struct TokenReply {
    access_token: String,
    #[serde(default = "an_hour")]
    expires_in: serde_json::Value,
}

fn an_hour() -> serde_json::Value {
    3600.into()
}

#[derive(Deserialize)]
struct OAuthError {
    error: String,
    #[serde(default)]
    error_description: String,
}

impl TokenCache {
    /// The token, fetched if there is none that lasts. Callers at the same time share one fetch.
    pub(crate) async fn get(&self, http: &reqwest::Client, connection: &Connection) -> Result<String> {
        let mut kept = self.0.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.text.clone());
        }
        let token = fetch(http, connection).await?;
        let text = token.text.clone();
        *kept = Some(token);
        Ok(text)
    }

    /// Drops a token the server refused, unless another caller has replaced it already.
    pub(crate) async fn forget(&self, refused: &str) {
        let mut kept = self.0.lock().await;
        if kept.as_ref().is_some_and(|token| token.text == refused) {
            *kept = None;
        }
    }
}

async fn fetch(http: &reqwest::Client, connection: &Connection) -> Result<Token> {
    let url = connection.token_url();
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", &connection.client_id),
        ("client_secret", &connection.client_secret),
        ("scope", &connection.scope()),
    ];
    let unreachable = |source| ClientError::Unreachable { url: url.clone(), source };
    let reply = http.post(&url).form(&form).send().await.map_err(unreachable)?;
    let status = reply.status().as_u16();
    let body = reply.bytes().await.map_err(unreachable)?;
    if status != 200 {
        let error = serde_json::from_slice(&body).unwrap_or_else(|_| OAuthError {
            error: format!("HTTP {status}"),
            error_description: "the token endpoint gave no reason".to_owned(),
        });
        return Err(ClientError::Token { status, code: error.error, message: error.error_description });
    }
    // The reason must not quote the body, which holds the token.
    let reply: TokenReply = serde_json::from_slice(&body)
        .map_err(|_| ClientError::Reply { url, reason: "no access_token in it".to_owned() })?;
    // Version 1 issuers write the number as text.
    let seconds = match &reply.expires_in {
        serde_json::Value::String(text) => text.parse().unwrap_or(0),
        number => number.as_u64().unwrap_or(0),
    };
    let lifetime = Duration::from_secs(seconds.min(86_400));
    let renew_at = Instant::now() + lifetime.saturating_sub(MARGIN).max(lifetime / 2);
    Ok(Token { text: reply.access_token, renew_at })
}
