//! `binary_and(left, right)`, `binary_or`, `binary_xor`, `binary_not(value)`, `binary_shift_left(value,
//! count)`,
//! `binary_shift_right`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static BINARY_AND: Function = Function {
    name: "binary_and",
    summary: "The bits that both numbers have.",
    params: &[Param::one("left", Accepts::Integer), Param::one("right", Accepts::Integer)],
    returns: "long",
    naming: Naming::FirstArgument,
    examples: &[Example { query: "print binary_and(0xF0, 0x3C)", result: "48" }],
    lower: |_, args| Ok(call("binary_and", Kind::Long, ands, args)),
};

pub(super) static BINARY_OR: Function = Function {
    name: "binary_or",
    summary: "The bits that one of two numbers has.",
    examples: &[Example { query: "print binary_or(5, 2)", result: "7" }],
    lower: |_, args| Ok(call("binary_or", Kind::Long, ors, args)),
    ..BINARY_AND
};

pub(super) static BINARY_XOR: Function = Function {
    name: "binary_xor",
    summary: "The bits that exactly one of two numbers has.",
    examples: &[Example { query: "print binary_xor(5, 4)", result: "1" }],
    lower: |_, args| Ok(call("binary_xor", Kind::Long, xors, args)),
    ..BINARY_AND
};

pub(super) static BINARY_NOT: Function = Function {
    name: "binary_not",
    summary: "The bits that a number does not have.",
    params: &[Param::one("value", Accepts::Integer)],
    examples: &[Example { query: "print binary_not(5)", result: "-6" }],
    lower: |_, args| Ok(call("binary_not", Kind::Long, nots, args)),
    ..BINARY_AND
};

pub(super) static BINARY_SHIFT_LEFT: Function = Function {
    name: "binary_shift_left",
    summary: "The bits of a number moved to the left, by the count modulo 64; null when the count is \
              negative.",
    params: &[Param::one("value", Accepts::Integer), Param::one("count", Accepts::Integer)],
    examples: &[
        Example { query: "print binary_shift_left(3, 2)", result: "12" },
        Example { query: "print isnull(binary_shift_left(3, -1))", result: "true" },
    ],
    lower: |_, args| Ok(call("binary_shift_left", Kind::Long, left_shifts, args)),
    ..BINARY_AND
};

pub(super) static BINARY_SHIFT_RIGHT: Function = Function {
    name: "binary_shift_right",
    summary: "The bits of a number moved to the right, by the count modulo 64; null when the count is \
              negative.",
    examples: &[Example { query: "print binary_shift_right(13, 2)", result: "3" }],
    lower: |_, args| Ok(call("binary_shift_right", Kind::Long, right_shifts, args)),
    ..BINARY_SHIFT_LEFT
};

fn pairs(args: &Args, combine: fn(i64, i64) -> Option<i64>) -> Result<ArrayRef> {
    let (left, right) = (args.longs(0)?, args.longs(1)?);
    Ok(long_rows(args.rows, |row| combine(left.get(row)?, right.get(row)?)))
}

fn ands(args: &Args) -> Result<ArrayRef> {
    pairs(args, |left, right| Some(left & right))
}

fn ors(args: &Args) -> Result<ArrayRef> {
    pairs(args, |left, right| Some(left | right))
}

fn xors(args: &Args) -> Result<ArrayRef> {
    pairs(args, |left, right| Some(left ^ right))
}

fn nots(args: &Args) -> Result<ArrayRef> {
    let values = args.longs(0)?;
    Ok(long_rows(args.rows, |row| Some(!values.get(row)?)))
}

fn left_shifts(args: &Args) -> Result<ArrayRef> {
    pairs(args, |value, count| Some(value.wrapping_shl(shift(count)?)))
}

fn right_shifts(args: &Args) -> Result<ArrayRef> {
    pairs(args, |value, count| Some(value.wrapping_shr(shift(count)?)))
}

fn shift(count: i64) -> Option<u32> {
    (count >= 0).then_some((count % 64) as u32)
}
