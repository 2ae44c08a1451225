//! `strcat_delim(delimiter, value, ...)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static STRCAT_DELIM: Function = Function {
    name: "strcat_delim",
    summary: "Joins values into one text with a delimiter between them.",
    params: &[Param::one("delimiter", Accepts::Any), Param::rest("value", Accepts::Any, 1, 64)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print strcat_delim(", ", "a", 2, false)"#, result: "a, 2, false" },
        Example { query: r#"print strcat_delim("-", "a", "", "b")"#, result: "a--b" },
    ],
    lower: |_, args| {
        let texts = args.into_iter().map(convert::to_text).collect();
        Ok(call("strcat_delim", Kind::String, rows, texts))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let delimiters = args.texts(0)?;
    let texts = (1..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let values: Vec<&str> = texts.iter().map(|text| text.text(row)).collect();
        Some(values.join(delimiters.text(row)))
    }))
}
