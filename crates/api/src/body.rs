//! Reads bodies, inside bounds.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use futures::StreamExt;
use model::Ticks;
use serde::de::DeserializeOwned;
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

    /// An object that is inside of another.
    pub fn of(members: Map<String, Value>) -> JsonObject {
        JsonObject(members)
    }

    /// The members of a value that is an object.
    pub fn from_value(value: Value) -> Option<JsonObject> {
        match value {
            Value::Object(members) => Some(JsonObject(members)),
            _ => None,
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

impl JsonObject {
    /// Takes a member out that has to be there and be text that says something.
    pub fn need_text(&mut self, name: &str, bytes_max: usize) -> Result<String, ApiError> {
        let text = self.take_short(name, bytes_max)?.filter(|text| !text.trim().is_empty());
        text.ok_or_else(|| ApiError::missing(name))
    }

    /// Takes a member out that has to be text of at most so many bytes.
    pub fn take_short(&mut self, name: &str, bytes_max: usize) -> Result<Option<String>, ApiError> {
        match self.take_text(name)? {
            Some(text) if text.len() > bytes_max => {
                Err(ApiError::invalid(format!("'{name}' is longer than {bytes_max} bytes.")))
            }
            text => Ok(text),
        }
    }

    /// Takes a member out that has to be true or false, or the text of either.
    pub fn take_truth(&mut self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.take(name)? {
            None => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(truth)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid(format!("'{name}' has to be true or false."))),
        }
    }

    /// Takes a member out that has to be a time.
    pub fn take_time(&mut self, name: &str) -> Result<Option<Ticks>, ApiError> {
        let Some(text) = self.take_text(name)? else { return Ok(None) };
        let time = odata::parse_datetime(&text).map(Ticks);
        let wrong = || format!("'{name}' takes a time such as 2024-05-06T07:08:09.1234567Z.");
        time.map(Some).ok_or_else(|| ApiError::invalid(wrong()))
    }

    /// Takes a member out that has to be a list of texts; texts between commas will do.
    pub fn take_texts(&mut self, name: &str, count_max: usize) -> Result<Option<Vec<String>>, ApiError> {
        let texts = match self.take(name)? {
            None => return Ok(None),
            Some(Value::String(text)) => {
                let parts = text.split(',').map(|part| part.trim().to_owned());
                parts.filter(|part| !part.is_empty()).collect()
            }
            Some(Value::Array(list)) => {
                let texts = list.into_iter().map(|item| match item {
                    Value::String(text) => Some(text),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                });
                let wrong = || ApiError::invalid(format!("'{name}' has to be a list of texts."));
                texts.collect::<Option<Vec<_>>>().ok_or_else(wrong)?
            }
            Some(_) => return Err(ApiError::invalid(format!("'{name}' has to be a list of texts."))),
        };
        if texts.len() > count_max {
            let message = format!("'{name}' has more than {count_max} items.");
            return Err(ApiError::new(code::BATCH_TOO_LARGE, message));
        }
        Ok(Some(texts))
    }

    /// Takes a member out that has to be one of some names, in any letter case. `aliases` are other names of some.
    pub fn take_choice<T: DeserializeOwned>(
        &mut self,
        name: &str,
        valid: &[&str],
        aliases: &[(&str, &str)],
    ) -> Result<Option<T>, ApiError> {
        let Some(given) = self.take_text(name)? else { return Ok(None) };
        let given = given.trim();
        let alias = aliases.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(given));
        let member = alias.map(|(_, member)| *member);
        let member =
            member.or_else(|| valid.iter().copied().find(|member| member.eq_ignore_ascii_case(given)));
        let member = member.ok_or_else(|| {
            let given: String = given.chars().take(60).collect();
            ApiError::invalid(format!("'{given}' is not a value of {name}; valid: {}.", valid.join(", ")))
        })?;
        let value = serde_json::from_value(member.into());
        value.map(Some).map_err(|error| ApiError::internal(format!("{member} of {name}: {error}")))
    }
}
/// The same, where there may be no body at all.
pub(crate) struct MaybeJson(pub JsonObject);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<JsonObject, ApiError> {
        JsonObject::parse(&read_small(request).await?)
    }
}

impl<S: Send + Sync> FromRequest<S> for MaybeJson {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<MaybeJson, ApiError> {
        let bytes = read_small(request).await?;
        let is_empty = bytes.iter().all(u8::is_ascii_whitespace);
        Ok(MaybeJson(if is_empty { JsonObject(Map::new()) } else { JsonObject::parse(&bytes)? }))
    }
}

async fn read_small(request: Request) -> Result<Vec<u8>, ApiError> {
    let (parts, body) = request.into_parts();
    let ctx = parts.extensions.get::<Ctx>();
    let config = ctx.ok_or_else(|| ApiError::internal("a body was read without a caller"))?.config();
    read(body, Vec::new(), config.body_bytes_max, config, |_| Ok(())).await
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
