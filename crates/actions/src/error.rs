//! What can go wrong with actions.

use model::ErrorKind;
use model::machine_action::ActionStatus;
use sensor_proto::ProtoError;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum ActionError {
    #[error("{what} {id} was not found")]
    NotFound { what: &'static str, id: String },
    #[error("a {kind} of the machine is pending or in progress already (action {id})")]
    Active { kind: String, id: String },
    #[error("{0}")]
    Invalid(String),
    #[error("the machine has no sensor on the device channel")]
    NotEnrolled,
    #[error("the machine was offboarded")]
    Offboarded,
    #[error("a machine that runs {os} cannot be offboarded by the API")]
    OsNotSupported { os: String },
    #[error("the action is {} and cannot be changed any more", .status.name())]
    Final { status: ActionStatus },
    #[error("the device has the action already, and what it does cannot be taken back")]
    Given,
    #[error("the action waits for nobody's approval")]
    NotHeld,
    #[error("the machine has as many open actions as it can have")]
    Full,
    #[error("the machine has the tag '{tag}', which protects it from this action")]
    Protected { tag: String },
    #[error("somebody else than who asked for the action has to decide about it")]
    SamePerson,
    #[error("{message}")]
    Quota { message: String, retry_after_seconds: u32 },
    #[error("the idempotency key was used for another request")]
    OtherRequest,
    #[error("{what} is larger than {bytes_max} bytes")]
    TooLarge { what: &'static str, bytes_max: u64 },
    /// What is wrong is for the log: who enrols is not told more.
    #[error("the device is not known, or its request is not signed as it has to be: {0}")]
    Unauthorized(String),
    #[error(transparent)]
    Proto(#[from] ProtoError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the queue of device {device} is stored in a form that cannot be read")]
    Queue { device: String, source: serde_json::Error },
    #[error("cannot {doing}")]
    Io { doing: &'static str, source: std::io::Error },
}

impl ActionError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            ActionError::NotFound { .. } => ErrorKind::NotFound,
            ActionError::Unauthorized(_) => ErrorKind::Unauthorized,
            ActionError::Protected { .. } | ActionError::SamePerson => ErrorKind::Forbidden,
            ActionError::Quota { .. } => ErrorKind::TooManyRequests,
            ActionError::OtherRequest => ErrorKind::Conflict,
            ActionError::TooLarge { .. } => ErrorKind::TooLarge,
            ActionError::Active { .. }
            | ActionError::Invalid(_)
            | ActionError::NotEnrolled
            | ActionError::Offboarded
            | ActionError::OsNotSupported { .. }
            | ActionError::Final { .. }
            | ActionError::Given
            | ActionError::NotHeld
            | ActionError::Full
            | ActionError::Proto(_) => ErrorKind::InvalidInput,
            ActionError::Store(error) => error.kind(),
            ActionError::Queue { .. } => ErrorKind::Internal,
            ActionError::Io { .. } => ErrorKind::Unavailable,
        }
    }
}
