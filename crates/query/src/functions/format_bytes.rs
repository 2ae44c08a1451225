//! `format_bytes(size, [precision], [unit])`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::arguments::{constant_text, exactly, padded};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static FORMAT_BYTES: Function = Function {
    name: "format_bytes",
    summary: "A number of bytes as text with a unit, by steps of 1024; in the greatest unit that it fills, or \
              the given one. Rounded to some digits behind the point, none unless given.",
    params: &[
        Param::one("size", Accepts::Number),
        Param::optional("precision", Accepts::Integer),
        Param::optional("unit", Accepts::Text),
    ],
    returns: "string",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print format_bytes(564)", result: "564 Bytes" },
        Example { query: "print format_bytes(10332, 1)", result: "10.1 KB" },
        Example { query: "print format_bytes(20010332, 2)", result: "19.08 MB" },
        Example { query: r#"print format_bytes(20010332, 0, "KB")"#, result: "19541 KB" },
        Example { query: "print format_bytes(1048576, 2)", result: "1 MB" },
    ],
    lower: |_, args| {
        if let Some(unit) = args.get(2) {
            let unit = constant_text(unit, "unit")?;
            if !unit.is_empty() && power_of(unit).is_none() {
                return Err(format!("'{unit}' is not a unit; valid are {}", UNITS.join(", ")));
            }
        }
        let mut args = padded(args, 2, Typed::long(0));
        args = padded(args, 3, Typed::text(""));
        Ok(call("format_bytes", Kind::String, rows, exactly::<3>(args)?.into()))
    },
};

const UNITS: [&str; 9] = ["Bytes", "KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
/// More digits behind the point say nothing.
const DIGITS_MAX: i64 = 15;

fn power_of(unit: &str) -> Option<usize> {
    UNITS.iter().position(|known| known.eq_ignore_ascii_case(unit))
}

fn rows(args: &Args) -> Result<ArrayRef> {
    let (sizes, digits, units) = (args.reals(0)?, args.longs(1)?, args.texts(2)?);
    let unit = units.constant().and_then(power_of);
    Ok(text_rows(args.rows, |row| {
        if !sizes.is_valid(row) || !sizes.value(row).is_finite() {
            return Some(String::new());
        }
        let size = sizes.value(row);
        let fits = |power: &usize| size.abs() >= 1024f64.powi(*power as i32);
        let power = unit.unwrap_or_else(|| (1..UNITS.len()).rev().find(fits).unwrap_or(0));
        let digits = digits.get(row).unwrap_or(0).clamp(0, DIGITS_MAX);
        let digits_unit = 10f64.powi(digits as i32);
        let number = (size / 1024f64.powi(power as i32) * digits_unit).round() / digits_unit;
        Some(format!("{number} {}", UNITS[power]))
    }))
}
