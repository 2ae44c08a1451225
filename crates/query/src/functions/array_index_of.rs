//! `array_index_of(array, value, [start], [length], [occurrence])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::padded;
use super::arrays::{canonical, elements, from_start};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};
use crate::typed::Typed;

pub(super) static ARRAY_INDEX_OF: Function = Function {
    name: "array_index_of",
    summary: "The position of a value in an array, -1 when it is not there. A negative start counts from \
              the end.",
    params: &[
        Param::one("array", Accepts::Dynamic),
        Param::one("value", Accepts::Any),
        Param::optional("start", Accepts::Integer),
        Param::optional("length", Accepts::Integer),
        Param::optional("occurrence", Accepts::Integer),
    ],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print array_index_of(dynamic(["a", "b", "a"]), "a", 1)"#, result: "2" },
        Example { query: r#"print array_index_of(dynamic(["a", "b", "a"]), "a", 0, -1, 2)"#, result: "2" },
        Example { query: r#"print array_index_of(dynamic(["a", "b"]), "B")"#, result: "-1" },
    ],
    lower: |_, args| {
        let args = padded(args, 3, Typed::long(0));
        let args = padded(padded(args, 4, Typed::long(-1)), 5, Typed::long(1));
        let args = args.into_iter().enumerate();
        let args = args.map(|(at, arg)| if at == 1 { convert::to_dynamic(arg) } else { arg }).collect();
        Ok(call("array_index_of", Kind::Long, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (arrays, values) = (args.texts(0)?, args.texts(1)?);
    let (starts, lengths, occurrences) = (args.longs(2)?, args.longs(3)?, args.longs(4)?);
    Ok(long_rows(args.rows, |row| {
        let elements = elements(arrays.get(row))?;
        let value = canonical(values.get(row).unwrap_or("null"));
        let (length, occurrence) = (lengths.get(row)?, occurrences.get(row)?);
        if length < -1 || occurrence < 1 {
            return None;
        }
        let start = usize::try_from(from_start(starts.get(row)?, elements.len())).unwrap_or(0);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let found =
            elements.iter().enumerate().skip(start).take(length).filter(|(_, e)| canonical(e) == value);
        let index = found.map(|(at, _)| at).nth(usize::try_from(occurrence - 1).unwrap_or(usize::MAX));
        Some(index.map_or(-1, |at| at as i64))
    }))
}
