//! What can go wrong with a hunting query.

use datafusion::error::DataFusionError;
use kql::Diagnostic;
use model::ErrorKind;

use crate::external::Refused;
use crate::kernel::TooLong;
use crate::memory::SHARED_IS_FULL;
use crate::sequences::TooManySequences;

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The text is not a query, or names what does not exist.
    #[error("{}", summary(.0))]
    Invalid(Vec<Diagnostic>),
    #[error("the query ran longer than {seconds} seconds; narrow its time range or its filters")]
    TimedOut { seconds: u64 },
    #[error("the query needs more memory than it may have; narrow its filters or summarize fewer groups")]
    OutOfMemory,
    #[error("the result is larger than {max_bytes} bytes; limit the number of results")]
    ResultTooLarge { max_bytes: usize },
    #[error("{reason}; cut texts before they are joined")]
    TextTooLong { reason: String },
    #[error("{reason}")]
    TooManySequences { reason: String },
    #[error("the query reads more than {rows_max} rows or {bytes_max} bytes; narrow its time range")]
    ScanTooLarge { rows_max: u64, bytes_max: u64 },
    #[error("too many queries run at once; try again shortly")]
    Busy,
    #[error("running queries need all the memory there is; try again shortly")]
    MemoryBusy,
    /// What could be done in parts cannot any more.
    #[error("the query cannot go on in parts: {reason}")]
    Changed { reason: String },
    #[error("{reason}")]
    ExternalData { reason: String },
    #[error("the database of places is not usable: {reason}")]
    GeoDatabase { reason: String },
    #[error("the engine failed: {0}")]
    Engine(DataFusionError),
}

fn summary(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|d| d.message.as_str()).collect::<Vec<_>>().join("; ")
}

impl QueryError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            QueryError::Invalid(_) | QueryError::ResultTooLarge { .. } | QueryError::TimedOut { .. } => {
                ErrorKind::InvalidInput
            }
            QueryError::OutOfMemory | QueryError::ExternalData { .. } => ErrorKind::InvalidInput,
            QueryError::ScanTooLarge { .. }
            | QueryError::TextTooLong { .. }
            | QueryError::TooManySequences { .. } => ErrorKind::InvalidInput,
            QueryError::Busy | QueryError::MemoryBusy => ErrorKind::TooManyRequests,
            QueryError::Changed { .. } => ErrorKind::Unavailable,
            QueryError::GeoDatabase { .. } | QueryError::Engine(_) => ErrorKind::Internal,
        }
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> QueryError {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(what) if what.contains(SHARED_IS_FULL) => {
                QueryError::MemoryBusy
            }
            DataFusionError::ResourcesExhausted(_) => QueryError::OutOfMemory,
            DataFusionError::External(cause) if cause.is::<Refused>() => {
                QueryError::ExternalData { reason: cause.to_string() }
            }
            DataFusionError::External(cause) if cause.is::<TooLong>() => {
                QueryError::TextTooLong { reason: cause.to_string() }
            }
            DataFusionError::External(cause) if cause.is::<TooManySequences>() => {
                QueryError::TooManySequences { reason: cause.to_string() }
            }
            _ => QueryError::Engine(error),
        }
    }
}
