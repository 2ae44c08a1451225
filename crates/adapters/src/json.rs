//! JSON as the readers use it: text borrowed from the line where it holds no escapes, and keys in order.

use std::borrow::Cow;

use serde::de::IgnoredAny;
use serde::ser::{Serialize, SerializeMap, Serializer};

mod parser;
mod special;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Above the range of `Int`.
    Unsigned(u64),
    Real(f64),
    Text(Cow<'a, str>),
    /// The text of a member `Message`, in its quotes and with its escapes. Such texts repeat the other members
    /// at length, and are rarely asked for.
    Escaped(&'a str),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// The members of an object, in their order, repeated keys included.
pub(crate) type Object<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

impl<'a> Json<'a> {
    /// Parses a whole text. The reason says where and why it is no JSON.
    pub fn parse(text: &'a [u8]) -> Result<Json<'a>, String> {
        parser::parse(text).ok_or_else(|| match serde_json::from_slice::<IgnoredAny>(text) {
            Err(error) => error.to_string(),
            Ok(_) => "a number is out of range".to_owned(),
        })
    }

    /// The text of a text, a number or a boolean; nothing for the others.
    pub fn into_text(self) -> Option<Cow<'a, str>> {
        Some(match self {
            Json::Text(text) => text,
            Json::Escaped(text) => parser::unescape(text),
            Json::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            Json::Int(number) => Cow::Owned(number.to_string()),
            Json::Unsigned(number) => Cow::Owned(number.to_string()),
            Json::Real(number) => Cow::Owned(number.to_string()),
            Json::Null | Json::List(_) | Json::Object(_) => return None,
        })
    }

    pub fn into_owned(self) -> Json<'static> {
        match self {
            Json::Null => Json::Null,
            Json::Bool(value) => Json::Bool(value),
            Json::Int(number) => Json::Int(number),
            Json::Unsigned(number) => Json::Unsigned(number),
            Json::Real(number) => Json::Real(number),
            Json::Text(text) => Json::Text(Cow::Owned(text.into_owned())),
            Json::Escaped(text) => Json::Text(Cow::Owned(parser::unescape(text).into_owned())),
            Json::List(items) => Json::List(items.into_iter().map(Json::into_owned).collect()),
            Json::Object(object) => Json::Object(into_owned(object)),
        }
    }

    pub fn text(text: impl Into<String>) -> Json<'static> {
        Json::Text(Cow::Owned(text.into()))
    }
}

impl From<Json<'_>> for serde_json::Value {
    fn from(json: Json<'_>) -> serde_json::Value {
        match json {
            Json::Null => serde_json::Value::Null,
            Json::Bool(value) => value.into(),
            Json::Int(number) => number.into(),
            Json::Unsigned(number) => number.into(),
            Json::Real(number) => number.into(),
            Json::Text(text) => text.into_owned().into(),
            Json::Escaped(text) => parser::unescape(text).into_owned().into(),
            Json::List(items) => items.into_iter().map(serde_json::Value::from).collect(),
            Json::Object(object) => {
                object.into_iter().map(|(key, value)| (key.into_owned(), Self::from(value))).collect()
            }
        }
    }
}

pub(crate) fn into_owned(object: Object<'_>) -> Object<'static> {
    object.into_iter().map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned())).collect()
}

/// The value of the first member with this key.
pub(crate) fn get<'o, 'a>(object: &'o Object<'a>, key: &str) -> Option<&'o Json<'a>> {
    object.iter().find(|(name, _)| name == key).map(|(_, value)| value)
}

/// Adds `"key":value` to an unfinished object text, with the comma it needs.
pub(crate) fn write_member(out: &mut Vec<u8>, key: &str, value: &Json<'_>) {
    if out.len() > 1 {
        out.push(b',');
    }
    write_text(out, key);
    out.push(b':');
    match value {
        Json::Text(text) => write_text(out, text),
        // Writing to memory fails for keys that are not text only, and these are.
        value => drop(serde_json::to_writer(&mut *out, value)),
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(at) = special::first(rest) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        match special[0] {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            byte => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            }
        }
        rest = &special[1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Int(number) => serializer.serialize_i64(*number),
            Json::Unsigned(number) => serializer.serialize_u64(*number),
            Json::Real(number) => serializer.serialize_f64(*number),
            Json::Text(text) => serializer.serialize_str(text),
            Json::Escaped(text) => serializer.serialize_str(&parser::unescape(text)),
            Json::List(items) => serializer.collect_seq(items),
            Json::Object(object) => {
                let mut map = serializer.serialize_map(Some(object.len()))?;
                for (key, value) in object {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn texts_are_written_as_the_library_writes_them(text in "[ -~\u{0}-\u{1f}\"\\\\é\u{1f600}]{0,40}") {
            let mut out = Vec::new();
            write_text(&mut out, &text);
            prop_assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string(&text).unwrap());
        }
    }
}
