//! `strcmp(left, right)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static STRCMP: Function = Function {
    name: "strcmp",
    summary: "-1 when the first text comes before the second, 1 when it comes behind it, 0 when they are \
              equal.",
    params: &[Param::one("left", Accepts::Any), Param::one("right", Accepts::Any)],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print strcmp("abc", "abd")"#, result: "-1" },
        Example { query: r#"print strcmp("a", "A")"#, result: "1" },
        Example { query: r#"print strcmp("", "")"#, result: "0" },
    ],
    lower: |_, args| {
        let args = args.into_iter().map(convert::to_text).collect();
        Ok(call("strcmp", Kind::Long, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (left, right) = (args.texts(0)?, args.texts(1)?);
    Ok(long_rows(args.rows, |row| Some(left.text(row).cmp(right.text(row)) as i64)))
}
