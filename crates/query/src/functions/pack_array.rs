//! `pack_array(value, ...)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::array_of;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static PACK_ARRAY: Function = Function {
    name: "pack_array",
    summary: "An array of the values; null stays in it.",
    params: &[Param::rest("value", Accepts::Any, 1, 1024)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print pack_array(1, "a", 2.5, true)"#, result: r#"[1,"a",2.5,true]"# },
        Example { query: "print pack_array(int(null), dynamic([1]))", result: "[null,[1]]" },
    ],
    lower: |_, args| {
        let values = args.into_iter().map(convert::to_dynamic).collect();
        Ok(call("pack_array", Kind::Dynamic, rows, values))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        Some(array_of(values.iter().map(|value| value.get(row).unwrap_or("null"))))
    }))
}
