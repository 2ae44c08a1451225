//! The XML of an event: a whole `<Event>`, or its `<EventData>` alone; as text, or as whoever reads another
//! encoding of it hands it over.

use std::borrow::Cow;

use crate::event::Event;
use crate::json::Json;
use crate::values::number;
use crate::xml::{Token, attribute, read};

/// Reads XML text into the event; `None` when it is cut off or malformed.
pub(crate) fn read_into(event: &mut Event<'_>, xml: &str) -> Option<()> {
    let mut builder = Builder::new(event);
    for token in read(xml)? {
        match token {
            Token::Open { name, attributes } => {
                builder.open(name, |wanted| attribute(attributes, wanted).map(Cow::into_owned));
            }
            Token::Text(text) => builder.text().push_str(&text),
            Token::Close { name } => builder.close(name),
        }
    }
    builder.finish();
    Some(())
}

/// Fills an event from the elements of its XML, in their order.
pub(crate) struct Builder<'b, 'a> {
    event: &'b mut Event<'a>,
    /// The elements that are open.
    path: Vec<Part>,
    /// Of the element opened last.
    name: Option<String>,
    value: String,
    list: Option<Vec<String>>,
    is_leaf: bool,
    unnamed: Vec<Json<'static>>,
}

/// What an element is for its children.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    System,
    EventData,
    UserData,
    Other,
}

impl<'b, 'a> Builder<'b, 'a> {
    pub fn new(event: &'b mut Event<'a>) -> Builder<'b, 'a> {
        let (path, unnamed) = (Vec::new(), Vec::new());
        Builder { event, path, name: None, value: String::new(), list: None, is_leaf: false, unnamed }
    }

    /// An element opens; `attribute` knows its attributes.
    pub fn open(&mut self, element: &str, attribute: impl Fn(&str) -> Option<String>) {
        self.name = attribute("Name");
        self.read_attributes(element, attribute);
        self.path.push(match element {
            "System" => Part::System,
            "EventData" => Part::EventData,
            "UserData" => Part::UserData,
            _ => Part::Other,
        });
        self.value.clear();
        self.list = None;
        self.is_leaf = true;
    }

    /// The text of the element opened last, to be added to.
    pub fn text(&mut self) -> &mut String {
        &mut self.value
    }

    /// The element opened last holds several values.
    pub fn list(&mut self, values: Vec<String>) {
        self.list = Some(values);
    }

    pub fn close(&mut self, element: &str) {
        self.path.pop();
        if self.is_leaf {
            self.read_leaf(element);
        }
        self.is_leaf = false;
        self.value.clear();
    }

    pub fn finish(self) {
        if !self.unnamed.is_empty() {
            self.event.push("Data".into(), Json::List(self.unnamed));
        }
    }

    /// What the `System` part keeps in attributes.
    fn read_attributes(&mut self, element: &str, get: impl Fn(&str) -> Option<String>) {
        let event = &mut *self.event;
        match element {
            "Provider" if event.provider.is_empty() => {
                event.provider = self.name.take().unwrap_or_default().into();
            }
            "TimeCreated" => event.system_time = get("SystemTime").map(Cow::Owned),
            "Execution" => event.process_id = get("ProcessID").as_deref().and_then(number),
            "Security" => event.user.sid = get("UserID").map(Cow::Owned),
            _ => {}
        }
    }

    fn read_leaf(&mut self, element: &str) {
        let value = std::mem::take(&mut self.value);
        match self.path.last() {
            None => {}
            Some(Part::System) => match element {
                "EventID" => self.event.event_id = number(&value).unwrap_or(-1),
                "Channel" => self.event.channel = value.into(),
                "Computer" => self.event.host = value.into(),
                "EventRecordID" => self.event.record_id = number(&value),
                _ => {}
            },
            Some(Part::EventData) if element == "Data" || element == "ComplexData" => {
                match (self.name.take(), self.list.take()) {
                    (Some(name), None) => self.event.push(name.into(), Json::text(value)),
                    (Some(name), Some(list)) => self.event.push(name.into(), list_of(list)),
                    (None, None) => self.unnamed.push(Json::text(value)),
                    (None, Some(list)) => self.unnamed.extend(list.into_iter().map(Json::text)),
                }
            }
            Some(_) if self.path.contains(&Part::UserData) => {
                let value = self.list.take().map_or_else(|| Json::text(value), list_of);
                self.event.push(element.to_owned().into(), value);
            }
            Some(_) => {}
        }
    }
}

fn list_of(values: Vec<String>) -> Json<'static> {
    Json::List(values.into_iter().map(Json::text).collect())
}
