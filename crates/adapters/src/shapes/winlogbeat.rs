//! Winlogbeat: version 6 keeps the event beside its own members, version 7 inside `winlog`.

use super::{missing_id, text};
use crate::Refusal;
use crate::event::{Event, LoggedUser, event_id, integer};
use crate::json::{Json, Object};

pub(super) fn read_6(object: Object<'_>) -> Result<Event<'_>, Refusal> {
    read_members(object)
}

pub(super) fn read_7(object: Object<'_>) -> Result<Event<'_>, Refusal> {
    let mut inside = Vec::new();
    let mut received = None;
    let mut host = None;
    let mut message = None;
    for (key, value) in object {
        match (&*key, value) {
            ("winlog", Json::Object(winlog)) => inside = winlog,
            ("@timestamp", value) => received = text(value),
            ("host", Json::Object(members)) => host = member(members, "name"),
            ("message", value) => message = Some(value),
            _ => {}
        }
    }
    let mut event = read_members(inside)?;
    event.other_times.extend(received.map(|time| ("@timestamp", time)));
    if event.host.is_empty() {
        event.host = host.unwrap_or_default();
    }
    if let Some(message) = message.filter(|_| event.fields.is_empty()) {
        event.push("Message".into(), message);
    }
    Ok(event)
}

/// The members of an event, under the names of either version.
fn read_members(object: Object<'_>) -> Result<Event<'_>, Refusal> {
    let mut event = Event::default();
    let mut id = None;
    let mut message = None;
    for (key, value) in object {
        match (&*key, value) {
            ("event_id", value) => id = event_id(&value),
            ("log_name" | "channel", value) => event.channel = text(value).unwrap_or_default(),
            ("source_name" | "provider_name", value) => event.provider = text(value).unwrap_or_default(),
            ("computer_name", value) => event.host = text(value).unwrap_or_default(),
            ("record_number" | "record_id", value) => event.record_id = integer(&value),
            ("process_id", value) => event.process_id = integer(&value),
            ("process", Json::Object(process)) => {
                event.process_id =
                    process.iter().find(|(key, _)| key == "pid").and_then(|(_, pid)| integer(pid));
            }
            ("user", Json::Object(user)) => event.user = logged_user(user),
            ("time_created", value) => event.system_time = text(value),
            ("@timestamp", value) => event.other_times.extend(text(value).map(|time| ("@timestamp", time))),
            ("event_data", Json::Object(fields)) => {
                event.fields.reserve(fields.len());
                fields.into_iter().for_each(|(name, value)| event.push(name, value));
            }
            // One element that holds the fields, or the fields at once.
            ("user_data", Json::Object(fields)) => {
                for (name, value) in fields {
                    match value {
                        Json::Object(inner) => {
                            inner.into_iter().for_each(|(name, value)| event.push(name, value))
                        }
                        value => event.push(name, value),
                    }
                }
            }
            ("message", value) => message = Some(value),
            _ => {}
        }
    }
    event.event_id = id.ok_or_else(missing_id)?;
    if let Some(message) = message.filter(|_| event.fields.is_empty()) {
        event.push("Message".into(), message);
    }
    Ok(event)
}

fn logged_user(members: Object<'_>) -> LoggedUser<'_> {
    let mut user = LoggedUser::default();
    for (key, value) in members {
        match &*key {
            "identifier" => user.sid = text(value),
            "domain" => user.domain = text(value),
            "name" => user.name = text(value),
            _ => {}
        }
    }
    user
}

fn member<'a>(object: Object<'a>, key: &str) -> Option<std::borrow::Cow<'a, str>> {
    object.into_iter().find(|(name, _)| name == key).and_then(|(_, value)| text(value))
}
