//! `reverse(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static REVERSE: Function = Function {
    name: "reverse",
    summary: "The characters of a text from the last to the first.",
    params: &[Param::one("text", Accepts::Any)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print reverse("exe.dmc")"#, result: "cmd.exe" },
        Example { query: "print reverse(120)", result: "021" },
    ],
    lower: |_, args| {
        let [text] = exactly(args)?;
        Ok(call("reverse", Kind::String, rows, vec![convert::to_text(text)]))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(texts.text(row).chars().rev().collect::<String>())))
}
