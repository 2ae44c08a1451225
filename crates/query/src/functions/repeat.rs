//! `repeat(value, count)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use super::arrays::{BYTES_MAX, ELEMENTS_MAX, array_of};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static REPEAT: Function = Function {
    name: "repeat",
    summary: "An array of a value as often as asked, up to 1 MiB; null when the count is negative.",
    params: &[Param::one("value", Accepts::Any), Param::one("count", Accepts::Integer)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print repeat("a", 3)"#, result: r#"["a","a","a"]"# },
        Example { query: "print repeat(1, 0)", result: "[]" },
        Example { query: "print isnull(repeat(1, -1))", result: "true" },
    ],
    lower: |_, args| {
        let [value, count] = exactly(args)?;
        Ok(call("repeat", Kind::Dynamic, rows, vec![convert::to_dynamic(value), count]))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (values, counts) = (args.texts(0)?, args.longs(1)?);
    Ok(text_rows(args.rows, |row| {
        let value = values.get(row).unwrap_or("null");
        let fitting = ELEMENTS_MAX.min(BYTES_MAX / (value.len() + 1));
        let count = usize::try_from(counts.get(row)?).ok()?.min(fitting);
        Some(array_of(std::iter::repeat_n(value, count)))
    }))
}
