//! Rows of Azure Monitor tables (`SecurityEvent`, `WindowsEvent`, `Event`): the event's fields as columns,
//! or in `EventData` as JSON text or as XML text.

use std::borrow::Cow;

use super::{Record, event_xml, missing_id, text, without_type_ending};
use crate::Refusal;
use crate::event::{Event, event_id, integer};
use crate::json::{Json, Object, get, into_owned};
use crate::values::plain;

pub(super) fn read(object: Object<'_>) -> Result<Record<'_>, Refusal> {
    let Some(id) = get(&object, "EventID") else {
        let Some(Json::Text(table)) = get(&object, "Type") else { return Err(missing_id()) };
        let kind = plain(table).into_owned();
        return if kind.is_empty() { Err(missing_id()) } else { Ok(Record::Other { kind }) };
    };
    let mut event = Event { event_id: event_id(id).ok_or_else(missing_id)?, ..Event::default() };
    let mut channel = None;
    let mut log = None;
    for (key, value) in object {
        let key = match key {
            Cow::Borrowed(key) => Cow::Borrowed(without_type_ending(key)),
            Cow::Owned(key) => Cow::Owned(without_type_ending(&key).to_owned()),
        };
        match &*key {
            "EventID" => {}
            "Channel" => channel = text(value),
            "EventLog" => log = text(value),
            "EventSourceName" | "Provider" | "Source" => {
                if let Some(provider) = text(value) {
                    event.provider = provider;
                }
            }
            "Computer" => event.host = text(value).unwrap_or_default(),
            "EventRecordId" => event.record_id = integer(&value),
            "TimeGenerated" => {
                event.other_times.extend(text(value).map(|time| ("TimeGenerated", time)));
            }
            "EventData" => read_event_data(&mut event, value)?,
            "Activity"
            | "EventCategory"
            | "EventLevel"
            | "EventLevelName"
            | "EventOriginId"
            | "InstanceId"
            | "Level"
            | "MG"
            | "ManagementGroupName"
            | "ParameterXml"
            | "RenderedDescription"
            | "SourceComputerId"
            | "SourceSystem"
            | "Task"
            | "TenantId"
            | "TimeCollected"
            | "Type"
            | "_ResourceId" => {}
            _ => event.push(key, value),
        }
    }
    event.channel = channel.or(log).unwrap_or_default();
    Ok(Record::event(event))
}

fn read_event_data<'a>(event: &mut Event<'a>, value: Json<'a>) -> Result<(), Refusal> {
    match value {
        Json::Object(fields) => fields.into_iter().for_each(|(name, value)| event.push(name, value)),
        Json::Text(text) if text.trim_start().starts_with('{') => {
            let Ok(Json::Object(fields)) = Json::parse(text.as_bytes()) else {
                return Err(Refusal::bad_value("EventData", "JSON or XML text that is not cut off"));
            };
            into_owned(fields).into_iter().for_each(|(name, value)| event.push(name, value));
        }
        Json::Text(text) if text.trim_start().starts_with('<') => {
            event_xml::read_into(event, &text)
                .ok_or_else(|| Refusal::bad_value("EventData", "JSON or XML text that is not cut off"))?;
        }
        value => event.push("Data".into(), value),
    }
    Ok(())
}
