//! `url_encode(text)`, `url_encode_component(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::percent;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static URL_ENCODE: Function = Function {
    name: "url_encode",
    summary: "The text percent-encoded as a part of a URL, with + for blanks.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[Example { query: r#"print url_encode("a/b c?ä")"#, result: "a%2fb+c%3f%c3%a4" }],
    lower: |_, args| Ok(call("url_encode", Kind::String, rows, args)),
};

pub(super) static URL_ENCODE_COMPONENT: Function = Function {
    name: "url_encode_component",
    summary: "The text percent-encoded as a part of a URL, with %20 for blanks.",
    examples: &[Example { query: r#"print url_encode_component("a/b c")"#, result: "a%2fb%20c" }],
    lower: |_, args| Ok(call("url_encode_component", Kind::String, component_rows, args)),
    ..URL_ENCODE
};

const KEPT: &[u8] = b"-_.!*()";

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(percent::encode(texts.text(row), KEPT, "+"))))
}

fn component_rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(percent::encode(texts.text(row), KEPT, "%20"))))
}
