//! `array_sum(array)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::elements;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, real_rows};

pub(super) static ARRAY_SUM: Function = Function {
    name: "array_sum",
    summary: "The sum of an array of numbers; null when an element is no number.",
    params: &[Param::one("array", Accepts::Dynamic)],
    returns: "real",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print array_sum(dynamic([1, 2.5]))", result: "3.5" },
        Example { query: r#"print isnull(array_sum(dynamic([1, "2"])))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("array_sum", Kind::Real, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    Ok(real_rows(args.rows, |row| elements(arrays.get(row))?.iter().map(|e| e.parse::<f64>().ok()).sum()))
}
