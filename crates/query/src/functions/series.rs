//! Series: arrays of numbers, as `make-series` and `make_list` make them.

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use serde_json::Value;

use super::arrays::elements;
use crate::convert::format_real;
use crate::kernel::{Args, Texts, text_rows};

/// Numbers a series may have in functions whose work grows faster than its length.
pub(super) const LENGTH_MAX: usize = 1 << 17;

/// The numbers of an array. What is no number is missing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub values: Vec<Option<f64>>,
    /// Whether all numbers are integers.
    pub is_whole: bool,
}

impl Series {
    /// Reads an array; `None` of everything else.
    pub fn parse(array: Option<&str>) -> Option<Series> {
        let elements = elements(array)?;
        let values: Vec<Option<f64>> = elements.iter().map(|element| number(element)).collect();
        let is_real = |element: &&str| element.contains(['.', 'e', 'E', '"']) && number(element).is_some();
        Some(Series { values, is_whole: !elements.iter().any(is_real) })
    }

    /// The numbers, none of which may be missing or infinite.
    pub fn finite(&self) -> Option<Vec<f64>> {
        self.values.iter().map(|value| value.filter(|number| number.is_finite())).collect()
    }

    /// The numbers with missing ones as 0.
    pub fn filled(&self) -> Vec<f64> {
        self.values.iter().map(|value| value.unwrap_or(0.0)).collect()
    }

    /// The array as JSON, integers as such.
    pub fn to_json(&self) -> String {
        array(&self.values, self.is_whole)
    }
}

/// A number of an array; infinite ones and NaN are texts.
fn number(element: &str) -> Option<f64> {
    match element {
        r#""NaN""# => Some(f64::NAN),
        r#""Infinity""# => Some(f64::INFINITY),
        r#""-Infinity""# => Some(f64::NEG_INFINITY),
        _ if element.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => element.parse().ok(),
        _ => None,
    }
}

/// A number as JSON.
pub(super) fn push_number(out: &mut String, number: f64, is_whole: bool) {
    if is_whole && number.is_finite() && number.abs() < 9.2e18 {
        out.push_str(&(number as i64).to_string());
    } else if number.is_finite() {
        out.push_str(&format_real(number));
    } else {
        out.push('"');
        out.push_str(&format_real(number));
        out.push('"');
    }
}

fn array(values: &[Option<f64>], is_whole: bool) -> String {
    let mut out = String::with_capacity(2 + values.len() * 6);
    out.push('[');
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        match value {
            Some(number) => push_number(&mut out, *number, is_whole),
            None => out.push_str("null"),
        }
    }
    out.push(']');
    out
}

/// Reals as a JSON array.
pub(super) fn reals(values: &[f64]) -> String {
    let values: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
    array(&values, false)
}

/// A real as a JSON value, where that can tell it.
pub(super) fn real(number: f64) -> Value {
    match serde_json::Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None => Value::String(format_real(number)),
    }
}

pub(super) fn real_array(values: &[f64]) -> Value {
    Value::Array(values.iter().map(|number| real(*number)).collect())
}

/// A function from one series to another.
pub(super) fn map(args: &Args, make: impl Fn(Series) -> Option<Series>) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(make(Series::parse(arrays.get(row))?)?.to_json())))
}

/// A series, or one number in place of each of its numbers.
pub(super) enum Operand {
    Series(Series),
    Number(Option<f64>),
}

impl Operand {
    pub fn read(json: Option<&str>) -> Option<Operand> {
        match Series::parse(json) {
            Some(series) => Some(Operand::Series(series)),
            None => Some(Operand::Number(Some(number(json?)?))),
        }
    }

    pub fn length(&self) -> Option<usize> {
        match self {
            Operand::Series(series) => Some(series.values.len()),
            Operand::Number(_) => None,
        }
    }

    pub fn at(&self, position: usize) -> Option<f64> {
        match self {
            Operand::Series(series) => series.values.get(position).copied().flatten(),
            Operand::Number(number) => *number,
        }
    }

    fn is_whole(&self, texts: &Texts, row: usize) -> bool {
        match self {
            Operand::Series(series) => series.is_whole,
            Operand::Number(_) => texts.get(row).is_some_and(|json| json.parse::<i64>().is_ok()),
        }
    }
}

/// Two operands of a row, of which at least one is a series: the length of the longer one, whether both hold
/// integers, and the operands.
pub(super) fn pair(left: &Texts, right: &Texts, row: usize) -> Option<(usize, bool, Operand, Operand)> {
    let (one, other) = (Operand::read(left.get(row))?, Operand::read(right.get(row))?);
    let length = one.length().into_iter().chain(other.length()).max()?;
    let is_whole = one.is_whole(left, row) && other.is_whole(right, row);
    Some((length, is_whole, one, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_and_written() {
        for (array, is_whole, expected) in [
            ("[1,null,-3]", true, "[1,null,-3]"),
            ("[1,2.5]", false, "[1.0,2.5]"),
            (r#"[1,"x",true,"NaN"]"#, false, r#"[1.0,null,null,"NaN"]"#),
            ("[]", true, "[]"),
            ("[1e3]", false, "[1000.0]"),
        ] {
            let series = Series::parse(Some(array)).unwrap();
            assert_eq!(series.is_whole, is_whole, "{array}");
            assert_eq!(series.to_json(), expected, "{array}");
        }
        assert_eq!(Series::parse(Some("5")), None);
    }
}
