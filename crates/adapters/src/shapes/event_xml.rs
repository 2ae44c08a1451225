//! The XML of an event: a whole `<Event>`, or its `<EventData>` alone.

use std::borrow::Cow;

use crate::event::Event;
use crate::json::Json;
use crate::values::number;
use crate::xml::{Token, attribute, read};

/// Reads XML text into the event; `None` when it is cut off or malformed.
pub(super) fn read_into(event: &mut Event<'_>, xml: &str) -> Option<()> {
    let tokens = read(xml)?;
    let mut path: Vec<&str> = Vec::new();
    let mut name: Option<String> = None;
    let mut value = String::new();
    let mut unnamed = Vec::new();
    let mut is_leaf = false;
    for token in tokens {
        match token {
            Token::Open { name: element, attributes } => {
                path.push(element);
                name = attribute(attributes, "Name").map(Cow::into_owned);
                value.clear();
                is_leaf = true;
                read_attributes(event, element, attributes);
            }
            Token::Text(text) => value.push_str(&text),
            Token::Close { name: element } => {
                path.pop();
                if is_leaf {
                    read_leaf(event, &path, element, name.take(), std::mem::take(&mut value), &mut unnamed);
                }
                is_leaf = false;
                value.clear();
            }
        }
    }
    if !unnamed.is_empty() {
        event.push("Data".into(), Json::List(unnamed));
    }
    Some(())
}

/// What the `System` part keeps in attributes.
fn read_attributes(event: &mut Event<'_>, element: &str, attributes: &str) {
    let get = |wanted| attribute(attributes, wanted).map(Cow::into_owned);
    match element {
        "Provider" if event.provider.is_empty() => event.provider = get("Name").unwrap_or_default().into(),
        "TimeCreated" => event.system_time = get("SystemTime").map(Cow::Owned),
        "Execution" => event.process_id = get("ProcessID").as_deref().and_then(number),
        "Security" => event.user.sid = get("UserID").map(Cow::Owned),
        _ => {}
    }
}

fn read_leaf(
    event: &mut Event<'_>,
    path: &[&str],
    element: &str,
    name: Option<String>,
    value: String,
    unnamed: &mut Vec<Json<'static>>,
) {
    match (path.first().copied(), path.last().copied()) {
        (_, Some("System")) => match element {
            "EventID" => event.event_id = number(&value).unwrap_or(-1),
            "Channel" => event.channel = value.into(),
            "Computer" => event.host = value.into(),
            "EventRecordID" => event.record_id = number(&value),
            _ => {}
        },
        (_, Some("EventData")) if element == "Data" || element == "ComplexData" => match name {
            Some(name) => event.push(name.into(), Json::text(value)),
            None => unnamed.push(Json::text(value)),
        },
        (_, None) => {}
        _ if path.contains(&"UserData") => event.push(element.to_owned().into(), Json::text(value)),
        _ => {}
    }
}
