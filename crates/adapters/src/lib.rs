//! Readers of other products' event formats: bytes in, table rows out.
//!
//! Pure: no files, no network, no clock. A record becomes a row of a hunting table, or is named as one that
//! is not covered, or is refused with a reason; none is dropped without a word.
//!
//! A line passes through three steps, each a list to add to: [`shapes`] recognises how a collector writes
//! events and makes one [`event::Event`] of it; [`mappings`] says which table and columns an event fills;
//! [`draft::Draft`] completes the row from the processes known of the device and keeps in AdditionalFields,
//! under its own name, every field whose exact text no column holds.

use std::borrow::Cow;

use model::{Row, tables};

mod cache;
mod draft;
mod event;
mod json;
mod mappings;
mod shapes;
mod values;
mod xml;

use cache::ProcessCache;
use draft::Draft;
use event::{Channel, Event};
use json::Json;
use shapes::Record;

/// Longer lines are refused.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// Reads events of Sysmon, the Windows logs and Sysmon for Linux, as collectors export them: one JSON
/// object a line. Remembers the processes it saw start, to complete later rows; the memory is bounded.
#[derive(Debug)]
pub struct SysmonMapper {
    cache: ProcessCache,
}

/// What became of a record that could be read.
#[derive(Clone, Debug, PartialEq)]
pub enum Mapped {
    /// A row; its `DeviceId` is for the caller to assign.
    Row(Box<Row>),
    /// A record that no mapping covers, by kind such as `Security/4658`.
    Unmapped { kind: String },
}

/// Why a line could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the line has {bytes} bytes; at most {max} are read")]
    TooLarge { bytes: usize, max: usize },
    #[error("the line is not JSON: {reason}")]
    NotJson { reason: String },
    #[error("the line is not an event: it takes {missing}")]
    NotAnEvent { missing: &'static str },
    #[error("'{field}' takes an ISO 8601 time from 1970 to 2262 such as 2024-05-06 07:08:09.123{}", or_missing(.given))]
    BadTime { field: &'static str, given: Option<String> },
    #[error("'{field}' takes {expected}")]
    BadValue { field: Cow<'static, str>, expected: Cow<'static, str> },
}

fn or_missing(text: &Option<String>) -> String {
    text.as_ref().map_or(", and is missing".to_owned(), |text| format!(", not '{text}'"))
}

impl Refusal {
    /// A short word for counting refusals by reason.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::TooLarge { .. } => "TooLarge",
            Refusal::NotJson { .. } => "InvalidJson",
            Refusal::NotAnEvent { .. } => "NotAnEvent",
            Refusal::BadTime { given: None, .. } => "MissingTime",
            Refusal::BadTime { .. } => "InvalidTime",
            Refusal::BadValue { .. } => "InvalidValue",
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

impl Default for SysmonMapper {
    fn default() -> SysmonMapper {
        SysmonMapper::new()
    }
}

impl SysmonMapper {
    pub fn new() -> SysmonMapper {
        SysmonMapper { cache: ProcessCache::new(cache::BOUNDS) }
    }

    /// Reads one line. Reading the same line again gives the same `ReportId`.
    pub fn map(&mut self, line: &[u8]) -> Result<Mapped, Refusal> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        if line.len() > LINE_BYTES_MAX {
            return Err(Refusal::TooLarge { bytes: line.len(), max: LINE_BYTES_MAX });
        }
        let json = Json::parse(line).map_err(|error| Refusal::NotJson { reason: error.to_string() })?;
        let Json::Object(object) = json else {
            return Err(Refusal::NotAnEvent { missing: "a JSON object" });
        };
        match shapes::read(object)? {
            Record::Event(event) => self.map_event(&event, line),
            Record::DeviceRow(object) => shapes::map_device_row(object, report_id(None, line)),
            Record::Other { kind } => Ok(Mapped::Unmapped { kind }),
        }
    }

    fn map_event(&mut self, event: &Event<'_>, line: &[u8]) -> Result<Mapped, Refusal> {
        let known = mappings::find(event).and_then(|mapping| Some((mapping, tables::find(mapping.table)?)));
        let Some((mapping, table)) = known else {
            return Ok(Mapped::Unmapped { kind: event.kind() });
        };
        let time = event.time()?;
        let device = event.host.trim().to_lowercase();
        if device.is_empty() {
            return Err(Refusal::bad_value("Computer", "the name of the device, and is missing"));
        }
        let mut draft = Draft::new(table, event, time, &device);
        draft.action(mapping.action);
        for block in mapping.moves {
            draft.fill(block);
        }
        (mapping.refine)(&mut draft);
        draft.complete_initiating(mapping.initiating_guid, &self.cache);
        (mapping.relate)(&mut draft, &mut self.cache);
        Ok(Mapped::Row(Box::new(draft.finish(report_id(event.record_id, line)))))
    }
}

/// The record's own number, or one made from the bytes of the line: positive, 63 bits.
fn report_id(record_id: Option<i64>, line: &[u8]) -> i64 {
    record_id.filter(|id| *id > 0).unwrap_or_else(|| (hash(line) >> 1).max(1) as i64)
}

/// A 64-bit hash that stays the same between versions: folded multiplication of eight bytes at a time.
fn hash(bytes: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let mut chunks = bytes.chunks_exact(8);
    let mut state = ODD ^ bytes.len() as u64;
    for chunk in &mut chunks {
        let word = chunk.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        state = fold(state ^ word, ODD).rotate_left(23) ^ word;
    }
    let rest = chunks.remainder().iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    fold(fold(state ^ rest, ODD) ^ ODD, 0xd6e8_feb8_6659_fd93)
}
