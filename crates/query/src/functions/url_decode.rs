//! `url_decode(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::percent;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static URL_DECODE: Function = Function {
    name: "url_decode",
    summary: "The text that a percent-encoded one stands for; + stands for a blank.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print url_decode("a%2Fb+c%C3%A4")"#, result: "a/b cä" },
        Example { query: r#"print url_decode("100%")"#, result: "100%" },
    ],
    lower: |_, args| Ok(call("url_decode", Kind::String, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(percent::decode(texts.text(row), true))))
}
