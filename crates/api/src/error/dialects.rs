//! How an error is told: in our own form, or in that of the protocol that a client speaks.

use axum::http::StatusCode;
use identity::AuthError;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{ApiError, Code, code};
use crate::routes::Dialect;

/// The member by which clients of the HTTP Event Collector learn which event it was, counted from 0.
pub(crate) const INVALID_EVENT_NUMBER: &str = "invalid-event-number";

impl ApiError {
    pub(super) fn body(&self, target: Uuid, dialect: Dialect) -> (StatusCode, Value) {
        let Code(name, status) = self.code;
        let mut error = json!({ "code": name, "message": self.message, "target": target.to_string() });
        match dialect {
            Dialect::Own => {
                if let Some(details) = &self.details {
                    error["details"] = (**details).clone();
                }
                (status, json!({ "error": error }))
            }
            Dialect::Hec => {
                let (status, number, text) = self.hec();
                let mut body = json!({ "text": text, "code": number });
                let details = self.details.as_ref();
                if let Some(event) = details.and_then(|details| details.get(INVALID_EVENT_NUMBER)) {
                    body[INVALID_EVENT_NUMBER] = event.clone();
                }
                body["error"] = error;
                (status, body)
            }
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
