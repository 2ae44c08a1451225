//! What is wrong with a query, drawn under the place.

use std::ops::Range;

use ariadne::{CharSet, Color, Config, IndexType, Label, Report, ReportKind, Source};
use serde_json::Value;

/// One place the server points at.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    /// In bytes of the query.
    span: Range<usize>,
    message: String,
}

/// The text for a refused query: drawn when the details name a place, plain otherwise.
pub(crate) fn draw(
    name: &str,
    query: &str,
    (code, message): (&str, &str),
    details: Option<&Value>,
    with_color: bool,
) -> String {
    let places = details.map(|details| places(query, details)).unwrap_or_default();
    let Some(first) = places.first() else { return format!("{code}: {message}\n") };
    let config = Config::default()
        .with_color(with_color)
        .with_index_type(IndexType::Byte)
        .with_char_set(if with_color { CharSet::Unicode } else { CharSet::Ascii });
    let labels = places.iter().map(|place| {
        let label = if place.message.is_empty() { message } else { &place.message };
        Label::new((name, place.span.clone())).with_message(label).with_color(Color::Red)
    });
    let report = Report::build(ReportKind::Error, (name, first.span.clone()))
        .with_config(config)
        .with_code(code)
        .with_message(message)
        .with_labels(labels)
        .finish();
    let mut drawn = Vec::new();
    match report.write((name, Source::from(query)), &mut drawn) {
        Ok(()) => String::from_utf8_lossy(&drawn).into_owned(),
        Err(_) => format!("{code}: {message}\n"),
    }
}

/// Reads one object or a list of them, each with `line`, `column`, `length` and perhaps a `message`.
fn places(query: &str, details: &Value) -> Vec<Place> {
    let list = details.as_array().map_or(std::slice::from_ref(details), Vec::as_slice);
    let place = |detail: &Value| {
        let number = |name: &str| detail.get(name).and_then(Value::as_u64).map(|n| n as usize);
        let start = offset(query, number("line")?, number("column")?)?;
        let length: usize =
            query[start..].chars().take(number("length").unwrap_or(1).max(1)).map(char::len_utf8).sum();
        let mut message = detail.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        let meant = detail.get("suggestions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let meant: Vec<&str> = meant.iter().filter_map(Value::as_str).collect();
        if !message.is_empty() && !meant.is_empty() {
            message.push_str(&format!("; did you mean {}?", meant.join(" or ")));
        }
        Some(Place { span: start..start + length, message })
    };
    list.iter().filter_map(place).collect()
}

/// The byte at a line and column, both counted from 1, columns in characters.
fn offset(query: &str, line: usize, column: usize) -> Option<usize> {
    let line_start = match line.checked_sub(1)? {
        0 => 0,
        ends => query.match_indices('\n').nth(ends - 1)?.0 + 1,
    };
    let rest = &query[line_start..];
    let before: usize = rest.chars().take(column.checked_sub(1)?).map(char::len_utf8).sum();
    Some(line_start + before)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const QUERY: &str = "DeviceEvents\n| where Näme == 1\n| take 5";

    #[test]
    fn a_place_is_drawn_under_the_query() {
        let details = json!({ "line": 2, "column": 9, "length": 4 });
        let drawn = draw("query", QUERY, ("BadRequest", "'Näme' is not a column"), Some(&details), false);
        assert!(drawn.contains("query:2:9") && drawn.contains("| where Näme == 1"), "{drawn}");
        assert!(drawn.contains("'Näme' is not a column"), "{drawn}");
        assert!(!drawn.contains('\u{1b}'), "{drawn}");
    }

    #[test]
    fn every_place_of_a_list_has_its_own_message() {
        let details = json!([
            { "line": 2, "column": 9, "length": 4, "message": "first", "suggestions": ["Name"] },
            { "line": 3, "column": 3, "length": 400, "message": "second" },
            { "line": 99, "column": 1 },
        ]);
        let found = places(QUERY, &details);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].message, "first; did you mean Name?");
        assert_eq!(&QUERY[found[0].span.clone()], "Näme");
        assert_eq!(&QUERY[found[1].span.clone()], "take 5");
    }

    #[test]
    fn without_a_place_the_message_stands_alone() {
        assert_eq!(draw("query", QUERY, ("Forbidden", "no"), None, false), "Forbidden: no\n");
        let details = json!({ "line": 0, "column": 0 });
        assert_eq!(draw("query", QUERY, ("X", "no"), Some(&details), false), "X: no\n");
    }
}
