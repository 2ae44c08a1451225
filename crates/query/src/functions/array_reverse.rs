//! `array_reverse(array)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of, elements};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static ARRAY_REVERSE: Function = Function {
    name: "array_reverse",
    summary: "The elements of an array from the last to the first.",
    params: &[Param::one("array", Accepts::Dynamic)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print array_reverse(dynamic([1, "b", [2, 3]]))"#, result: r#"[[2,3],"b",1]"# },
        Example { query: "print isnull(array_reverse(dynamic({})))", result: "true" },
    ],
    lower: |_, args| Ok(call("array_reverse", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(array_of(elements(arrays.get(row))?.into_iter().rev()))))
}
