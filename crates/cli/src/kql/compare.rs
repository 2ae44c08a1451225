//! Whether values of a result are those a document shows, which are text, rounded and laid out.

use kql::literals;
use model::Kind;
use serde_json::Value;

/// Relative difference of reals that are the same.
const REAL_TOLERANCE: f64 = 1e-9;

/// Compares rows, in order if that is fixed; otherwise each row must have a partner.
pub(super) fn rows_agree(
    kinds: &[Kind],
    rows: &[Vec<Value>],
    expected: &[Vec<Option<String>>],
    order_fixed: bool,
) -> bool {
    if rows.len() != expected.len() {
        return false;
    }
    if order_fixed {
        return rows.iter().zip(expected).all(|(row, expected)| row_agrees(kinds, row, expected));
    }
    let mut left: Vec<&Vec<Value>> = rows.iter().collect();
    expected.iter().all(|expected| {
        let partner = left.iter().position(|row| row_agrees(kinds, row, expected));
        partner.map(|at| left.remove(at)).is_some()
    })
}

fn row_agrees(kinds: &[Kind], row: &[Value], expected: &[Option<String>]) -> bool {
    row.len() == expected.len()
        && kinds.iter().zip(row).zip(expected).all(|((kind, value), expected)| {
            value_agrees(*kind, value, expected.as_deref().unwrap_or_default())
        })
}

fn value_agrees(kind: Kind, value: &Value, expected: &str) -> bool {
    let expected = expected.trim();
    if value.is_null() {
        return matches!(expected, "" | "null");
    }
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match kind {
        Kind::Bool => match expected.to_ascii_lowercase().as_str() {
            "1" | "true" => value == &Value::Bool(true),
            "0" | "false" => value == &Value::Bool(false),
            _ => false,
        },
        Kind::Int | Kind::Long => expected.replace(',', "") == text,
        Kind::Real | Kind::Decimal => reals_agree(&text, expected),
        Kind::DateTime => literals::parse_datetime(&text).is_some_and(|ticks| times_agree(ticks, expected)),
        Kind::TimeSpan => same_parsed(literals::parse_timespan, &text, expected),
        Kind::Guid => same_parsed(literals::parse_guid, &text, expected),
        Kind::String => text == expected || words(&text) == words(expected),
        Kind::Dynamic => dynamics_agree(value, expected),
    }
}

fn same_parsed<T: PartialEq>(parse: fn(&str) -> Option<T>, text: &str, expected: &str) -> bool {
    text == expected || parse(text).is_some_and(|value| parse(expected) == Some(value))
}

/// Documented times may be cut off behind the second.
fn times_agree(ticks: i64, expected: &str) -> bool {
    const SECOND: i64 = 10_000_000;
    let Some(expected_ticks) = literals::parse_datetime(expected) else { return false };
    let is_cut = !expected.contains('.');
    ticks == expected_ticks || is_cut && ticks.div_euclid(SECOND) == expected_ticks.div_euclid(SECOND)
}

/// Text without differences in blanks: tables of a document do not keep them.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Documents show reals with fewer digits.
fn reals_agree(text: &str, expected: &str) -> bool {
    if text == expected {
        return true;
    }
    let (Ok(number), Ok(shown)) = (text.parse::<f64>(), expected.replace(',', "").parse::<f64>()) else {
        return false;
    };
    if number == shown || number.is_nan() && shown.is_nan() {
        return true;
    }
    let digits = expected
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.chars().take_while(char::is_ascii_digit).count());
    let rounding =
        if digits >= 2 && !expected.contains(['e', 'E']) { 10f64.powi(-(digits as i32)) } else { 0.0 };
    (number - shown).abs() <= rounding.max(REAL_TOLERANCE * shown.abs())
}

fn dynamics_agree(value: &Value, expected: &str) -> bool {
    match serde_json::from_str::<Value>(expected) {
        Ok(expected) => same_json(value, &expected),
        Err(_) => match value {
            Value::String(text) => text == expected || words(text) == words(expected),
            other => words(&other.to_string()) == words(expected),
        },
    }
}

fn same_json(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_json(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same_json(a, b)))
        }
        (Value::Number(a), Value::Number(b)) => reals_agree(&a.to_string(), &b.to_string()),
        (Value::String(a), Value::String(b)) => a == b || same_time(a, b),
        // A string inside dynamic and the same without its quotes look alike in a document.
        (Value::String(a), other) | (other, Value::String(a)) => {
            let text = other.to_string();
            *a == text
        }
        _ => a == b,
    }
}

fn same_time(a: &str, b: &str) -> bool {
    literals::parse_datetime(a).is_some_and(|a| literals::parse_datetime(b) == Some(a))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(kind: Kind, value: Value, expected: &str, agrees: bool) {
        assert_eq!(value_agrees(kind, &value, expected), agrees, "{value} {expected}");
    }

    #[test]
    fn values_agree_as_documents_show_them() {
        check(Kind::Bool, json!(true), "1", true);
        check(Kind::Bool, json!(true), "False", false);
        check(Kind::Long, json!(1234), "1,234", true);
        check(Kind::Long, json!(1234), "1235", false);
        check(Kind::Real, json!(1.6094379124341003), "1.609437", true);
        check(Kind::Real, json!(1.7), "1.609437", false);
        check(Kind::Real, json!(12.4), "12", false);
        check(Kind::Real, json!("NaN"), "NaN", true);
        check(Kind::DateTime, json!("2017-01-02T00:00:00.0000000Z"), "2017-01-02 00:00:00.0000000", true);
        check(Kind::DateTime, json!("2017-01-02T00:00:01.5000000Z"), "2017-01-02 00:00:01", true);
        check(Kind::DateTime, json!("2017-01-02T00:00:01.5000000Z"), "2017-01-02 00:00:02", false);
        check(Kind::TimeSpan, json!("14.00:00:00"), "14.00:00:00.0000000", true);
        check(Kind::String, json!("a\n  b"), "a b", true);
        check(Kind::String, json!("ab"), "a b", false);
        check(Kind::Dynamic, json!({"a": [1, 2.5]}), "{\n \"a\": [1, 2.5]}", true);
        check(Kind::Dynamic, json!([1]), "[1,2]", false);
        check(Kind::Long, Value::Null, "", true);
        check(Kind::Long, Value::Null, "0", false);
    }

    #[test]
    fn rows_have_partners_unless_their_order_is_fixed() {
        let rows = vec![vec![json!(1)], vec![json!(2)], vec![json!(2)]];
        let expected = |numbers: &[&str]| -> Vec<Vec<Option<String>>> {
            numbers.iter().map(|n| vec![Some((*n).to_owned())]).collect()
        };
        assert!(rows_agree(&[Kind::Long], &rows, &expected(&["2", "1", "2"]), false));
        assert!(!rows_agree(&[Kind::Long], &rows, &expected(&["2", "1", "2"]), true));
        assert!(!rows_agree(&[Kind::Long], &rows, &expected(&["2", "1", "1"]), false));
        assert!(!rows_agree(&[Kind::Long], &rows, &expected(&["2", "1"]), false));
    }
}
