//! What can go wrong in the lake.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::parquet::errors::ParquetError;
use model::ErrorKind;

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("cannot {doing} in the log: {source}")]
    Log { doing: &'static str, source: std::io::Error },
    #[error("log segment {segment} is damaged at byte {offset}: {reason}")]
    Damaged { segment: u64, offset: u64, reason: String },
    #[error("the log stopped accepting rows after a failed write; restart to recover")]
    Stopped,
    #[error("too many rows wait to be flushed; try again shortly")]
    Busy,
    #[error("no space is left for events")]
    NoSpace,
    #[error("cannot {doing} of file {path}: {source}")]
    File { doing: &'static str, path: String, source: object_store::Error },
    #[error("the files of {store} cannot be used: {reason}")]
    ObjectStore { store: String, reason: String },
    #[error("cannot {doing} in the catalog: {message}")]
    Catalog { doing: &'static str, message: String },
    #[error("the rows do not fit their table: {0}")]
    Rows(String),
    #[error("the lake as of {time} cannot be read: the earliest time is {earliest}")]
    TooEarly { time: model::Ticks, earliest: model::Ticks },
    #[error("the published log of {path} cannot be used: {reason}")]
    Delta { path: String, reason: String },
    #[error("the term index of {path} cannot be used: {reason}")]
    TermIndex { path: String, reason: String },
    #[error("the legal hold '{hold}' keeps rows of the device in {table}")]
    Held { hold: String, table: &'static str },
    #[error("the lake {what} is for callers who reach all devices")]
    Narrowed { what: &'static str },
    #[error("the batch is larger than {max} bytes")]
    TooLarge { max: usize },
    #[error("unexpected batch: {0}")]
    Arrow(#[from] ArrowError),
    #[error("cannot write or read Parquet: {0}")]
    Parquet(#[from] ParquetError),
    #[error("cannot compress: {0}")]
    Compress(std::io::Error),
    #[error("cannot read: {0}")]
    Engine(#[from] DataFusionError),
    #[error("a background step ended early: {0}")]
    Task(String),
}

impl LakeError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            LakeError::TooLarge { .. } => ErrorKind::TooLarge,
            LakeError::Held { .. } => ErrorKind::Conflict,
            LakeError::Rows(_) | LakeError::TooEarly { .. } => ErrorKind::InvalidInput,
            LakeError::Narrowed { .. } => ErrorKind::Forbidden,
            LakeError::Busy | LakeError::NoSpace | LakeError::Stopped => ErrorKind::Unavailable,
            LakeError::Log { .. }
            | LakeError::File { .. }
            | LakeError::ObjectStore { .. }
            | LakeError::Catalog { .. } => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        }
    }
}
