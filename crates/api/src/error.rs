//! The errors of the API: one form, one table of codes, one place where other crates' errors become answers.

mod actions;
mod dialects;

use std::error::Error;

use axum::body::Body;
use axum::http::header::{ALLOW, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use identity::{AuthError, Denied, IdentityError};
use lake::LakeError;
use model::ErrorKind;
use odata::ODataError;
use serde_json::Value;
use store::StoreError;
use tracing::error;
use uuid::Uuid;

pub(crate) use dialects::{ErrorForm, INVALID_EVENT_NUMBER, media_type};

/// The word in `error.code` and the status that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub &'static str, pub StatusCode);

/// The codes of the compatible API; after the blank line, those it has no word for.
pub(crate) mod code {
    use super::{Code, StatusCode};

    pub const BAD_REQUEST: Code = Code("BadRequest", StatusCode::BAD_REQUEST);
    pub const ODATA: Code = Code("ODataError", StatusCode::BAD_REQUEST);
    pub const INVALID_INPUT: Code = Code("InvalidInput", StatusCode::BAD_REQUEST);
    pub const INVALID_BODY: Code = Code("InvalidRequestBody", StatusCode::BAD_REQUEST);
    pub const MISSING_PARAMETER: Code = Code("MissingRequiredParameter", StatusCode::BAD_REQUEST);
    pub const INVALID_HASH: Code = Code("InvalidHashValue", StatusCode::BAD_REQUEST);
    pub const INVALID_ADDRESS: Code = Code("InvalidIpAddress", StatusCode::BAD_REQUEST);
    pub const INVALID_DOMAIN: Code = Code("InvalidDomainName", StatusCode::BAD_REQUEST);
    pub const BATCH_TOO_LARGE: Code = Code("MaximumBatchSizeExceeded", StatusCode::BAD_REQUEST);
    pub const UNAUTHORIZED: Code = Code("Unauthorized", StatusCode::UNAUTHORIZED);
    pub const DISALLOWED_OPERATION: Code = Code("DisallowedOperation", StatusCode::FORBIDDEN);
    pub const FORBIDDEN: Code = Code("Forbidden", StatusCode::FORBIDDEN);
    pub const NOT_FOUND: Code = Code("NotFound", StatusCode::NOT_FOUND);
    pub const RESOURCE_NOT_FOUND: Code = Code("ResourceNotFound", StatusCode::NOT_FOUND);
    pub const TOO_MANY_REQUESTS: Code = Code("TooManyRequests", StatusCode::TOO_MANY_REQUESTS);
    pub const INTERNAL: Code = Code("InternalServerError", StatusCode::INTERNAL_SERVER_ERROR);
    pub const ACTIVE_REQUEST: Code = Code("ActiveRequestAlreadyExists", StatusCode::BAD_REQUEST);
    pub const OS_NOT_SUPPORTED: Code = Code("OsPlatformNotSupported", StatusCode::BAD_REQUEST);

    pub const MACHINE_NOT_ENROLLED: Code = Code("MachineNotEnrolled", StatusCode::BAD_REQUEST);
    pub const PROTECTED_MACHINE: Code = Code("ProtectedMachine", StatusCode::FORBIDDEN);
    pub const METHOD_NOT_ALLOWED: Code = Code("MethodNotAllowed", StatusCode::METHOD_NOT_ALLOWED);
    pub const NOT_ACCEPTABLE: Code = Code("NotAcceptable", StatusCode::NOT_ACCEPTABLE);
    pub const REQUEST_TIMEOUT: Code = Code("RequestTimeout", StatusCode::REQUEST_TIMEOUT);
    pub const STREAMING_NOT_AVAILABLE: Code = Code("StreamingNotAvailable", StatusCode::BAD_REQUEST);
    pub const CONFLICT: Code = Code("Conflict", StatusCode::CONFLICT);
    pub const GONE: Code = Code("Gone", StatusCode::GONE);
    pub const PRECONDITION_FAILED: Code = Code("PreconditionFailed", StatusCode::PRECONDITION_FAILED);
    pub const IDEMPOTENCY_KEY_REUSED: Code = Code("IdempotencyKeyReused", StatusCode::UNPROCESSABLE_ENTITY);
    pub const BODY_TOO_LARGE: Code = Code("RequestBodyTooLarge", StatusCode::PAYLOAD_TOO_LARGE);
    pub const UNSUPPORTED_MEDIA_TYPE: Code = Code("UnsupportedMediaType", StatusCode::UNSUPPORTED_MEDIA_TYPE);
    pub const SERVICE_BUSY: Code = Code("ServiceBusy", StatusCode::SERVICE_UNAVAILABLE);
    pub const INSUFFICIENT_STORAGE: Code = Code("InsufficientStorage", StatusCode::SERVICE_UNAVAILABLE);
    pub const NO_DATA: Code = Code("NoData", StatusCode::BAD_REQUEST);
    pub const INVALID_EVENT: Code = Code("InvalidEvent", StatusCode::BAD_REQUEST);
    pub const EVENT_MISSING: Code = Code("EventMissing", StatusCode::BAD_REQUEST);
    pub const EVENT_BLANK: Code = Code("EventBlank", StatusCode::BAD_REQUEST);
    pub const INVALID_FIELDS: Code = Code("InvalidFields", StatusCode::BAD_REQUEST);
    pub const SERVICE_UNAVAILABLE: Code = Code("ServiceUnavailable", StatusCode::SERVICE_UNAVAILABLE);
}

const RETRY_SECONDS: u32 = 5;
/// A disk does not become empty by itself.
const RETRY_NO_SPACE_SECONDS: u32 = 60;

/// A refused request. Made by handlers, rendered by [`ApiError::render`] once the id of the answer is known.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: Code,
    message: String,
    details: Option<Box<Value>>,
    header: Option<Box<(HeaderName, String)>>,
    /// What clients of the bulk protocol are told of each item, as a JSON array.
    items: Option<Box<str>>,
    /// Why the caller is not known.
    auth: Option<AuthError>,
    /// For the log alone.
    cause: Option<String>,
}

