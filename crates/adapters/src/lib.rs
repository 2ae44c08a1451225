//! Readers of other products' event formats: bytes in, table rows out.
//!
//! Pure: no files, no network, no clock. A record becomes a row of a hunting table, or is named as one that
//! is not covered, or is refused with a reason; none is dropped without a word.
//!
//! [`FORMATS`] is the list of formats. [`read_shipped`] reads what log shippers send: records of any of them, in the
//! envelopes of a [`Protocol`]. Events of Windows pass through three steps, each a list to add to:
//! [`shapes`] recognises how a collector writes events and makes one [`event::Event`] of it; [`mappings`]
//! says which table and columns an event fills; [`draft::Draft`] completes the row from the processes known
//! of the device and keeps in AdditionalFields, under its own name, every field whose exact text no column
//! holds.

use std::borrow::Cow;

use model::row::RowError;
use model::{Row, tables};

mod auditd;
mod bulk;
mod cache;
mod draft;
mod event;
mod evtx;
mod format;
mod hec;
mod json;
mod lines;
mod mapper;
mod mappings;
mod ocsf;
mod otlp;
mod shapes;
mod shipped;
mod syslog_line;
mod sysmon;
mod values;
mod xml;

pub use bulk::{BulkAction, BulkItem, TakeItem};
use event::Channel;
pub use format::{FORMATS, Format, Framing, Give, Input, find, recognise};
pub use hec::seconds;
pub use lines::LINE_BYTES_MAX;
pub use mapper::Mapper;
pub use shipped::{Fault, Protocol, Said, read_bulk, read_shipped};

/// What became of a record that could be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Mapped {
    /// A row; its `DeviceId` is for the caller to assign.
    Row(Box<Row>),
    /// A record that no mapping covers, by kind such as `Security/4658`.
    Unmapped { kind: String },
    /// A line that belongs to an event whose first line has the outcome.
    Merged,
}

/// Why a record could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the line has {bytes} bytes; at most {max} are read")]
    TooLong { bytes: usize, max: usize },
    #[error("the line is not JSON: {reason}")]
    NotJson { reason: String },
    #[error("the line is not an event: it takes {missing}")]
    NotAnEvent { missing: &'static str },
    #[error("{place} is damaged: {reason}")]
    Damaged { place: String, reason: &'static str },
    #[error("'{field}' takes an ISO 8601 time from 1970 to 2262 such as 2024-05-06 07:08:09.123{}", or_missing(.given))]
    BadTime { field: &'static str, given: Option<String> },
    #[error("'{field}' takes {expected}")]
    BadValue { field: Cow<'static, str>, expected: Cow<'static, str> },
    #[error(transparent)]
    NotARow(#[from] RowError),
}

fn or_missing(text: &Option<String>) -> String {
    text.as_ref().map_or(", and is missing".to_owned(), |text| format!(", not '{text}'"))
}

impl Refusal {
    /// A short word for counting refusals by reason.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::TooLong { .. } => "LineTooLong",
            Refusal::NotJson { .. } => "InvalidJson",
            Refusal::NotAnEvent { .. } => "NotAnEvent",
            Refusal::Damaged { .. } => "Damaged",
            Refusal::BadTime { given: None, .. } => "MissingTime",
            Refusal::BadTime { .. } => "InvalidTime",
            Refusal::BadValue { .. } => "InvalidValue",
            Refusal::NotARow(error) => error.code(),
        }
    }

    fn bad_time(field: &'static str, given: Option<&str>) -> Refusal {
        Refusal::BadTime { field, given: given.map(|text| text.chars().take(40).collect()) }
    }

    fn bad_value(field: &'static str, expected: &'static str) -> Refusal {
        Refusal::BadValue { field: field.into(), expected: expected.into() }
    }
}

/// Whether events of this id in this channel become rows. Channel names are compared without case.
pub fn covers(channel: &str, event_id: i64) -> bool {
    Channel::of(channel).is_some_and(|channel| mappings::find_id(channel, event_id).is_some())
}

/// The column that holds the exact text of a field, where AdditionalFields does not repeat it.
///
/// A field of a mapped event is found under its own name in AdditionalFields, or else in this column.
pub fn column_of(channel: &str, event_id: i64, field: &str) -> Option<&'static str> {
    let mapping = mappings::find_id(Channel::of(channel)?, event_id)?;
    let table = tables::find(mapping.table)?;
    let mut moves = mapping.moves.iter().flat_map(|block| block.iter());
    let home = moves.find(|entry| entry.field == field && table.position(entry.column).is_some())?;
    Some(home.column)
}
