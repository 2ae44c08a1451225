//! The shapes events arrive in, one module each. All end as one [`Event`], except rows that are already
//! in the tables' own shape.

use std::borrow::Cow;

use crate::Refusal;
use crate::event::Event;
use crate::json::{Json, Object};

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

/// Members that tell shapes apart.
#[derive(Default)]
struct Seen {
    winlog: bool,
    event_id: bool,
    log_name_or_data: bool,
    syslog_message: bool,
    action_type_or_properties: bool,
    time_generated: bool,
    windows_id: bool,
    event_time: bool,
}

/// Recognises the shape of a record by its members.
pub(crate) fn read(object: Object<'_>) -> Result<Record<'_>, Refusal> {
    let missing = "an event id (EventID, event_id or winlog.event_id)";
    recognise(&object).ok_or(Refusal::NotAnEvent { missing })?(object)
}

/// The reader of the shape that a record has, if it is one of ours.
pub(crate) fn recognise(object: &Object<'_>) -> Option<Read> {
    let mut seen = Seen::default();
    for (name, value) in object {
        let is_object = || matches!(value, Json::Object(_));
        match &**name {
            "winlog" => seen.winlog |= is_object(),
            "event_id" => seen.event_id = true,
            "log_name" => seen.log_name_or_data = true,
            "event_data" => seen.log_name_or_data |= is_object(),
            "SyslogMessage" => seen.syslog_message = true,
            "ActionType" | "properties" => seen.action_type_or_properties = true,
            "TimeGenerated" => seen.time_generated = true,
            "EventID" => seen.windows_id = true,
            "EventTime" => seen.event_time = true,
            _ => {}
        }
    }
    if seen.winlog {
        Some(|object| winlogbeat::read_7(object).map(Record::event))
    } else if seen.event_id && seen.log_name_or_data {
        Some(|object| winlogbeat::read_6(object).map(Record::event))
    } else if seen.syslog_message {
        Some(syslog::read)
    } else if seen.action_type_or_properties && device_row::matches(object) {
        Some(|object| Ok(Record::DeviceRow(object)))
    } else if seen.time_generated {
        Some(azure::read)
    } else if seen.windows_id && seen.event_time {
        Some(|object| nxlog::read(object).map(Record::event))
    } else if seen.windows_id {
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
