//! `array_concat(array, ...)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of, elements};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static ARRAY_CONCAT: Function = Function {
    name: "array_concat",
    summary: "One array of the elements of all; null when one of them is no array.",
    params: &[Param::rest("array", Accepts::Dynamic, 1, 64)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print array_concat(dynamic([1, 2]), dynamic([]), dynamic(["a"]))"#,
            result: r#"[1,2,"a"]"#,
        },
        Example { query: "print isnull(array_concat(dynamic([1]), dynamic(2)))", result: "true" },
    ],
    lower: |_, args| Ok(call("array_concat", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let arrays = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let parts: Option<Vec<Vec<&str>>> = arrays.iter().map(|array| elements(array.get(row))).collect();
        Some(array_of(parts?.concat()))
    }))
}