impl ApiError {
    pub fn new(code: Code, message: impl Into<String>) -> ApiError {
        let message = message.into();
        ApiError { code, message, details: None, header: None, items: None, auth: None, cause: None }
    }

    pub fn with_details(self, details: Value) -> ApiError {
        ApiError { details: Some(Box::new(details)), ..self }
    }

    /// `items` is a JSON array.
    pub fn with_items(self, items: String) -> ApiError {
        ApiError { items: Some(items.into()), ..self }
    }

    pub fn retry_after(self, seconds: u32) -> ApiError {
        self.with_header(RETRY_AFTER, seconds.to_string())
    }

    pub fn resource_not_found(entity: &str, id: &str) -> ApiError {
        let id: String = id.chars().take(256).collect();
        ApiError::new(code::RESOURCE_NOT_FOUND, format!("{entity} {id} was not found"))
    }

    pub fn invalid(message: impl Into<String>) -> ApiError {
        ApiError::new(code::INVALID_INPUT, message)
    }

    pub fn missing(name: &str) -> ApiError {
        ApiError::new(code::MISSING_PARAMETER, format!("The required parameter {name} is missing."))
    }

    pub fn method_not_allowed(allowed: &str) -> ApiError {
        let message = format!("The method is not one of {allowed}.");
        ApiError::new(code::METHOD_NOT_ALLOWED, message).with_header(ALLOW, allowed.to_owned())
    }

    pub fn body_too_large(bytes_max: usize) -> ApiError {
        ApiError::new(code::BODY_TOO_LARGE, format!("The body is larger than {bytes_max} bytes."))
    }

    /// A failure of ours: its text is for the log.
    pub fn internal(cause: impl Into<String>) -> ApiError {
        let error = ApiError::new(code::INTERNAL, "Something went wrong here. Try again later.");
        ApiError { cause: Some(cause.into()), ..error }
    }

    /// Something of ours is not usable now: what it is, is for the log.
    pub fn unavailable(cause: impl Into<String>) -> ApiError {
        let error =
            ApiError::new(code::SERVICE_UNAVAILABLE, "The service is unavailable now. Try again later.");
        ApiError { cause: Some(cause.into()), ..error }.retry_after(RETRY_SECONDS)
    }

    /// There is no room on the disk for what was to be kept.
    fn no_space(error: &dyn Error) -> ApiError {
        let message = "No space is left on the server for this. What is stored can be read. Try again later.";
        let error =
            ApiError { cause: Some(chain(error)), ..ApiError::new(code::INSUFFICIENT_STORAGE, message) };
        error.retry_after(RETRY_NO_SPACE_SECONDS)
    }

