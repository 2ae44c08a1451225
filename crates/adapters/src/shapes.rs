//! The shapes events arrive in, one module each. All end as one [`Event`], except rows that are already
//! in the tables' own shape.

use std::borrow::Cow;

use crate::Refusal;
use crate::event::Event;
use crate::json::{Json, Object, get};

mod azure;
mod device_row;
pub(crate) mod event_xml;
mod nxlog;
mod powershell_export;
mod syslog;
mod winlogbeat;

pub(crate) use device_row::map as map_device_row;

/// What one record turned out to be.
pub(crate) enum Record<'a> {
    Event(Box<Event<'a>>),
    /// A row in the shape of a hunting table.
    DeviceRow(Object<'a>),
    /// A line of auditd, and the device for the case that it names none.
    Audit {
        line: Cow<'a, str>,
        device: Cow<'a, str>,
    },
    /// A record of a known shape that holds no event of a mapped kind.
    Other {
        kind: String,
    },
}

impl<'a> Record<'a> {
    fn event(event: Event<'a>) -> Record<'a> {
        Record::Event(Box::new(event))
    }
}

/// Reads a record of one shape.
pub(crate) type Read = for<'a> fn(Object<'a>) -> Result<Record<'a>, Refusal>;

/// Recognises the shape of a record by its members.
pub(crate) fn read(object: Object<'_>) -> Result<Record<'_>, Refusal> {
    let missing = "an event id (EventID, event_id or winlog.event_id)";
    recognise(&object).ok_or(Refusal::NotAnEvent { missing })?(object)
}

/// The reader of the shape that a record has, if it is one of ours.
pub(crate) fn recognise(object: &Object<'_>) -> Option<Read> {
    let has = |key| get(object, key).is_some();
    let is_object = |key| matches!(get(object, key), Some(Json::Object(_)));
    if is_object("winlog") {
        Some(|object| winlogbeat::read_7(object).map(Record::event))
    } else if has("event_id") && (has("log_name") || is_object("event_data")) {
        Some(|object| winlogbeat::read_6(object).map(Record::event))
    } else if has("SyslogMessage") {
        Some(syslog::read)
    } else if device_row::matches(object) {
        Some(|object| Ok(Record::DeviceRow(object)))
    } else if has("TimeGenerated") {
        Some(azure::read)
    } else if has("EventID") && has("EventTime") {
        Some(|object| nxlog::read(object).map(Record::event))
    } else if has("EventID") {
        Some(|object| powershell_export::read(object).map(Record::event))
    } else {
        None
    }
}

/// The text of a member that is metadata; nothing for null, lists and objects.
fn text<'a>(value: Json<'a>) -> Option<Cow<'a, str>> {
    value.into_text().filter(|text| !text.is_empty())
}

/// A column name without the ending that a union of tables gives to columns that differ in type.
fn without_type_ending(name: &str) -> &str {
    const ENDINGS: [&str; 7] = ["_string", "_dynamic", "_long", "_int", "_guid", "_datetime", "_bool"];
    ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

fn missing_id() -> Refusal {
    Refusal::NotAnEvent { missing: "a usable event id (a number from 0)" }
}
