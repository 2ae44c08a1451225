//! `strlen(text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static STRLEN: Function = Function {
    name: "strlen",
    summary: "The number of characters of a text.",
    params: &[Param::one("text", Accepts::Text)],
    returns: "long",
    naming: Naming::Prefixed,
    examples: &[
        Example { query: r#"print strlen("hunting")"#, result: "7" },
        Example { query: r#"print strlen("größe")"#, result: "5" },
        Example { query: r#"print strlen("")"#, result: "0" },
    ],
    lower: |_, args| Ok(call("strlen", Kind::Long, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(long_rows(args.rows, |row| i64::try_from(texts.text(row).chars().count()).ok()))
}
