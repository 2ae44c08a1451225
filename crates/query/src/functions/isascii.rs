//! `isascii(text)`, `isutf8(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call};
use crate::typed::Typed;

pub(super) static ISASCII: Function = Function {
    name: "isascii",
    summary: "Whether a text has ASCII characters only.",
    params: &[Param::one("text", Accepts::Any)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print isascii("some string")"#, result: "true" },
        Example { query: r#"print isascii("größe")"#, result: "false" },
    ],
    lower: |_, args| {
        let args = args.into_iter().map(convert::to_text).collect();
        Ok(call("isascii", Kind::Bool, rows, args))
    },
};

pub(super) static ISUTF8: Function = Function {
    name: "isutf8",
    summary: "Whether a text is valid UTF-8: every text here is.",
    examples: &[Example { query: r#"print isutf8("größe")"#, result: "true" }],
    lower: |_, _| Ok(Typed::bool(true)),
    ..ISASCII
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(bool_rows(args.rows, |row| Some(texts.text(row).is_ascii())))
}
