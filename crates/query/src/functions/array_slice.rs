//! `array_slice(array, start, end)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of, elements, from_start};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static ARRAY_SLICE: Function = Function {
    name: "array_slice",
    summary: "The elements from one position to another, both included. Negative positions count from the \
              end.",
    params: &[
        Param::one("array", Accepts::Dynamic),
        Param::one("start", Accepts::Integer),
        Param::one("end", Accepts::Integer),
    ],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print array_slice(dynamic([1, 2, 3, 4]), 1, 2)", result: "[2,3]" },
        Example { query: "print array_slice(dynamic([1, 2, 3, 4]), -2, -1)", result: "[3,4]" },
        Example { query: "print array_slice(dynamic([1, 2]), 5, 9)", result: "[]" },
    ],
    lower: |_, args| Ok(call("array_slice", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (arrays, starts, ends) = (args.texts(0)?, args.longs(1)?, args.longs(2)?);
    Ok(text_rows(args.rows, |row| {
        let elements = elements(arrays.get(row))?;
        let start = usize::try_from(from_start(starts.get(row)?, elements.len())).unwrap_or(0);
        let end = usize::try_from(from_start(ends.get(row)?, elements.len()).saturating_add(1)).unwrap_or(0);
        Some(array_of(elements.get(start..end.min(elements.len())).unwrap_or_default()))
    }))
}
