//! `parse_xml(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value};

use super::arrays::BYTES_MAX;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static PARSE_XML: Function = Function {
    name: "parse_xml",
    summary: "XML as a bag: elements by their names, arrays of those that stand beside each other with the \
              same, attributes with `@` before them, text beside other things as `#text`. Null of what is no \
              XML, is longer than 1 MiB or nests deeper than 128.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "dynamic",
    naming: Naming::FirstArgument,
    examples: &[
        Example {
            query: r#"print parse_xml('<a x="1"><b>t</b><b/>more</a>')"#,
            result: r##"{"a":{"@x":"1","b":["t",null],"#text":"more"}}"##,
        },
        Example {
            query: r#"print parse_xml('<?xml version="1.0"?><e>a &amp; b</e>')"#,
            result: r#"{"e":"a & b"}"#,
        },
        Example { query: r#"print isnull(parse_xml("<a>"))"#, result: "true" },
        Example { query: r#"print isnull(parse_xml("text"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("parse_xml", Kind::Dynamic, rows, args)),
};

const DEPTH_MAX: usize = 128;

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(parse(texts.text(row))?.to_string())))
}

/// An element whose end has not come yet.
#[derive(Default)]
struct Open {
    name: String,
    properties: Map<String, Value>,
    text: String,
}

impl Open {
    fn of(start: &BytesStart) -> Option<Open> {
        let mut properties = Map::new();
        for attribute in start.attributes() {
            let attribute = attribute.ok()?;
            let name = std::str::from_utf8(attribute.key.as_ref()).ok()?;
            let value = unescaped(std::str::from_utf8(&attribute.value).ok()?)?;
            properties.insert(format!("@{name}"), Value::String(value));
        }
        let name = std::str::from_utf8(start.name().as_ref()).ok()?.to_owned();
        Some(Open { name, properties, text: String::new() })
    }
}

impl Open {
    /// Text alone is the value; nothing at all is null.
    fn close(self) -> (String, Value) {
        let text = self.text;
        let has_text = !text.trim().is_empty();
        let value = match (self.properties.is_empty(), has_text) {
            (true, false) => Value::Null,
            (true, true) => Value::String(text),
            (false, _) => {
                let mut properties = self.properties;
                if has_text {
                    properties.insert("#text".to_owned(), Value::String(text));
                }
                Value::Object(properties)
            }
        };
        (self.name, value)
    }

    /// A second element of a name makes an array of both.
    fn add(&mut self, name: String, value: Value) {
        match self.properties.get_mut(&name) {
            None => {
                self.properties.insert(name, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(present) => {
                let first = present.take();
                *present = Value::Array(vec![first, value]);
            }
        }
    }
}

fn unescaped(text: &str) -> Option<String> {
    quick_xml::escape::unescape(text).ok().map(|text| text.into_owned())
}

/// Comments, instructions and declarations are skipped.
fn parse(text: &str) -> Option<Value> {
    if text.len() > BYTES_MAX {
        return None;
    }
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Open> = vec![Open::default()];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) if open.len() <= DEPTH_MAX => open.push(Open::of(&start)?),
            Event::Start(_) => return None,
            Event::Empty(start) => {
                let (name, value) = Open::of(&start)?.close();
                open.last_mut()?.add(name, value);
            }
            Event::End(_) => {
                // The reader refuses an end that fits no start, so this is not the outermost.
                let (name, value) = open.pop()?.close();
                open.last_mut()?.add(name, value);
            }
            Event::Text(part) => {
                let part = part.decode().ok()?;
                open.last_mut()?.text.push_str(&part);
            }
            Event::CData(part) => {
                let part = part.decode().ok()?;
                open.last_mut()?.text.push_str(&part);
            }
            Event::GeneralRef(reference) => {
                let name = reference.decode().ok()?;
                let resolved = unescaped(&format!("&{name};"))?;
                open.last_mut()?.text.push_str(&resolved);
            }
            Event::Eof => break,
            _ => {}
        }
    }
    let document = open.pop().filter(|_| open.is_empty())?;
    let has_text = !document.text.trim().is_empty();
    (!has_text && document.properties.len() == 1).then_some(Value::Object(document.properties))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn deep_documents_are_refused() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(&nested(DEPTH_MAX)).is_some());
        assert_eq!(parse(&nested(DEPTH_MAX + 1)), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[<>/a=\"&;!\\[\\]\\-? x]{0,40}") {
            let _ = parse(&text);
        }
    }
}
