//! What can go wrong with a hunting query.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use kql::Diagnostic;
use model::ErrorKind;

use crate::external::Refused;
use crate::kernel::TooLong;
use crate::memory::SHARED_IS_FULL;
use crate::sequences::TooManySequences;

/// What the engine says, as text alone, when a query has written as much to the disk as it may.
const DISK_IS_USED_UP: &str = "The used disk space during the spilling process has exceeded";

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
            DataFusionError::ArrowError(cause, _) if matches!(&**cause, ArrowError::IoError(what, _) if what.contains(DISK_IS_USED_UP)) => {
                QueryError::OutOfMemory
            }
            DataFusionError::IoError(cause) if cause.to_string().contains(DISK_IS_USED_UP) => {
                QueryError::OutOfMemory
            }
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn what_a_query_may_not_use_is_a_refusal() {
        let used_up = || io::Error::other(format!("{DISK_IS_USED_UP} the allowable limit of 1024.0 MB."));
        let of_arrow = ArrowError::IoError(used_up().to_string(), used_up());
        let other = ArrowError::IoError("no".to_owned(), io::Error::other("no"));
        for (error, is_refusal) in [
            (DataFusionError::ResourcesExhausted("memory".to_owned()), true),
            (DataFusionError::from(of_arrow).context("sort"), true),
            (DataFusionError::from(used_up()), true),
            (DataFusionError::from(other), false),
        ] {
            let said = QueryError::from(error);
            assert_eq!(matches!(said, QueryError::OutOfMemory), is_refusal, "{said}");
        }
    }
}
