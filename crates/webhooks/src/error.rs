//! What can go wrong with webhooks.

use model::ErrorKind;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("webhook {0} was not found")]
    NotFound(String),
    /// What is wrong with what was asked for.
    #[error("{0}")]
    Invalid(String),
    #[error("the tenant has {0} webhooks, which is as many as it may have")]
    Full(i64),
    #[error("webhook {id} is stored in a form that cannot be read")]
    Unreadable { id: String },
    /// A part of the server that webhooks need does not work now.
    #[error("cannot {doing}: {reason}")]
    Unavailable { doing: &'static str, reason: String },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl WebhookError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            WebhookError::NotFound(_) => ErrorKind::NotFound,
            WebhookError::Invalid(_) | WebhookError::Full(_) => ErrorKind::InvalidInput,
            WebhookError::Unreadable { .. } => ErrorKind::Internal,
            WebhookError::Unavailable { .. } => ErrorKind::Unavailable,
            WebhookError::Store(error) => error.kind(),
        }
    }
}
