//! `strrep(value, count, [delimiter])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::{exactly, padded};
use super::arrays::BYTES_MAX;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

/// A text is repeated no more often than this.
const COUNT_MAX: usize = 1024;

pub(super) static STRREP: Function = Function {
    name: "strrep",
    summary: "A value as text, repeated up to 1024 times and 1 MiB, with a delimiter between.",
    params: &[
        Param::one("value", Accepts::Any),
        Param::one("count", Accepts::Integer),
        Param::optional("delimiter", Accepts::Any),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print strrep("ab", 3)"#, result: "ababab" },
        Example { query: r#"print strrep(7, 3, "-")"#, result: "7-7-7" },
        Example { query: r#"print strrep("ab", 0)"#, result: "" },
        Example { query: r#"print strlen(strrep("a", 100000))"#, result: "1024" },
    ],
    lower: |_, args| {
        let [value, count, delimiter] = exactly(padded(args, 3, Typed::text("")))?;
        let args = vec![convert::to_text(value), count, convert::to_text(delimiter)];
        Ok(call("strrep", Kind::String, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (texts, counts, delimiters) = (args.texts(0)?, args.longs(1)?, args.texts(2)?);
    Ok(text_rows(args.rows, |row| {
        let (text, delimiter) = (texts.text(row), delimiters.text(row));
        let fitting = BYTES_MAX / (text.len() + delimiter.len()).max(1);
        let count = usize::try_from(counts.get(row).unwrap_or(0)).unwrap_or(0).min(COUNT_MAX).min(fitting);
        Some(vec![text; count].join(delimiter))
    }))
}
