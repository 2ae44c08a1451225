//! Rows of the Azure Monitor table `Syslog`. Sysmon for Linux writes its event XML as the message, and agents
//! write lines of auditd; long messages arrive cut off.

use memchr::memmem;

use super::{Record, event_xml, text};
use crate::Refusal;
use crate::event::Event;
use crate::json::Object;
use crate::values::plain;

pub(super) fn read(object: Object<'_>) -> Result<Record<'_>, Refusal> {
    let mut event = Event { event_id: -1, ..Event::default() };
    let mut message = None;
    let mut computer = None;
    let mut host = None;
    let mut process = None;
    for (key, value) in object {
        match &*key {
            "SyslogMessage" => message = text(value),
            "Computer" => computer = text(value),
            "HostName" => host = text(value),
            "ProcessName" => process = text(value),
            "TimeGenerated" => event.other_times.extend(text(value).map(|time| ("TimeGenerated", time))),
            _ => {}
        }
    }
    let message = message.unwrap_or_default();
    let xml =
        memmem::find(message.as_bytes(), b"<Event>").or_else(|| memmem::find(message.as_bytes(), b"<Event "));
    let Some(at) = xml else {
        if message.starts_with("type=") {
            return Ok(Record::Audit { line: message, device: computer.or(host).unwrap_or_default() });
        }
        let program = process.unwrap_or_default();
        return Ok(Record::Other { kind: format!("Syslog/{}", plain(&program)) });
    };
    event_xml::read_into(&mut event, &message[at..]).ok_or_else(|| {
        Refusal::bad_value("SyslogMessage", "the whole XML of an event; this one is cut off")
    })?;
    if event.event_id < 0 {
        return Err(super::missing_id());
    }
    if event.host.is_empty() {
        event.host = computer.or(host).unwrap_or_default();
    }
    Ok(Record::event(event))
}
