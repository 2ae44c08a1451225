//! `set_union(set, ...)`, `set_intersect(set, ...)`, `set_difference(set, ...)`

use std::borrow::Cow;
use std::collections::HashSet;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of, canonical, elements};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static SET_UNION: Function = Function {
    name: "set_union",
    summary: "The different elements of all arrays; null when one of them is no array.",
    params: &[Param::rest("set", Accepts::Dynamic, 1, 64)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print set_union(dynamic([1, 2, 1]), dynamic(["a", 2]))"#,
            result: r#"[1,2,"a"]"#,
        },
        Example { query: "print isnull(set_union(dynamic([1]), dynamic(null)))", result: "true" },
    ],
    lower: |_, args| Ok(call("set_union", Kind::Dynamic, unions, args)),
};

pub(super) static SET_INTERSECT: Function = Function {
    name: "set_intersect",
    summary: "The different elements that all arrays have; null when one of them is no array.",
    examples: &[
        Example { query: r#"print set_intersect(dynamic([3, 1, 2]), dynamic([2, 3, 4]))"#, result: "[3,2]" },
        Example { query: r#"print set_intersect(dynamic(["a"]), dynamic(["A"]))"#, result: "[]" },
    ],
    lower: |_, args| Ok(call("set_intersect", Kind::Dynamic, intersections, args)),
    ..SET_UNION
};

pub(super) static SET_DIFFERENCE: Function = Function {
    name: "set_difference",
    summary: "The different elements of the first array that no other has; null when one of them is no \
              array.",
    examples: &[Example {
        query: "print set_difference(dynamic([1, 2, 3, 1]), dynamic([2]), dynamic([4]))",
        result: "[1,3]",
    }],
    lower: |_, args| Ok(call("set_difference", Kind::Dynamic, differences, args)),
    ..SET_UNION
};

/// Computes a set from the elements of several.
fn sets(args: &Args, combine: impl for<'e> Fn(&[Vec<&'e str>]) -> Vec<&'e str>) -> Result<ArrayRef> {
    let arrays = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let sets: Option<Vec<Vec<&str>>> = arrays.iter().map(|array| elements(array.get(row))).collect();
        Some(array_of(combine(&sets?)))
    }))
}

fn keys<'e>(elements: &[&'e str]) -> HashSet<Cow<'e, str>> {
    elements.iter().map(|element| canonical(element)).collect()
}

/// Every element once, in the order they come first.
fn distinct<'e>(elements: impl Iterator<Item = &'e str>) -> Vec<&'e str> {
    let mut seen = HashSet::new();
    elements.filter(|element| seen.insert(canonical(element))).collect()
}

fn unions(args: &Args) -> Result<ArrayRef> {
    sets(args, |sets| distinct(sets.iter().flatten().copied()))
}

fn intersections(args: &Args) -> Result<ArrayRef> {
    sets(args, |sets| {
        let Some((first, others)) = sets.split_first() else { return Vec::new() };
        let others: Vec<_> = others.iter().map(|set| keys(set)).collect();
        distinct(first.iter().copied().filter(|e| others.iter().all(|set| set.contains(&canonical(e)))))
    })
}

fn differences(args: &Args) -> Result<ArrayRef> {
    sets(args, |sets| {
        let Some((first, others)) = sets.split_first() else { return Vec::new() };
        let others: HashSet<_> = others.iter().flat_map(|set| keys(set)).collect();
        distinct(first.iter().copied().filter(|e| !others.contains(&canonical(e))))
    })
}
