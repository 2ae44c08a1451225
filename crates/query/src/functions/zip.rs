//! `zip(array, ...)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of, elements};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static ZIP: Function = Function {
    name: "zip",
    summary: "An array of arrays: the first elements of all, then the second ones, and so on, null where \
              one ends early.",
    params: &[Param::rest("array", Accepts::Dynamic, 1, 64)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print zip(dynamic([1, 2]), dynamic(["a", "b"]))"#,
            result: r#"[[1,"a"],[2,"b"]]"#,
        },
        Example { query: "print zip(dynamic([1, 2]), dynamic([3]))", result: "[[1,3],[2,null]]" },
    ],
    lower: |_, args| Ok(call("zip", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let arrays = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let arrays: Option<Vec<Vec<&str>>> = arrays.iter().map(|array| elements(array.get(row))).collect();
        let arrays = arrays?;
        let length = arrays.iter().map(Vec::len).max()?;
        let at = |at: usize| array_of(arrays.iter().map(|array| array.get(at).copied().unwrap_or("null")));
        Some(array_of((0..length).map(at)))
    }))
}
