//! What can go wrong with a hunting query.

use datafusion::error::DataFusionError;
use kql::Diagnostic;
use model::ErrorKind;

use crate::external::Refused;

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
    #[error("too many queries run at once; try again shortly")]
    Busy,
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
            QueryError::Busy => ErrorKind::TooManyRequests,
            QueryError::GeoDatabase { .. } | QueryError::Engine(_) => ErrorKind::Internal,
        }
    }
}

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> QueryError {
        match error.find_root() {
            DataFusionError::ResourcesExhausted(_) => QueryError::OutOfMemory,
            DataFusionError::External(cause) if cause.is::<Refused>() => {
                QueryError::ExternalData { reason: cause.to_string() }
            }
            _ => QueryError::Engine(error),
        }
    }
}
