//! `array_shift_left(array, count, [default])`, `array_shift_right`, `array_rotate_left(array, count)`,
//! `array_rotate_right`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::{exactly, padded};
use super::arrays::{array_of, elements};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static ARRAY_SHIFT_LEFT: Function = Function {
    name: "array_shift_left",
    summary: "An array with its elements moved to the front by a count, or to the end when it is negative. \
              What becomes free is filled with the default, or null.",
    params: &[
        Param::one("array", Accepts::Dynamic),
        Param::one("count", Accepts::Integer),
        Param::optional("default", Accepts::Any),
    ],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print array_shift_left(dynamic([1, 2, 3]), 1)", result: "[2,3,null]" },
        Example { query: "print array_shift_left(dynamic([1, 2, 3]), -2, -1)", result: "[-1,-1,1]" },
        Example { query: "print array_shift_left(dynamic([1, 2]), 5, 0)", result: "[0,0]" },
    ],
    lower: |_, args| Ok(call("array_shift_left", Kind::Dynamic, |args| shifted(args, 1), filled(args)?)),
};

pub(super) static ARRAY_SHIFT_RIGHT: Function = Function {
    name: "array_shift_right",
    summary: "An array with its elements moved to the end by a count, or to the front when it is negative. \
              What becomes free is filled with the default, or null.",
    examples: &[
        Example { query: "print array_shift_right(dynamic([1, 2, 3]), 1)", result: "[null,1,2]" },
        Example { query: r#"print array_shift_right(dynamic([1, 2, 3]), -1, "x")"#, result: r#"[2,3,"x"]"# },
    ],
    lower: |_, args| Ok(call("array_shift_right", Kind::Dynamic, |args| shifted(args, -1), filled(args)?)),
    ..ARRAY_SHIFT_LEFT
};

pub(super) static ARRAY_ROTATE_LEFT: Function = Function {
    name: "array_rotate_left",
    summary: "An array with its elements moved to the front by a count; those that leave it come back at the \
              end.",
    params: &[Param::one("array", Accepts::Dynamic), Param::one("count", Accepts::Integer)],
    examples: &[
        Example { query: "print array_rotate_left(dynamic([1, 2, 3, 4, 5]), 2)", result: "[3,4,5,1,2]" },
        Example { query: "print array_rotate_left(dynamic([1, 2, 3]), -1)", result: "[3,1,2]" },
        Example { query: "print array_rotate_left(dynamic([]), 3)", result: "[]" },
    ],
    lower: |_, args| Ok(call("array_rotate_left", Kind::Dynamic, |args| rotated(args, 1), args)),
    ..ARRAY_SHIFT_LEFT
};

pub(super) static ARRAY_ROTATE_RIGHT: Function = Function {
    name: "array_rotate_right",
    summary: "An array with its elements moved to the end by a count; those that leave it come back at the \
              front.",
    examples: &[Example { query: "print array_rotate_right(dynamic([1, 2, 3]), 1)", result: "[3,1,2]" }],
    lower: |_, args| Ok(call("array_rotate_right", Kind::Dynamic, |args| rotated(args, -1), args)),
    ..ARRAY_ROTATE_LEFT
};

/// The arguments with the default as a dynamic. A text is absent when it is empty, as an array's element too.
fn filled(args: Vec<Typed>) -> std::result::Result<Vec<Typed>, String> {
    let [array, count, default] = exactly(padded(args, 3, Typed::absent(Kind::Dynamic)))?;
    Ok(vec![array, count, convert::to_dynamic(default)])
}

fn shifted(args: &Args, direction: i64) -> Result<ArrayRef> {
    let (arrays, counts, defaults) = (args.texts(0)?, args.longs(1)?, args.texts(2)?);
    Ok(text_rows(args.rows, |row| {
        let elements = elements(arrays.get(row))?;
        let by = counts.get(row)?.checked_mul(direction)?;
        let default = defaults.get(row).unwrap_or("null");
        let moved = (0..elements.len()).map(|at| {
            let from = i64::try_from(at).ok().and_then(|at| at.checked_add(by));
            let from = from.and_then(|from| usize::try_from(from).ok());
            from.and_then(|from| elements.get(from).copied()).unwrap_or(default)
        });
        Some(array_of(moved))
    }))
}

fn rotated(args: &Args, direction: i64) -> Result<ArrayRef> {
    let (arrays, counts) = (args.texts(0)?, args.longs(1)?);
    Ok(text_rows(args.rows, |row| {
        let mut elements = elements(arrays.get(row))?;
        let count = counts.get(row)?.checked_mul(direction)?;
        if let Some(length) = i64::try_from(elements.len()).ok().filter(|length| *length > 0) {
            elements.rotate_left(usize::try_from(count.rem_euclid(length)).ok()?);
        }
        Some(array_of(elements))
    }))
}
