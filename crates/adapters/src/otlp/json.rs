//! The encoding as JSON: member names in lower camel case, 64-bit numbers as texts.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, de};
use serde_json::value::RawValue;

use super::{Resource, malformed, take_tree, time};
use crate::json::{Json, get};
use crate::shipped::{Reader, Said};
use crate::values::number;
use crate::{Fault, Refusal};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow)]
    resource_logs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
    #[serde(borrow)]
    scope_logs: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    #[serde(borrow)]
    log_records: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord<'a> {
    #[serde(borrow)]
    time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow)]
    observed_time_unix_nano: Option<&'a RawValue>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
}

pub(crate) fn read(
    body: &[u8],
    said: &Said<'_>,
    reader: &mut Reader<'_, '_, '_>,
) -> Result<ControlFlow<()>, Fault> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = str::from_utf8(body).map_err(|error| malformed(reader, error))?;
    let request: Request<'_> = object(text).map_err(|reason| malformed(reader, reason))?;
    each(request.resource_logs, reader, &mut |logs: ResourceLogs<'_>, reader| {
        let found = match logs.resource {
            Some(resource) => resource_of(resource).map_err(|reason| malformed(reader, reason))?,
            None => Resource::default(),
        };
        let said = found.said(said);
        each(logs.scope_logs, reader, &mut |scope: ScopeLogs<'_>, reader| {
            each(scope.log_records, reader, &mut |record: LogRecord<'_>, reader| take(record, &said, reader))
        })
    })
}

fn take(
    record: LogRecord<'_>,
    said: &Said<'_>,
    reader: &mut Reader<'_, '_, '_>,
) -> Result<ControlFlow<()>, Fault> {
    let nanos = |raw: Option<&RawValue>| match raw.map(|raw| raw.get().trim_matches('"')) {
        None | Some("null" | "") => Ok(0),
        Some(text) => text.parse::<u64>().map_err(|_| malformed(reader, "times take nanoseconds since 1970")),
    };
    let time = time(nanos(record.time_unix_nano)?, nanos(record.observed_time_unix_nano)?);
    let said = Said { time: time.or(said.time), ..said.clone() };
    let source = record.body.map_or("null", RawValue::get).as_bytes();
    Ok(take_tree(reader, source, &said, |source| {
        let json = Json::parse(source).map_err(|reason| Refusal::NotJson { reason })?;
        Ok(any_value(json))
    }))
}

fn resource_of(resource: &RawValue) -> Result<Resource, String> {
    let mut found = Resource::default();
    let Json::Object(mut resource) = Json::parse(resource.get().as_bytes())? else { return Ok(found) };
    let attributes = resource.iter_mut().find(|(name, _)| name == "attributes");
    let Some((_, Json::List(attributes))) = attributes else { return Ok(found) };
    for attribute in attributes.drain(..) {
        if let Some((key, value)) = key_value(attribute) {
            found.attribute(&key, &value);
        }
    }
    Ok(found)
}

/// The value that is wrapped in its kind. Bytes stay as they are written, in base 64.
fn any_value(wrapped: Json<'_>) -> Json<'_> {
    let Json::Object(mut members) = wrapped else { return Json::Null };
    let Some((kind, value)) = members.pop() else { return Json::Null };
    let values = |value| match value {
        Json::Object(members) => match members.into_iter().find(|(name, _)| name == "values") {
            Some((_, Json::List(values))) => values,
            _ => Vec::new(),
        },
        _ => Vec::new(),
    };
    match (&*kind, value) {
        ("intValue", Json::Text(text)) => number(&text).map_or(Json::Text(text), Json::Int),
        ("arrayValue", value) => Json::List(values(value).into_iter().map(any_value).collect()),
        ("kvlistValue", value) => Json::Object(values(value).into_iter().filter_map(key_value).collect()),
        ("stringValue" | "boolValue" | "intValue" | "doubleValue" | "bytesValue", value) => value,
        _ => Json::Null,
    }
}

fn key_value(member: Json<'_>) -> Option<(Cow<'_, str>, Json<'_>)> {
    let Json::Object(mut member) = member else { return None };
    let Some(Json::Text(key)) = get(&member, "key").cloned() else { return None };
    let value = member.iter().position(|(name, _)| name == "value").map(|at| member.swap_remove(at).1);
    Some((key, value.map_or(Json::Null, any_value)))
}

/// Reads an object; a list in its place is none.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    if !text.trim_start().starts_with('{') {
        return Err("an object is expected".to_owned());
    }
    serde_json::from_str(text).map_err(|error| error.to_string())
}

type Take<'t, T> = dyn FnMut(T, &mut Reader<'_, '_, '_>) -> Result<ControlFlow<()>, Fault> + 't;

/// Reads the objects of a list one after the other.
fn each<'a, T: Deserialize<'a>>(
    list: Option<&'a RawValue>,
    reader: &mut Reader<'_, '_, '_>,
    take: &mut Take<'_, T>,
) -> Result<ControlFlow<()>, Fault> {
    let Some(list) = list else { return Ok(ControlFlow::Continue(())) };
    let mut fault = None;
    let mut flow = ControlFlow::Continue(());
    let read = Each(&mut |raw: &'a RawValue| {
        let taken = object(raw.get()).map_err(|reason| malformed(reader, reason));
        match taken.and_then(|item| take(item, reader)) {
            Ok(taken) => flow = taken,
            Err(error) => fault = Some(error),
        }
        fault.is_none() && flow.is_continue()
    })
    .deserialize(&mut serde_json::Deserializer::from_str(list.get()));
    match (fault, read) {
        (Some(fault), _) => Err(fault),
        // Breaking off leaves the list unread, which its reader takes for an error.
        (None, Err(_)) if flow.is_break() => Ok(flow),
        (None, Err(error)) => Err(malformed(reader, error)),
        (None, Ok(())) => Ok(flow),
    }
}

/// A list whose items are handed out, while the function says so.
struct Each<'f, 'a>(&'f mut dyn FnMut(&'a RawValue) -> bool);

impl<'a> DeserializeSeed<'a> for Each<'_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'a> Visitor<'a> for Each<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element::<&'a RawValue>()? {
            if !(self.0)(item) {
                return Err(de::Error::custom("broken off"));
            }
        }
        Ok(())
    }
}