    pub fn unauthorized(error: AuthError, base_url: &str) -> ApiError {
        if error.kind() == ErrorKind::Unavailable {
            return ApiError::unavailable(error.to_string());
        }
        let challenge = format!("Bearer authorization_uri=\"{base_url}/common/oauth2/authorize\"");
        let challenge = match error {
            // RFC 6750, 3.1: who sent no token is not told what is wrong with it.
            AuthError::Missing => challenge,
            _ => format!("{challenge}, error=\"invalid_token\", error_description=\"{error}\""),
        };
        let message = sentence(&error.to_string());
        let refused = ApiError { auth: Some(error), ..ApiError::new(code::UNAUTHORIZED, message) };
        refused.with_header(WWW_AUTHENTICATE, challenge)
    }

    fn with_header(self, name: HeaderName, value: String) -> ApiError {
        ApiError { header: Some(Box::new((name, value))), ..self }
    }

    pub fn code(&self) -> Code {
        self.code
    }

    pub fn message(&self) -> &str {
        &self.message
    }

    /// Logs what the client is not told, where the error does not become an answer.
    pub fn log_cause(&self) {
        if let Some(cause) = &self.cause {
            error!(code = self.code.0, cause, "a request failed");
        }
    }

    /// The answer, under its id. What the client is not told is logged under the same id.
    pub fn render(self, target: Uuid, form: ErrorForm) -> Response {
        let Code(name, _) = self.code;
        if let Some(cause) = &self.cause {
            error!(%target, code = name, cause, "a request failed");
        }
        let (status, media_type, body) = self.told(target, form);
        let mut response = (status, [(CONTENT_TYPE, media_type)], body).into_response();
        if let Some((name, value)) = self.header.map(|header| *header)
            && let Ok(value) = HeaderValue::from_str(&value)
        {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

impl IntoResponse for ApiError {
    /// A placeholder that carries the error to where the id of the answer is known.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.code.1;
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> ApiError {
        ApiError::new(code::FORBIDDEN, denied.to_string())
    }
}

impl From<IdentityError> for ApiError {
    fn from(error: IdentityError) -> ApiError {
        match error {
            IdentityError::Store { source, .. } => source.into(),
            IdentityError::NotFound { entity, id } => {
                ApiError::new(code::RESOURCE_NOT_FOUND, format!("{entity} {id} does not exist"))
            }
            IdentityError::Invalid { .. } => ApiError::new(code::INVALID_INPUT, sentence(&error.to_string())),
            _ => ApiError::internal(chain(&error)),
        }
    }
}

impl From<ODataError> for ApiError {
    fn from(error: ODataError) -> ApiError {
        ApiError::new(code::ODATA, error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> ApiError {
        if let StoreError::NoSpace { .. } = error {
            return ApiError::no_space(&error);
        }
        if let StoreError::Changed { .. } = error {
            return ApiError::new(code::PRECONDITION_FAILED, sentence(&error.to_string()));
        }
        match error.kind() {
            ErrorKind::NotFound => ApiError::new(code::RESOURCE_NOT_FOUND, error.to_string()),
            ErrorKind::InvalidInput => ApiError::new(code::INVALID_INPUT, error.to_string()),
            ErrorKind::Conflict => ApiError::new(code::CONFLICT, error.to_string()),
            ErrorKind::Unavailable => ApiError::unavailable(chain(&error)),
            _ => ApiError::internal(chain(&error)),
        }
    }
}

impl From<profiles::Error> for ApiError {
    fn from(error: profiles::Error) -> ApiError {
        match error {
            profiles::Error::Store(error) => error.into(),
            error => ApiError::internal(chain(&error)),
        }
    }
}

impl From<LakeError> for ApiError {
    fn from(error: LakeError) -> ApiError {
        match &error {
            LakeError::Busy => ApiError::new(code::SERVICE_BUSY, sentence(&error.to_string())).retry_after(2),
            LakeError::NoSpace => ApiError::no_space(&error),
            LakeError::TooLarge { .. } => ApiError::new(code::BODY_TOO_LARGE, sentence(&error.to_string())),
            LakeError::Held { .. } => ApiError::new(code::CONFLICT, sentence(&error.to_string())),
            _ if error.kind() == ErrorKind::Unavailable => ApiError::unavailable(chain(&error)),
            _ => ApiError::internal(chain(&error)),
        }
    }
}

/// An error with its causes on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A message of another crate as one of ours.
pub(crate) fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}
