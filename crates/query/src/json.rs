//! `dynamic` values as JSON text: finding a part without parsing the rest.

use serde_json::Value;

/// One step into a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    Key(&'a str),
    /// Negative counts from the end.
    Index(i64),
}

/// Values nested deeper read as absent.
const DEPTH_MAX: usize = 128;

/// The text of the value that `steps` lead to. Anything missing, any step into a scalar, and text that is not
/// JSON where it is looked at give `None`.
pub(crate) fn find<'t>(text: &'t str, steps: &[Step]) -> Option<&'t str> {
    let mut rest = text.trim_start();
    for step in steps {
        rest = match step {
            Step::Key(key) => member(rest, key)?,
            Step::Index(index) => element(rest, *index)?,
        };
    }
    let end = skip_value(rest.as_bytes(), 0)?;
    Some(&rest[..end]).filter(|value| is_plausible(value))
}

/// Whether a bare word is a JSON literal or number; what is bracketed or quoted is checked where it is used.
fn is_plausible(value: &str) -> bool {
    match value.as_bytes().first() {
        Some(b'"' | b'{' | b'[') => true,
        _ => {
            matches!(value, "true" | "false" | "null")
                || serde_json::from_str::<serde_json::Number>(value).is_ok()
        }
    }
}

fn member<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let bytes = text.as_bytes();
    let mut at = skip_blank(bytes, expect(bytes, 0, b'{')?);
    while *bytes.get(at)? == b'"' {
        let end = skip_string(bytes, at)?;
        let raw = &text[at + 1..end - 1];
        let is_key = match raw.contains('\\') {
            true => serde_json::from_str::<String>(&text[at..end]).is_ok_and(|name| name == key),
            false => raw == key,
        };
        at = skip_blank(bytes, expect(bytes, skip_blank(bytes, end), b':')?);
        if is_key {
            return Some(&text[at..]);
        }
        at = skip_blank(bytes, skip_value(bytes, at)?);
        if *bytes.get(at)? != b',' {
            return None;
        }
        at = skip_blank(bytes, at + 1);
    }
    None
}

fn element(text: &str, index: i64) -> Option<&str> {
    if index < 0 {
        let count = elements(text)?.len() as i64;
        return element(text, (index + count >= 0).then_some(index + count)?);
    }
    elements_from(text)?.nth(index as usize)
}

/// The texts of an array's elements; `None` when it is not an array.
pub(crate) fn elements(text: &str) -> Option<Vec<&str>> {
    let text = text.trim_start();
    let elements = elements_from(text)?;
    Some(elements.map(|from| &from[..skip_value(from.as_bytes(), 0).unwrap_or(from.len())]).collect())
}

fn elements_from(text: &str) -> Option<impl Iterator<Item = &str>> {
    let bytes = text.as_bytes();
    let mut at = Some(skip_blank(bytes, expect(bytes, 0, b'[')?)).filter(|at| bytes.get(*at) != Some(&b']'));
    Some(std::iter::from_fn(move || {
        let start = at?;
        let end = skip_value(bytes, start)?;
        let behind = skip_blank(bytes, end);
        at = (bytes.get(behind) == Some(&b',')).then(|| skip_blank(bytes, behind + 1));
        Some(&text[start..])
    }))
}

fn expect(bytes: &[u8], at: usize, byte: u8) -> Option<usize> {
    (*bytes.get(at)? == byte).then_some(at + 1)
}

fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

fn skip_string(bytes: &[u8], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes[at] {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// The end of the value that starts at `at`.
fn skip_value(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        b'"' => skip_string(bytes, at),
        b'{' | b'[' => {
            let (mut depth, mut at) = (0usize, at);
            loop {
                match *bytes.get(at)? {
                    b'"' => {
                        at = skip_string(bytes, at)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
                if depth == 0 {
                    return Some(at);
                }
                if depth > DEPTH_MAX {
                    return None;
                }
            }
        }
        _ => {
            let end = bytes[at..]
                .iter()
                .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\t' | b'\r' | b'\n'));
            let end = at + end.unwrap_or(bytes.len() - at);
            (end > at).then_some(end)
        }
    }
}

/// What `parse_json` makes of a string: its JSON, the string itself when it is not JSON, null when it is empty.
pub(crate) fn parse(text: &str) -> Option<String> {
    if text.trim().is_empty() {
        return None;
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Null) => None,
        Ok(value) => Some(value.to_string()),
        Err(_) => Some(quote(text)),
    }
}

/// A string as JSON text.
pub(crate) fn quote(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// What `tostring` makes of a dynamic: a string bare, everything else as compact JSON, null as nothing.
pub(crate) fn to_text(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(json).unwrap_or_else(|_| json.to_owned()),
        Some(b'{' | b'[') => {
            serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |v| v.to_string())
        }
        Some(b'n') if json == "null" => String::new(),
        // Where JSON writes true, the language prints True only outside of dynamic values.
        _ => json.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn finds_parts() {
        let text = r#" {"a": {"b c": [1, "x,]", {"k":null}], "é\n": true}, "n": -1.5e3 }"#;
        for (steps, expected) in [
            (vec![Step::Key("a"), Step::Key("b c"), Step::Index(1)], Some(r#""x,]""#)),
            (vec![Step::Key("a"), Step::Key("b c"), Step::Index(-1)], Some(r#"{"k":null}"#)),
            (vec![Step::Key("a"), Step::Key("b c"), Step::Index(3)], None),
            (vec![Step::Key("a"), Step::Key("b c"), Step::Index(-4)], None),
            (vec![Step::Key("a"), Step::Key("é\n")], Some("true")),
            (vec![Step::Key("n")], Some("-1.5e3")),
            (vec![Step::Key("n"), Step::Key("x")], None),
            (vec![Step::Key("N")], None),
        ] {
            assert_eq!(find(text, &steps), expected, "{steps:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r#"[\[\]{}",:a1 \\]{0,40}"#, index in -3i64..3) {
            let _ = find(&text, &[Step::Key("a"), Step::Index(index)]);
            let _ = find(&text, &[Step::Index(index)]);
            let _ = elements(&text);
        }

        #[test]
        fn agrees_with_a_full_parser(keys in proptest::collection::vec("[a-c\"\\\\]{0,3}", 0..5), pick in 0usize..5) {
            let value: serde_json::Map<String, Value> =
                keys.iter().enumerate().map(|(at, key)| (key.clone(), serde_json::json!([at, {"x": key}]))).collect();
            let text = Value::Object(value.clone()).to_string();
            let key = keys.get(pick).cloned().unwrap_or_default();
            let found = find(&text, &[Step::Key(&key), Step::Index(1), Step::Key("x")]);
            let expected = value.get(&key).map(|v| v[1]["x"].to_string());
            prop_assert_eq!(found.map(str::to_owned), expected);
        }
    }
}
