//! `AdditionalFields`: JSON text whose names are the source's own.

use std::borrow::Cow;
use std::fmt;

use rsigma_eval::event::EventValue;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The fields of one row, in their order. Text that is not a JSON object holds no fields.
#[derive(Default)]
pub(crate) struct Additional<'a>(Vec<(Cow<'a, str>, Item<'a>)>);

enum Item<'a> {
    Text(Cow<'a, str>),
    Other(Value),
}

impl<'a> Additional<'a> {
    pub(crate) fn parse(text: &'a str) -> Additional<'a> {
        if text.is_empty() {
            return Additional::default();
        }
        serde_json::from_str(text).unwrap_or_default()
    }

    /// The value under a name, whatever its case.
    pub(crate) fn get(&self, name: &str) -> Option<EventValue<'_>> {
        let found = self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, item)| item.value())
    }

    /// The value under a name when it is text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)) {
            Some((_, Item::Text(text))) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The value under a name as a whole number, written as one or as text.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        match self.get(name)? {
            EventValue::Int(number) => Some(number),
            EventValue::Str(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, EventValue<'_>)> {
        self.0.iter().map(|(name, item)| (&**name, item.value()))
    }
}

impl Item<'_> {
    fn value(&self) -> EventValue<'_> {
        match self {
            Item::Text(text) => EventValue::Str(Cow::Borrowed(text)),
            Item::Other(value) => EventValue::from(value),
        }
    }
}

impl<'de> Deserialize<'de> for Additional<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Additional<'de>, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Additional<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Additional<'de>, A::Error> {
                let mut fields = Vec::with_capacity(16);
                while let Some((Item::Text(name), item)) = map.next_entry()? {
                    fields.push((name, item));
                }
                Ok(Additional(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for Item<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Item<'de>, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Item<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Item<'de>, E> {
                Ok(Item::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Item<'de>, E> {
                Ok(Item::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Item<'de>, E> {
                Ok(Item::Other(value.into()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Item<'de>, E> {
                Ok(Item::Other(number.into()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Item<'de>, E> {
                Ok(Item::Other(number.into()))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Item<'de>, E> {
                Ok(Item::Other(number.into()))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Item<'de>, E> {
                Ok(Item::Other(Value::Null))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Item<'de>, A::Error> {
                Value::deserialize(SeqAccessDeserializer::new(seq)).map(Item::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Item<'de>, A::Error> {
                Value::deserialize(MapAccessDeserializer::new(map)).map(Item::Other)
            }
        }

        deserializer.deserialize_any(Any)
    }
}
