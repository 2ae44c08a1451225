//! `tolower(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static TOLOWER: Function = Function {
    name: "tolower",
    summary: "The text in lower case.",
    params: &[Param::one("text", Accepts::Any)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print tolower("CMD.exe")"#, result: "cmd.exe" },
        Example { query: r#"print tolower("ÄÖÜ")"#, result: "äöü" },
    ],
    lower: |_, args| {
        let [text] = exactly(args)?;
        Ok(call("tolower", Kind::String, rows, vec![convert::to_text(text)]))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(texts.text(row).to_lowercase())))
}
