//! `tohex(value, [length])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::padded;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

/// Digits that a 64-bit number has.
const DIGITS_MAX: i64 = 16;

pub(super) static TOHEX: Function = Function {
    name: "tohex",
    summary: "A number in hexadecimal digits, with zeros in front up to a length.",
    params: &[Param::one("value", Accepts::Any), Param::optional("length", Accepts::Integer)],
    returns: "string",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print tohex(255)", result: "ff" },
        Example { query: "print tohex(255, 4)", result: "00ff" },
        Example { query: "print tohex(-1)", result: "ffffffffffffffff" },
        Example { query: "print tohex(toint(-1))", result: "ffffffff" },
    ],
    lower: |_, mut args| {
        let is_int = args.first().is_some_and(|value| value.kind == Kind::Int);
        let value = Accepts::Integer.take(args.remove(0)).ok_or("takes an int or a long")?;
        args.insert(0, value);
        let args = padded(args, 2, Typed::long(0));
        Ok(match is_int {
            true => call("tohex_int", Kind::String, int_rows, args),
            false => call("tohex_long", Kind::String, rows, args),
        })
    },
};

fn digits(args: &Args, format: fn(i64, usize) -> String) -> Result<ArrayRef> {
    let (values, lengths) = (args.longs(0)?, args.longs(1)?);
    Ok(text_rows(args.rows, |row| {
        let length = usize::try_from(lengths.get(row).unwrap_or(0).clamp(0, DIGITS_MAX)).unwrap_or(0);
        Some(values.get(row).map(|value| format(value, length)).unwrap_or_default())
    }))
}

fn rows(args: &Args) -> Result<ArrayRef> {
    digits(args, |value, length| format!("{value:0length$x}"))
}

fn int_rows(args: &Args) -> Result<ArrayRef> {
    digits(args, |value, length| format!("{:0length$x}", value as i32))
}
