//! What can go wrong while keys, apps and users are administered.

use model::error::ErrorKind;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("cannot {doing}")]
    Store { doing: &'static str, source: StoreError },
    #[error("signing key {kid} does not open: the sealing key is not the one it was sealed with")]
    Sealed { kid: String },
    #[error("cannot {doing}: the cryptographic library refused")]
    Crypto { doing: &'static str },
    #[error("{what} {problem}")]
    Invalid { what: &'static str, problem: &'static str },
    #[error("{entity} {id} does not exist")]
    NotFound { entity: &'static str, id: String },
}

impl IdentityError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            IdentityError::Store { source, .. } => source.kind(),
            IdentityError::Sealed { .. } | IdentityError::Crypto { .. } => ErrorKind::Internal,
            IdentityError::Invalid { .. } => ErrorKind::InvalidInput,
            IdentityError::NotFound { .. } => ErrorKind::NotFound,
        }
    }
}

/// `map_err` for a call of the store.
pub(crate) fn store(doing: &'static str) -> impl FnOnce(StoreError) -> IdentityError {
    move |source| IdentityError::Store { doing, source }
}
