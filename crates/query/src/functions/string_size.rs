//! `string_size(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static STRING_SIZE: Function = Function {
    name: "string_size",
    summary: "How many bytes a text takes in UTF-8.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "long",
    naming: Naming::Prefixed,
    examples: &[
        Example { query: r#"print string_size("hello")"#, result: "5" },
        Example { query: r#"print string_size("⒦⒰")"#, result: "6" },
    ],
    lower: |_, args| Ok(call("string_size", Kind::Long, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(long_rows(args.rows, |row| i64::try_from(texts.text(row).len()).ok()))
}
