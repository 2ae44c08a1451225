//! A small reader for the XML of Windows and Linux-Sysmon events: elements, attributes, text, the
//! predefined and numeric entities, CDATA. It checks that elements close in order, and no more.

use std::borrow::Cow;

use memchr::{memchr, memmem};

/// Deeper nesting is refused; events use four levels.
const DEPTH_MAX: usize = 32;

/// What the reader sees, in document order.
#[derive(Debug, PartialEq)]
pub(crate) enum Token<'a> {
    Open { name: &'a str, attributes: &'a str },
    Text(Cow<'a, str>),
    Close { name: &'a str },
}

/// Reads a whole document: `None` when it is cut off or its elements do not nest.
pub(crate) fn read(text: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = memchr(b'<', rest.as_bytes()) {
        let (before, tag) = rest.split_at(at);
        if !open.is_empty() && !before.is_empty() {
            tokens.push(Token::Text(unescape(before)));
        }
        rest = if let Some(data) = tag.strip_prefix("<![CDATA[") {
            let end = memmem::find(data.as_bytes(), b"]]>")?;
            if !open.is_empty() {
                tokens.push(Token::Text(Cow::Borrowed(&data[..end])));
            }
            &data[end + 3..]
        } else if let Some(comment) = tag.strip_prefix("<!--") {
            &comment[memmem::find(comment.as_bytes(), b"-->")? + 3..]
        } else if tag.starts_with("<?") || tag.starts_with("<!") {
            &tag[memchr(b'>', tag.as_bytes())? + 1..]
        } else if let Some(close) = tag.strip_prefix("</") {
            let end = memchr(b'>', close.as_bytes())?;
            let name = close[..end].trim_end();
            if open.pop() != Some(name) {
                return None;
            }
            tokens.push(Token::Close { name });
            &close[end + 1..]
        } else {
            let inside = &tag[1..];
            let end = tag_end(inside)?;
            let (body, is_closed) = match inside[..end].strip_suffix('/') {
                Some(body) => (body, true),
                None => (&inside[..end], false),
            };
            let (name, attributes) = body.split_at(body.find(char::is_whitespace).unwrap_or(body.len()));
            if name.is_empty() || open.len() == DEPTH_MAX {
                return None;
            }
            tokens.push(Token::Open { name, attributes });
            if is_closed {
                tokens.push(Token::Close { name });
            } else {
                open.push(name);
            }
            &inside[end + 1..]
        };
    }
    open.is_empty().then_some(tokens)
}

/// The value of an attribute, as `Name` in ` Name="UtcTime"`.
pub(crate) fn attribute<'a>(attributes: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    let mut rest = attributes.trim_start();
    while let Some(at) = memchr(b'=', rest.as_bytes()) {
        let name = rest[..at].trim();
        let value = rest[at + 1..].trim_start();
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let value = &value[1..];
        let end = value.find(quote)?;
        if name == wanted {
            return Some(unescape(&value[..end]));
        }
        rest = &value[end + 1..];
    }
    None
}

/// Where the `>` that ends a tag is; one inside a quoted value does not end it.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in tag.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at),
            (None, b'<') => return None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

/// Resolves `&lt;`, `&#13;` and their like; what is no entity stays as it is.
pub(crate) fn unescape(text: &str) -> Cow<'_, str> {
    let Some(first) = memchr(b'&', text.as_bytes()) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    out.push_str(&text[..first]);
    let mut rest = &text[first..];
    while !rest.is_empty() {
        let Some(after) = rest.strip_prefix('&') else {
            let end = memchr(b'&', rest.as_bytes()).unwrap_or(rest.len());
            out.push_str(&rest[..end]);
            rest = &rest[end..];
            continue;
        };
        // The longest entity, `#x10FFFF`, has eight characters.
        let end = memchr(b';', &after.as_bytes()[..after.len().min(9)]);
        match end.and_then(|end| Some((entity(&after[..end])?, end))) {
            Some((character, end)) => {
                out.push(character);
                rest = &after[end + 1..];
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_elements_attributes_and_entities() {
        let tokens =
            read(r#"<?xml version="1.0"?><a b="x > y" c='&lt;'><d>1 &amp; 2&#10;</d><e/></a>"#).unwrap();
        assert_eq!(tokens.len(), 7);
        let Token::Open { name: "a", attributes } = tokens[0] else { panic!("{:?}", tokens[0]) };
        assert_eq!(attribute(attributes, "b").as_deref(), Some("x > y"));
        assert_eq!(attribute(attributes, "c").as_deref(), Some("<"));
        assert_eq!(attribute(attributes, "d"), None);
        assert_eq!(tokens[2], Token::Text("1 & 2\n".into()));
    }

    #[test]
    fn refuses_what_is_cut_off_or_crossed() {
        for text in
            ["<a>", "<a><b></a>", "<a></a", "<a b=\"", "</a>", "<a><b></a></b>", "<![CDATA[x", "< a/>"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(&"<a>".repeat(100)), None);
    }

    #[test]
    fn an_unknown_entity_stays() {
        assert_eq!(unescape("a & b &nope; &#x110000; &lt"), "a & b &nope; &#x110000; &lt");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[<>a/&;#x!\\[\\]\"= é-]{0,60}") {
            let _ = read(&text);
            let _ = attribute(&text, "a");
        }
    }
}
