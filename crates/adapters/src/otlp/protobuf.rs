//! The binary encoding: `ExportLogsServiceRequest` of opentelemetry/proto/collector/logs/v1.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::{Resource, malformed, take_tree, time};
use crate::json::Json;
use crate::shipped::{Reader, Said};
use crate::{Fault, Refusal};

/// Values in values below this are refused.
const DEPTH_MAX: usize = 64;

pub(crate) fn read(
    body: &[u8],
    said: &Said<'_>,
    reader: &mut Reader<'_, '_, '_>,
) -> Result<ControlFlow<()>, Fault> {
    for field in Fields(body) {
        if let (1, value) = field.map_err(|error| malformed(reader, error))?
            && read_resource(value, said, reader)?.is_break()
        {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The fields of a message may stand in any order, so that the resource is looked for first.
fn read_resource(
    value: Value<'_>,
    said: &Said<'_>,
    reader: &mut Reader<'_, '_, '_>,
) -> Result<ControlFlow<()>, Fault> {
    let found = resource(value).map_err(|error| malformed(reader, error))?;
    let said = found.said(said);
    let scopes = value.message().map_err(|error| malformed(reader, error))?;
    for scope in Fields(scopes) {
        let (2, scope) = scope.map_err(|error| malformed(reader, error))? else { continue };
        for record in Fields(scope.message().map_err(|error| malformed(reader, error))?) {
            let (2, record) = record.map_err(|error| malformed(reader, error))? else { continue };
            let record = Record::read(record).map_err(|error| malformed(reader, error))?;
            let said = Said { time: time(record.at, record.observed).or(said.time), ..said.clone() };
            let flow = match record.body {
                Body::Text(text) => reader.take(text, &said),
                Body::Tree(tree) => take_tree(reader, tree, &said, |tree| {
                    any_value(tree, DEPTH_MAX).map_err(|Malformed(reason)| Refusal::bad_value("body", reason))
                }),
            };
            if flow.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn resource(value: Value<'_>) -> Result<Resource, Malformed> {
    let mut found = Resource::default();
    for field in Fields(value.message()?) {
        let (1, resource) = field? else { continue };
        for attribute in Fields(resource.message()?) {
            let (1, attribute) = attribute? else { continue };
            let (key, value) = key_value(attribute, DEPTH_MAX)?;
            found.attribute(&key, &value);
        }
    }
    Ok(found)
}

struct Record<'a> {
    at: u64,
    observed: u64,
    body: Body<'a>,
}

enum Body<'a> {
    Text(&'a [u8]),
    /// A value of another kind, unread.
    Tree(&'a [u8]),
}

impl<'a> Record<'a> {
    fn read(value: Value<'a>) -> Result<Record<'a>, Malformed> {
        let mut record = Record { at: 0, observed: 0, body: Body::Text(b"") };
        for field in Fields(value.message()?) {
            match field? {
                (1, value) => record.at = value.fixed64()?,
                (11, value) => record.observed = value.fixed64()?,
                (5, value) => {
                    let value = value.message()?;
                    record.body = match Fields(value).last().transpose()? {
                        Some((1 | 7, text)) => Body::Text(text.message()?),
                        Some(_) => Body::Tree(value),
                        None => Body::Text(b""),
                    };
                }
                _ => {}
            }
        }
        Ok(record)
    }
}

fn any_value(bytes: &[u8], depth: usize) -> Result<Json<'_>, Malformed> {
    let Some(depth) = depth.checked_sub(1) else { return Err(Malformed("values nested less deeply")) };
    // Of alternatives, the last one that was written counts.
    let Some((kind, value)) = Fields(bytes).last().transpose()? else { return Ok(Json::Null) };
    Ok(match kind {
        // What is no text is shown as such, as in lines.
        1 | 7 => Json::Text(String::from_utf8_lossy(value.message()?)),
        2 => Json::Bool(value.varint()? != 0),
        // A negative number is written as its two's complement.
        3 => Json::Int(value.varint()? as i64),
        4 => Json::Real(f64::from_bits(value.fixed64()?)),
        5 => {
            let items = Fields(value.message()?).filter_map(|item| match item {
                Ok((1, item)) => Some(item.message().and_then(|item| any_value(item, depth))),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
            Json::List(items.collect::<Result<_, _>>()?)
        }
        6 => {
            let members = Fields(value.message()?).filter_map(|member| match member {
                Ok((1, member)) => Some(key_value(member, depth)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            });
            Json::Object(members.collect::<Result<_, _>>()?)
        }
        _ => Json::Null,
    })
}

fn key_value(value: Value<'_>, depth: usize) -> Result<(Cow<'_, str>, Json<'_>), Malformed> {
    let (mut key, mut json) = ("".into(), Json::Null);
    for field in Fields(value.message()?) {
        match field? {
            (1, text) => key = String::from_utf8_lossy(text.message()?),
            (2, value) => json = any_value(value.message()?, depth)?,
            _ => {}
        }
    }
    Ok((key, json))
}

/// What the encoding expects where something else stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Malformed(&'static str);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the encoding takes {}", self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32,
}

impl<'a> Value<'a> {
    fn message(self) -> Result<&'a [u8], Malformed> {
        if let Value::Bytes(bytes) = self { Ok(bytes) } else { Err(Malformed("bytes with their length")) }
    }

    fn varint(self) -> Result<u64, Malformed> {
        if let Value::Varint(number) = self { Ok(number) } else { Err(Malformed("a number")) }
    }

    fn fixed64(self) -> Result<u64, Malformed> {
        if let Value::Fixed64(number) = self { Ok(number) } else { Err(Malformed("a number of eight bytes")) }
    }
}

/// The fields of a message, by number. Ends behind the first that cannot be read.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Value<'a>), Malformed> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => {
                let bytes = self.split(8)?.try_into().map_err(|_| Malformed("eight bytes"))?;
                Value::Fixed64(u64::from_le_bytes(bytes))
            }
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                Value::Bytes(self.split(length)?)
            }
            5 => {
                self.split(4)?;
                Value::Fixed32
            }
            _ => return Err(Malformed("a known kind of field")),
        };
        match tag >> 3 {
            0 => Err(Malformed("fields numbered from 1")),
            number => Ok((number, value)),
        }
    }

    fn split(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed("as many bytes as it says"))?;
        self.0 = rest;
        Ok(bytes)
    }

    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.0.split_first().ok_or(Malformed("a whole number"))?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed("numbers of at most ten bytes"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_read_to_the_first_that_is_none() {
        fn read(bytes: &[u8]) -> Vec<Option<(u64, Value<'_>)>> {
            Fields(bytes).map(Result::ok).collect()
        }
        assert_eq!(read(&[0x08, 0x96, 0x01]), [Some((1, Value::Varint(150)))]);
        assert_eq!(
            read(&[0x12, 1, b'a', 0x45, 0, 0, 0, 0]),
            [Some((2, Value::Bytes(b"a"))), Some((8, Value::Fixed32))]
        );
        assert_eq!(read(&[0x09, 1, 0, 0, 0, 0, 0, 0, 0]), [Some((1, Value::Fixed64(1)))]);
        let largest = [[0xff; 9].as_slice(), &[1]].concat();
        assert_eq!(read(&[&[0x08], &*largest].concat()), [Some((1, Value::Varint(u64::MAX)))]);
        for bad in
            [&[0x12, 2, b'a'][..], &[0x80], &[0x0b], &[0x00, 0], &[0x08], &[0x09, 1], &[0x08; 1], &[0xff; 12]]
        {
            assert_eq!(read(bad), [None], "{bad:?}");
        }
    }

    #[test]
    fn values_nest_as_deep_as_allowed() {
        let nested = |depth: usize| {
            let wrap = |inner: Vec<u8>| {
                let field = |number: u8, inner: Vec<u8>| {
                    let mut out = vec![number << 3 | 2];
                    let mut length = inner.len();
                    while length >= 0x80 {
                        out.push(length as u8 | 0x80);
                        length >>= 7;
                    }
                    out.push(length as u8);
                    out.extend(inner);
                    out
                };
                field(5, field(1, inner))
            };
            (0..depth).fold(vec![0x10, 1], |inner, _| wrap(inner))
        };
        assert!(any_value(&nested(DEPTH_MAX - 1), DEPTH_MAX).is_ok());
        assert!(any_value(&nested(DEPTH_MAX), DEPTH_MAX).is_err());
        assert!(any_value(&nested(20_000), DEPTH_MAX).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_value_or_none(bytes: Vec<u8>) {
            let _ = any_value(&bytes, DEPTH_MAX);
        }
    }
}
