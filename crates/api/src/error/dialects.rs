//! How an error is told: in our own form, or in that of the protocol that a client speaks.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderMap};
use identity::AuthError;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ApiError, Code, code};
use crate::protobuf;
use crate::routes::Dialect;

/// The member by which clients of the HTTP Event Collector learn which event it was, counted from 0.
pub(crate) const INVALID_EVENT_NUMBER: &str = "invalid-event-number";

/// The form of the errors of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ErrorForm {
    Own,
    Hec,
    OtlpJson,
    OtlpProtobuf,
    Bulk,
}

impl ErrorForm {
    pub fn of(dialect: Dialect, headers: &HeaderMap) -> ErrorForm {
        match dialect {
            Dialect::Own => ErrorForm::Own,
            Dialect::Hec => ErrorForm::Hec,
            Dialect::Bulk => ErrorForm::Bulk,
            Dialect::Otlp if media_type(headers) == protobuf::MEDIA_TYPE => ErrorForm::OtlpProtobuf,
            Dialect::Otlp => ErrorForm::OtlpJson,
        }
    }
}

/// The content type of a request in lower case, without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

impl ApiError {
    /// Status, media type and body of the answer.
    pub(super) fn told(&self, target: Uuid, form: ErrorForm) -> (StatusCode, &'static str, Vec<u8>) {
        let of_json = |status, body: Value| (status, "application/json", body.to_string().into_bytes());
        let Code(name, status) = self.code;
        let mut error = json!({ "code": name, "message": self.message, "target": target.to_string() });
        match form {
            ErrorForm::Own => {
                if let Some(details) = &self.details {
                    error["details"] = (**details).clone();
                }
                of_json(status, json!({ "error": error }))
            }
            ErrorForm::Hec => {
                let (status, number, text) = self.hec();
                let mut body = json!({ "text": text, "code": number });
                let details = self.details.as_ref();
                if let Some(event) = details.and_then(|details| details.get(INVALID_EVENT_NUMBER)) {
                    body[INVALID_EVENT_NUMBER] = event.clone();
                }
                body["error"] = error;
                of_json(status, body)
            }
            // A message of type google.rpc.Status.
            ErrorForm::OtlpJson | ErrorForm::OtlpProtobuf => {
                let (status, number) = self.otlp();
                let message = format!("{name}: {} ({target})", self.message);
                if form == ErrorForm::OtlpJson {
                    return of_json(status, json!({ "code": number, "message": message }));
                }
                let mut body = Vec::new();
                protobuf::number(&mut body, 1, number);
                protobuf::bytes(&mut body, 2, message.as_bytes());
                (status, protobuf::MEDIA_TYPE, body)
            }
            ErrorForm::Bulk => {
                let (status, kind) = self.bulk();
                let cause = json!({ "type": kind, "reason": self.message });
                error["type"] = kind.into();
                error["reason"] = self.message.as_str().into();
                error["root_cause"] = json!([cause]);
                let body = json!({ "error": error, "status": status.as_u16() });
                let Some(items) = &self.items else { return of_json(status, body) };
                // Behind the others, as a text: items may be many.
                let mut body = body.to_string();
                body.truncate(body.len() - 1);
                body += &format!(r#","took":0,"errors":true,"items":{items}}}"#);
                (status, "application/json", body.into_bytes())
            }
        }
    }

    /// Status and type that clients of the bulk protocol know. What may work later has a status that is tried again.
    pub(crate) fn bulk(&self) -> (StatusCode, &'static str) {
        match self.code {
            code::UNAUTHORIZED | code::FORBIDDEN => (self.code.1, "security_exception"),
            code::SERVICE_BUSY | code::INSUFFICIENT_STORAGE | code::TOO_MANY_REQUESTS => {
                (StatusCode::TOO_MANY_REQUESTS, "es_rejected_execution_exception")
            }
            code::REQUEST_TIMEOUT => (StatusCode::SERVICE_UNAVAILABLE, "timeout_exception"),
            code::SERVICE_UNAVAILABLE => (self.code.1, "unavailable_shards_exception"),
            code::NOT_FOUND => (self.code.1, "resource_not_found_exception"),
            Code(_, status) if status.is_server_error() => (status, "exception"),
            Code(_, status) => (status, "illegal_argument_exception"),
        }
    }

    /// Status and number that OpenTelemetry has for it. What may work later has a status that is tried again.
    fn otlp(&self) -> (StatusCode, u64) {
        match self.code.1 {
            StatusCode::UNAUTHORIZED => (StatusCode::UNAUTHORIZED, 16),
            StatusCode::FORBIDDEN => (StatusCode::FORBIDDEN, 7),
            StatusCode::TOO_MANY_REQUESTS => (StatusCode::TOO_MANY_REQUESTS, 8),
            StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE => {
                (StatusCode::SERVICE_UNAVAILABLE, 14)
            }
            status if status.is_server_error() => (status, 13),
            status => (status, 3),
        }
    }

    /// Status, number and text that the HTTP Event Collector has for it.
    fn hec(&self) -> (StatusCode, u16, &'static str) {
        let status = self.code.1;
        match self.code {
            code::UNAUTHORIZED => match self.auth {
                Some(AuthError::Missing) | None => (status, 2, "Token is required"),
                Some(AuthError::MalformedCredentials) => (status, 3, "Invalid authorization"),
                Some(_) => (StatusCode::FORBIDDEN, 4, "Invalid token"),
            },
            // The client is known, and it is not switched on for this.
            code::FORBIDDEN => (status, 1, "Token disabled"),
            code::NO_DATA => (status, 5, "No data"),
            code::EVENT_MISSING => (status, 12, "Event field is required"),
            code::EVENT_BLANK => (status, 13, "Event field cannot be blank"),
            code::INVALID_FIELDS => (status, 15, "Error in handling indexed fields"),
            code::BODY_TOO_LARGE => (status, 27, "Request entity too large"),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => (status, 9, "Server is busy"),
            _ if status.is_server_error() => (status, 8, "Internal server error"),
            _ => (status, 6, "Invalid data format"),
        }
    }
}
