//! `array_split(array, indices)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of, elements, from_start};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static ARRAY_SPLIT: Function = Function {
    name: "array_split",
    summary: "An array cut before one position or several, which are counted from the end when negative: an \
              array of arrays.",
    params: &[Param::one("array", Accepts::Dynamic), Param::one("indices", Accepts::Any)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print array_split(dynamic([1, 2, 3, 4, 5]), 2)", result: "[[1,2],[3,4,5]]" },
        Example {
            query: "print array_split(dynamic([1, 2, 3, 4, 5]), dynamic([1, 3]))",
            result: "[[1],[2,3],[4,5]]",
        },
        Example { query: "print array_split(dynamic([1, 2, 3]), -1)", result: "[[1,2],[3]]" },
    ],
    lower: |_, mut args| {
        let indices = args.pop().ok_or("the indices are missing")?;
        match indices.kind {
            Kind::Int | Kind::Long | Kind::Dynamic => args.push(convert::to_dynamic(indices)),
            kind => {
                return Err(format!("argument 'indices' takes a long or an array, not a {}", kind.name()));
            }
        }
        Ok(call("array_split", Kind::Dynamic, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (arrays, indices) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let array = elements(arrays.get(row))?;
        let one = indices.get(row)?;
        let indices = elements(Some(one)).unwrap_or_else(|| vec![one]);
        let (mut parts, mut start) = (Vec::with_capacity(indices.len() + 1), 0);
        for index in indices {
            let position = from_start(index.parse().ok()?, array.len()).max(0);
            let end = usize::try_from(position).unwrap_or(usize::MAX).clamp(start, array.len());
            parts.push(array_of(&array[start..end]));
            start = end;
        }
        parts.push(array_of(&array[start..]));
        Some(array_of(parts))
    }))
}
