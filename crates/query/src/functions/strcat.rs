//! `strcat(value, ...)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, TEXT_BYTES_MAX, call, text_rows, too_long};

pub(super) static STRCAT: Function = Function {
    name: "strcat",
    summary: "Joins values into one text; null adds nothing.",
    params: &[Param::rest("value", Accepts::Any, 1, 64)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print strcat("a", 1)"#, result: "a1" },
        Example { query: r#"print strcat("up ", 90s, "; ", true)"#, result: "up 00:01:30; true" },
        Example { query: r#"print strcat("[", int(null), "]")"#, result: "[]" },
    ],
    lower: |_, args| {
        let texts = args.into_iter().map(convert::to_text).collect();
        Ok(call("strcat", Kind::String, rows, texts))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let length = texts.iter().map(|text| text.text(row).len()).sum();
        if length > TEXT_BYTES_MAX {
            too_long();
            return None;
        }
        let mut joined = String::with_capacity(length);
        texts.iter().for_each(|text| joined.push_str(text.text(row)));
        Some(joined)
    }))
}
