//! Arrays and bags as JSON text: taking them apart and putting them together.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::json;

/// Elements an array may have that a function makes.
pub(super) const ELEMENTS_MAX: usize = 1_048_576;
/// Bytes a text may have that a function makes by repetition.
pub(super) const BYTES_MAX: usize = 1 << 20;

/// The elements of an array; `None` for everything else.
pub(super) fn elements(array: Option<&str>) -> Option<Vec<&str>> {
    json::elements(array?)
}

/// An array of values that are JSON already.
pub(super) fn array_of<T: AsRef<str>>(elements: impl IntoIterator<Item = T>) -> String {
    let mut array = String::from("[");
    for element in elements {
        if array.len() > 1 {
            array.push(',');
        }
        array.push_str(element.as_ref());
    }
    array.push(']');
    array
}

/// An array of strings.
pub(super) fn array_of_texts<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let mut array = String::from("[");
    for text in texts {
        if array.len() > 1 {
            array.push(',');
        }
        push_quoted(&mut array, text.as_ref());
    }
    array.push(']');
    array
}

/// Appends a string as JSON.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    if text.bytes().any(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\' | 0x7f)) {
        out.push_str(&json::quote(text));
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

/// The properties of a bag; `None` for everything else.
pub(super) fn bag(value: Option<&str>) -> Option<Map<String, Value>> {
    let value = value?;
    if !value.trim_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(value).ok()
}

/// A text that is the same for equal values.
pub(super) fn canonical(element: &str) -> Cow<'_, str> {
    match element.as_bytes().first() {
        Some(b'"') if !element.contains('\\') => Cow::Borrowed(element),
        Some(b'"' | b'{' | b'[') => match serde_json::from_str::<Value>(element) {
            Ok(value) => Cow::Owned(value.to_string()),
            Err(_) => Cow::Borrowed(element),
        },
        Some(b'-' | b'0'..=b'9') if element.contains(['.', 'e', 'E']) => match element.parse::<f64>() {
            Ok(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                Cow::Owned((number as i64).to_string())
            }
            Ok(number) => Cow::Owned(number.to_string()),
            Err(_) => Cow::Borrowed(element),
        },
        _ => Cow::Borrowed(element),
    }
}

/// A position counted from the start, or from the end when negative, as one from the start.
pub(super) fn from_start(position: i64, length: usize) -> i64 {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    if position < 0 { position.saturating_add(length) } else { position }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_one_canonical_text() {
        for (left, right) in [
            ("1", "1.0"),
            (r#""é""#, r#""\u00e9""#),
            (r#"{"a": 1}"#, r#"{"a":1}"#),
            ("1e2", "100"),
            ("1.50", "1.5"),
        ] {
            assert_eq!(canonical(left), canonical(right), "{left} {right}");
        }
        assert_ne!(canonical("1"), canonical(r#""1""#));
    }

    #[test]
    fn texts_are_quoted_as_needed() {
        assert_eq!(array_of_texts(["a", "b\"c", "d\\e", "\n"]), r#"["a","b\"c","d\\e","\n"]"#);
        assert_eq!(array_of_texts::<&str>([]), "[]");
    }
}
