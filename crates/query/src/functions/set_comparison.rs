//! `jaccard_index(set1, set2)`, `set_equals(set1, set2)`

use std::collections::HashSet;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{canonical, elements};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call, real_rows};

pub(super) static JACCARD_INDEX: Function = Function {
    name: "jaccard_index",
    summary: "How alike two sets are: the number of elements that are in both, by that of all. NaN when both \
              are empty, null where one is no array.",
    params: &[Param::one("set1", Accepts::Dynamic), Param::one("set2", Accepts::Dynamic)],
    returns: "real",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print jaccard_index(dynamic([1, 2, 3]), dynamic([2, 3, 4]))", result: "0.5" },
        Example { query: r#"print jaccard_index(dynamic(["a", "a"]), dynamic(["a"]))"#, result: "1.0" },
        Example { query: "print jaccard_index(dynamic([]), dynamic([]))", result: "NaN" },
    ],
    lower: |_, args| Ok(call("jaccard_index", Kind::Real, similarities, args)),
};

pub(super) static SET_EQUALS: Function = Function {
    name: "set_equals",
    summary: "Whether two arrays have the same elements, in any order and number. Null where one is no array.",
    returns: "bool",
    examples: &[
        Example { query: "print set_equals(dynamic([1, 2, 2]), dynamic([2, 1]))", result: "true" },
        Example { query: "print set_equals(dynamic([1, 2]), dynamic([1]))", result: "false" },
    ],
    lower: |_, args| Ok(call("set_equals", Kind::Bool, equal, args)),
    ..JACCARD_INDEX
};

/// The canonical texts of an array's elements.
fn set(array: Option<&str>) -> Option<HashSet<std::borrow::Cow<'_, str>>> {
    Some(elements(array)?.into_iter().map(canonical).collect())
}

fn similarities(args: &Args) -> Result<ArrayRef> {
    let (left, right) = (args.texts(0)?, args.texts(1)?);
    Ok(real_rows(args.rows, |row| {
        let (left, right) = (set(left.get(row))?, set(right.get(row))?);
        let both = left.intersection(&right).count();
        Some(both as f64 / (left.len() + right.len() - both) as f64)
    }))
}

fn equal(args: &Args) -> Result<ArrayRef> {
    let (left, right) = (args.texts(0)?, args.texts(1)?);
    Ok(bool_rows(args.rows, |row| Some(set(left.get(row))? == set(right.get(row))?)))
}
