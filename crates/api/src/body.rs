//! Reads bodies, inside bounds.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use futures::StreamExt;
use serde_json::{Map, Value};

use crate::ApiConfig;
use crate::ctx::Ctx;
use crate::error::{ApiError, code};

/// Reads a body whole into an empty buffer with room for about as much as will come. `grown` is told how many bytes came
/// and may end it.
pub(crate) async fn read(
    body: Body,
    mut bytes: Vec<u8>,
    bytes_max: usize,
    config: &ApiConfig,
    mut grown: impl FnMut(usize) -> Result<(), ApiError>,
) -> Result<Vec<u8>, ApiError> {
    let mut parts = body.into_data_stream();
    let started = tokio::time::Instant::now();
    loop {
        // A body holds memory while it comes in: one that trickles has an end too, by how much of it came.
        let now = tokio::time::Instant::now();
        let latest = now.min(started + time_for(bytes.len())) + config.body_timeout;
        let part = tokio::time::timeout_at(latest, parts.next()).await;
        let late = |_| ApiError::new(code::REQUEST_TIMEOUT, "The body did not arrive in time.");
        let Some(part) = part.map_err(late)? else { return Ok(bytes) };
        let broken =
            |_| ApiError::new(code::INVALID_BODY, "The body is cut off or is not encoded as it says.");
        let part = part.map_err(broken)?;
        if bytes.len() + part.len() > bytes_max {
            return Err(ApiError::body_too_large(bytes_max));
        }
        grown(part.len())?;
        bytes.extend_from_slice(&part);
    }
}

/// The time that a body takes on a slow line.
fn time_for(bytes: usize) -> Duration {
    const BYTES_PER_SECOND_MIN: u64 = 256 << 10;
    Duration::from_secs(bytes as u64 / BYTES_PER_SECOND_MIN)
}

/// A JSON object, whose members are found without regard to letter case. The content type may be missing.
pub(crate) struct JsonObject(Map<String, Value>);

impl JsonObject {
    pub fn parse(bytes: &[u8]) -> Result<JsonObject, ApiError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let invalid = |reason: String| {
            ApiError::new(code::INVALID_BODY, format!("The request body has to be a JSON object: {reason}."))
        };
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(members)) => Ok(JsonObject(members)),
            Ok(_) => Err(invalid("it is JSON of another kind".to_owned())),
            Err(error) => Err(invalid(error.to_string())),
        }
    }

    /// Takes a member out. Null is as good as missing.
    pub fn take(&mut self, name: &str) -> Result<Option<Value>, ApiError> {
        let keys = self.0.keys().filter(|key| key.eq_ignore_ascii_case(name)).cloned();
        let keys: Vec<String> = keys.collect();
        if keys.len() > 1 {
            return Err(ApiError::new(code::INVALID_BODY, format!("'{name}' is given more than once.")));
        }
        let value = keys.first().and_then(|key| self.0.shift_remove(key));
        Ok(value.filter(|value| !value.is_null()))
    }

    /// Takes a member out that has to be text.
    pub fn take_text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name)? {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::new(code::INVALID_INPUT, format!("'{name}' has to be text."))),
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<JsonObject, ApiError> {
        let (parts, body) = request.into_parts();
        let ctx = parts.extensions.get::<Ctx>();
        let config = ctx.ok_or_else(|| ApiError::internal("a body was read without a caller"))?.config();
        JsonObject::parse(&read(body, Vec::new(), config.body_bytes_max, config, |_| Ok(())).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_without_regard_to_case() {
        let mut object =
            JsonObject::parse("\u{feff}{\"STATUS\":\"New\",\"other\":null,\"n\":1}".as_bytes()).unwrap();
        assert_eq!(object.take_text("status").unwrap().as_deref(), Some("New"));
        assert_eq!(object.take_text("status").unwrap(), None);
        assert_eq!(object.take("Other").unwrap(), None);
        assert_eq!(object.take_text("N").unwrap_err().code(), code::INVALID_INPUT);
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in ["", "[]", "{", "null", "{\"a\":1}x"] {
            assert_eq!(
                JsonObject::parse(body.as_bytes()).err().map(|e| e.code()),
                Some(code::INVALID_BODY),
                "{body}"
            );
        }
        let mut twice = JsonObject::parse(br#"{"a":1,"A":2}"#).unwrap();
        assert_eq!(twice.take("a").unwrap_err().code(), code::INVALID_BODY);
    }
}
