//! Flat lines of NXLog: the fields of the event and NXLog's own at one level.
//!
//! NXLog's `EventType`, `AccountName` and a few more overwrite fields of the event with the same name, or
//! the other way round; the values tell which happened.

use super::{missing_id, text};
use crate::Refusal;
use crate::event::{Event, event_id, integer};
use crate::json::{Json, Object, get};

pub(super) fn read(object: Object<'_>) -> Result<Event<'_>, Refusal> {
    let mut event = Event { fields: Vec::with_capacity(object.len()), ..Event::default() };
    let has_logged_user = get(&object, "AccountType").is_some();
    let is_old_logstash = matches!(get(&object, "type"), Some(Json::Text(text)) if text.starts_with("nxlog"));
    let mut written = None;
    let mut received = None;
    let mut message = None;
    event.event_id = get(&object, "EventID").and_then(event_id).ok_or_else(missing_id)?;
    for (key, value) in object {
        match &*key {
            "EventID" => {}
            "Channel" => event.channel = text(value).unwrap_or_default(),
            "SourceName" => event.provider = text(value).unwrap_or_default(),
            "Hostname" => event.host = text(value).unwrap_or_default(),
            "RecordNumber" => event.record_id = integer(&value),
            "ExecutionProcessID" => event.process_id = integer(&value),
            // Before NXLog 2.10 this name held the process that wrote the event.
            "ProcessID" if is_old_logstash => event.process_id = integer(&value),
            "UserID" => event.user.sid = text(value),
            "AccountName" if has_logged_user => event.user.name = text(value),
            "Domain" if has_logged_user => event.user.domain = text(value),
            "EventTime" => written = text(value),
            "@timestamp" => received = text(value),
            "EventType" if is_severity(&value) => {}
            "Message" => message = Some(value),
            "AccountType"
            | "ActivityID"
            | "RelatedActivityID"
            | "Category"
            | "ERROR_EVT_UNRESOLVED"
            | "EventReceivedTime"
            | "EventTypeOrignal"
            | "Keywords"
            | "Opcode"
            | "OpcodeValue"
            | "ProviderGuid"
            | "Severity"
            | "SeverityValue"
            | "SourceModuleName"
            | "SourceModuleType"
            | "Task"
            | "ThreadID"
            | "Version"
            | "@version"
            | "host"
            | "port"
            | "tags"
            | "type" => {}
            _ => event.push(key, value),
        }
    }
    event.other_times.extend(received.map(|time| ("@timestamp", time)));
    event.other_times.extend(written.map(|time| ("EventTime", time)));
    // The message only repeats the fields, where there are any.
    if let Some(message) = message.filter(|_| event.fields.is_empty()) {
        event.push("Message".into(), message);
    }
    Ok(event)
}

/// Whether the value is NXLog's, not Sysmon's `CreateKey` and the like.
fn is_severity(value: &Json<'_>) -> bool {
    const OF_NXLOG: [&str; 7] =
        ["INFO", "AUDIT_SUCCESS", "AUDIT_FAILURE", "WARNING", "ERROR", "VERBOSE", "CRITICAL"];
    matches!(value, Json::Text(text) if OF_NXLOG.contains(&&**text))
}
