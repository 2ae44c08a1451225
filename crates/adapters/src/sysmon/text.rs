//! Lines that are not JSON: the XML of an event, alone or as the message of a line of syslog, and lines of
//! other programs in the same syslog.

use memchr::memmem;

use crate::Refusal;
use crate::event::Event;
use crate::shapes::{Record, event_xml};
use crate::syslog_line;
use crate::values::plain;

const END: &[u8] = b"</Event>";

/// Where the XML of an event begins.
fn event_at(line: &[u8]) -> Option<usize> {
    memmem::find_iter(line, b"<Event").find(|at| matches!(line.get(at + 6), Some(b'>' | b' ')))
}

pub(crate) fn has_event(line: &[u8]) -> bool {
    event_at(line).is_some() && !line.starts_with(b"{")
}

/// Whether the line is XML or syslog.
pub(super) fn is_text(line: &[u8]) -> bool {
    line.starts_with(b"<") || has_event(line) || syslog_line::read(line).is_some()
}

pub(crate) fn read(line: &[u8]) -> Result<Record<'static>, Refusal> {
    let Some(start) = event_at(line) else {
        return Ok(Record::Other { kind: kind_of(line) });
    };
    let damaged =
        || Refusal::bad_value("Event", "the whole XML of an event; this one is cut off or malformed");
    let end = memmem::find(&line[start..], END).ok_or_else(damaged)? + start + END.len();
    if event_at(&line[end..]).is_some() {
        return Err(Refusal::bad_value("Event", "one event; there are several in the line"));
    }
    let xml = String::from_utf8_lossy(&line[start..end]);
    let mut event = Event { event_id: -1, ..Event::default() };
    event_xml::read_into(&mut event, &xml).ok_or_else(damaged)?;
    if event.event_id < 0 {
        return Err(Refusal::NotAnEvent { missing: "a usable event id (a number from 0)" });
    }
    Ok(Record::Event(Box::new(event)))
}

/// What a line without an event is of: the program in syslog, or the element around the events.
fn kind_of(line: &[u8]) -> String {
    match syslog_line::read(line) {
        Some(header) => format!("Syslog/{}", plain(header.program)),
        None => "XML outside of events".to_owned(),
    }
}
