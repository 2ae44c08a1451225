//! `array_length(array)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::elements;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static ARRAY_LENGTH: Function = Function {
    name: "array_length",
    summary: "The number of elements of an array; null of everything else.",
    params: &[Param::one("array", Accepts::Dynamic)],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print array_length(dynamic([1, [2, 3], "x"]))"#, result: "3" },
        Example { query: "print array_length(dynamic([]))", result: "0" },
        Example { query: r#"print isnull(array_length(dynamic({"a": 1})))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("array_length", Kind::Long, rows, args)),
};

pub(super) static ARRAYLENGTH: Function =
    Function { name: "arraylength", summary: "Old name of array_length.", ..ARRAY_LENGTH };

fn rows(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    Ok(long_rows(args.rows, |row| i64::try_from(elements(arrays.get(row))?.len()).ok()))
}
