//! `regex_quote(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static REGEX_QUOTE: Function = Function {
    name: "regex_quote",
    summary: "A text as the regular expression that matches just it.",
    params: &[Param::one("text", Accepts::Any)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print regex_quote('(so$me.Te^xt)')", result: r"\(so\$me\.Te\^xt\)" },
        Example { query: r#"print "a.b" matches regex regex_quote("a.b")"#, result: "true" },
    ],
    lower: |_, args| {
        let args = args.into_iter().map(convert::to_text).collect();
        Ok(call("regex_quote", Kind::String, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(regex::escape(texts.text(row)))))
}
