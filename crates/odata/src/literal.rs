//! Turns the text of a value into a value of the kind that a property has.

use crate::datetime;
use crate::entity::{Kind, Property};
use crate::filter::Value;

/// What a condition is about: a property, or inside a lambda an element of one.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) name: &'a str,
    pub(crate) property: &'static Property,
    /// The property's kind, or that of its elements.
    pub(crate) kind: Kind,
}

impl Subject<'_> {
    /// Functions on text take it.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.kind, Kind::String | Kind::Enum | Kind::Strings)
    }

    /// The value between quotes, if it is one for this subject.
    pub(crate) fn quoted(&self, text: &str) -> Option<Value> {
        match self.kind {
            Kind::String | Kind::Strings => Some(Value::String(text.to_owned())),
            Kind::Enum => self.member(text),
            Kind::DateTime => datetime::parse(text).map(Value::DateTime),
            // Documented queries put ids that are numbers into quotes.
            Kind::Int64 => text.trim().parse().ok().map(Value::Int),
            Kind::Double | Kind::Bool | Kind::Objects | Kind::Complex => None,
        }
    }

    /// The value without quotes, if it is one for this subject.
    pub(crate) fn bare(&self, word: &str) -> Option<Value> {
        if word.eq_ignore_ascii_case("null") {
            return Some(Value::Null);
        }
        match self.kind {
            Kind::String | Kind::Strings => is_guid(word).then(|| Value::String(word.to_owned())),
            Kind::Enum => self.member(word),
            Kind::Int64 => word.parse().ok().map(Value::Int),
            Kind::Double => number(word).map(Value::Double),
            Kind::Bool => truth(word).map(Value::Bool),
            Kind::DateTime => datetime::parse(word).map(Value::DateTime),
            Kind::Objects | Kind::Complex => None,
        }
    }

    /// A quoted value with the name of a type in front. Namespaces of enums differ between versions of the
    /// API, so any will do.
    pub(crate) fn typed(&self, type_name: &str, text: &str) -> Option<Value> {
        let (namespace, name) = type_name.rsplit_once('.').unwrap_or(("", type_name));
        let fits = match self.kind {
            Kind::Enum => !namespace.is_empty(),
            Kind::DateTime => ["datetime", "datetimeoffset"].iter().any(|n| n.eq_ignore_ascii_case(name)),
            Kind::String | Kind::Strings => name.eq_ignore_ascii_case("guid") && is_guid(text),
            Kind::Int64 | Kind::Double | Kind::Bool | Kind::Objects | Kind::Complex => false,
        };
        if fits { self.quoted(text) } else { None }
    }

    fn member(&self, text: &str) -> Option<Value> {
        let member = self.property.values.iter().find(|member| member.eq_ignore_ascii_case(text))?;
        Some(Value::String((*member).to_owned()))
    }

    /// What values look like, for messages.
    pub(crate) fn takes(&self) -> &'static str {
        match self.kind {
            Kind::String | Kind::Strings => "text in quotes",
            Kind::Enum => "one of its members",
            Kind::Int64 => "a whole number",
            Kind::Double => "a number",
            Kind::Bool => "true or false",
            Kind::DateTime => "a date and time",
            Kind::Objects | Kind::Complex => "no value",
        }
    }

    pub(crate) fn example(&self) -> String {
        match self.kind {
            Kind::String | Kind::Strings => "such as 'text'".to_owned(),
            Kind::Enum => format!("valid: {}", self.property.values.join(", ")),
            Kind::Int64 => "such as 42".to_owned(),
            Kind::Double => "such as 7.5".to_owned(),
            Kind::Bool | Kind::Objects | Kind::Complex => String::new(),
            Kind::DateTime => "such as 2024-01-31T12:30:00Z".to_owned(),
        }
    }
}

pub(crate) fn truth(word: &str) -> Option<bool> {
    let is_true = word.eq_ignore_ascii_case("true");
    (is_true || word.eq_ignore_ascii_case("false")).then_some(is_true)
}

fn number(word: &str) -> Option<f64> {
    word.parse().ok().filter(|number: &f64| number.is_finite())
}

/// `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` of hexadecimal digits.
fn is_guid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
