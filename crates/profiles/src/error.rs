//! What can go wrong with profiles.

use lake::LakeError;
use model::ErrorKind;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot keep profiles")]
    Store(#[from] StoreError),
    #[error("cannot read the events that profiles are made of")]
    Lake(#[from] LakeError),
    #[error(
        "the profile of {kind} {id} is of another version of the program: stop the server and run \
         `bartizan lake rebuild-profiles`"
    )]
    Version { kind: &'static str, id: String },
    #[error(
        "the profile of {kind} {id} is damaged: stop the server and run `bartizan lake rebuild-profiles`"
    )]
    State { kind: &'static str, id: String, source: postcard::Error },
    #[error("the work on profiles ended early: {0}")]
    Task(String),
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Store(error) => error.kind(),
            Error::Lake(error) => error.kind(),
            Error::Version { .. } | Error::State { .. } | Error::Task(_) => ErrorKind::Internal,
        }
    }
}
