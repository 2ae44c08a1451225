//! Flat lines as `Get-WinEvent` scripts export them: all values text, `TimeCreated` by the collector.

use super::{missing_id, text};
use crate::Refusal;
use crate::event::{Event, event_id, integer};
use crate::json::{Object, get};

pub(super) fn read(object: Object<'_>) -> Result<Event<'_>, Refusal> {
    let mut event = Event { fields: Vec::with_capacity(object.len()), ..Event::default() };
    let mut received = None;
    let mut written = None;
    let mut message = None;
    let has_host = get(&object, "Hostname").is_some();
    let has_source_name = get(&object, "SourceName").is_some();
    event.event_id = get(&object, "EventID").and_then(event_id).ok_or_else(missing_id)?;
    for (key, value) in object {
        match &*key {
            "EventID" => {}
            "Channel" | "LogName" => event.channel = text(value).unwrap_or_default(),
            "SourceName" | "Provider_Name" => event.provider = text(value).unwrap_or_default(),
            "Source" if !has_source_name => event.provider = text(value).unwrap_or_default(),
            "Hostname" => event.host = text(value).unwrap_or_default(),
            "Computer" if !has_host => event.host = text(value).unwrap_or_default(),
            "RecordNumber" | "EventRecordID" | "RecordId" => event.record_id = integer(&value),
            "SystemTime" => event.system_time = text(value),
            "@timestamp" => received = text(value),
            "TimeCreated" => written = text(value),
            "Message" => message = Some(value),
            "Keywords" | "Level" | "Opcode" | "ProviderGuid" | "Task" | "Version" => {}
            _ => event.push(key, value),
        }
    }
    event.other_times.extend(received.map(|time| ("@timestamp", time)));
    event.other_times.extend(written.map(|time| ("TimeCreated", time)));
    if let Some(message) = message.filter(|_| event.fields.is_empty()) {
        event.push("Message".into(), message);
    }
    Ok(event)
}
