//! What went wrong with an action, as an answer.

use actions::ActionError;
use model::ErrorKind;

use super::{ApiError, chain, code, sentence};

impl From<ActionError> for ApiError {
    fn from(error: ActionError) -> ApiError {
        let message = sentence(&error.to_string());
        match error {
            ActionError::Store(error) => error.into(),
            ActionError::NotFound { what, id } => ApiError::resource_not_found(what, &id),
            ActionError::Active { .. } => ApiError::new(code::ACTIVE_REQUEST, message),
            ActionError::Invalid(message) => ApiError::new(code::INVALID_INPUT, message),
            ActionError::NotEnrolled => ApiError::new(code::MACHINE_NOT_ENROLLED, message),
            ActionError::OsNotSupported { .. } => ApiError::new(code::OS_NOT_SUPPORTED, message),
            ActionError::Protected { .. } => ApiError::new(code::PROTECTED_MACHINE, message),
            ActionError::SamePerson => ApiError::new(code::FORBIDDEN, message),
            ActionError::Quota { message, retry_after_seconds } => {
                ApiError::new(code::TOO_MANY_REQUESTS, message).retry_after(retry_after_seconds)
            }
            ActionError::Unauthorized(cause) => {
                let message = "The device is not known, or its request is not signed as it has to be.";
                ApiError::new(code::UNAUTHORIZED, message).because(&cause)
            }
            error => match error.kind() {
                ErrorKind::InvalidInput => ApiError::new(code::INVALID_INPUT, message),
                ErrorKind::Conflict => ApiError::new(code::CONFLICT, message),
                ErrorKind::TooLarge => ApiError::new(code::BODY_TOO_LARGE, message),
                ErrorKind::Unavailable => ApiError::unavailable(chain(&error)),
                _ => ApiError::internal(chain(&error)),
            },
        }
    }
}

impl ApiError {
    /// Says in the log why, at a level for what others do wrong.
    fn because(self, cause: &str) -> ApiError {
        tracing::debug!(cause, "a device was refused");
        self
    }
}
