//! What can go wrong between the caller and the server.

use std::path::PathBuf;

use model::ErrorKind;
use serde_json::Value;

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot read {}", .path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{} is not a connection file: {reason}", .path.display())]
    ConnectionFile { path: PathBuf, reason: String },
    #[error("the connection has no {0}")]
    MissingSetting(&'static str),
    #[error("'{value}' cannot be used as {setting}: {reason}")]
    BadSetting { setting: &'static str, value: String, reason: String },
    #[error("cannot prepare TLS: {0}")]
    Tls(String),
    /// The server could not be reached, or the connection ended before its reply.
    #[error("no reply from {url}: {}", innermost(.source))]
    Unreachable { url: String, source: reqwest::Error },
    /// The token endpoint refused; `code` is the `error` field of OAuth.
    #[error("no token: {code}: {message}")]
    Token { status: u16, code: String, message: String },
    /// The API answered with an error body.
    #[error("{code}: {message}")]
    Api { status: u16, code: String, message: String, details: Option<Box<Value>> },
    #[error("the reply of {url} is not understood: {reason}")]
    Reply { url: String, reason: String },
}

impl ClientError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            ClientError::File { .. }
            | ClientError::ConnectionFile { .. }
            | ClientError::MissingSetting(_)
            | ClientError::BadSetting { .. }
            | ClientError::Tls(_) => ErrorKind::InvalidInput,
            ClientError::Unreachable { .. } => ErrorKind::Unavailable,
            ClientError::Token { status, .. } if (400..500).contains(status) && *status != 429 => {
                ErrorKind::Unauthorized
            }
            ClientError::Token { status, .. } | ClientError::Api { status, .. } => kind_of(*status),
            ClientError::Reply { .. } => ErrorKind::Internal,
        }
    }

    /// Whether the same request may succeed later without a change.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind(), ErrorKind::Unavailable | ErrorKind::TooManyRequests)
    }
}

fn kind_of(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 | 412 => ErrorKind::Conflict,
        413 => ErrorKind::TooLarge,
        429 => ErrorKind::TooManyRequests,
        408 | 502..=504 => ErrorKind::Unavailable,
        400..=499 => ErrorKind::InvalidInput,
        _ => ErrorKind::Internal,
    }
}

/// The last cause, which says more than "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
