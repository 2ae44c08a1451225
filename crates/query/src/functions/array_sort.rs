//! `array_sort_asc(array, ..., [nulls_last])`, `array_sort_desc(array, ..., [nulls_last])`

use std::cmp::Ordering;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::arrays::{array_of, elements};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::json;
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static ARRAY_SORT_ASC: Function = Function {
    name: "array_sort_asc",
    summary: "An array with its elements from the least to the greatest. Further arrays are put into the \
              same order, and the result is an array of all of them.",
    params: &[Param::rest("array, ..., [nulls_last]", Accepts::Any, 1, 65)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print array_sort_asc(dynamic([10, null, 9, 1]))", result: "[1,9,10,null]" },
        Example { query: "print array_sort_asc(dynamic([2, null, 1]), false)", result: "[null,1,2]" },
        Example {
            query: r#"print array_sort_asc(dynamic([3, 1, 2]), dynamic(["c", "a", "b"]))[1]"#,
            result: r#"["a","b","c"]"#,
        },
        Example { query: r#"print array_sort_asc(dynamic(["b", "a", 5]))"#, result: r#"[5,"a","b"]"# },
    ],
    lower: |_, args| Ok(call("array_sort_asc", Kind::Dynamic, ascending, checked(args)?)),
};

pub(super) static ARRAY_SORT_DESC: Function = Function {
    name: "array_sort_desc",
    summary: "An array with its elements from the greatest to the least. Further arrays are put into the \
              same order, and the result is an array of all of them.",
    examples: &[
        Example {
            query: r#"print array_sort_desc(dynamic(["a", "c", null, "b"]))"#,
            result: r#"["c","b","a",null]"#,
        },
        Example { query: "print array_sort_desc(dynamic([2, null, 3]), false)", result: "[null,3,2]" },
    ],
    lower: |_, args| Ok(call("array_sort_desc", Kind::Dynamic, descending, checked(args)?)),
    ..ARRAY_SORT_ASC
};

/// Where nulls go, then the arrays.
fn checked(mut args: Vec<Typed>) -> std::result::Result<Vec<Typed>, String> {
    let nulls_last = match args.pop() {
        Some(last) if last.kind == Kind::Bool && !args.is_empty() => last,
        Some(array) => {
            args.push(array);
            Typed::bool(true)
        }
        None => return Err("an array is missing".to_owned()),
    };
    let mut taken = vec![nulls_last];
    for arg in args {
        let kind = arg.kind;
        let array = Accepts::Dynamic.take(arg);
        taken.push(array.ok_or_else(|| format!("takes arrays and then a bool, not a {}", kind.name()))?);
    }
    Ok(taken)
}

fn ascending(args: &Args) -> Result<ArrayRef> {
    sorted(args, false)
}

fn descending(args: &Args) -> Result<ArrayRef> {
    sorted(args, true)
}

fn sorted(args: &Args, is_descending: bool) -> Result<ArrayRef> {
    let nulls_last = args.bools(0)?;
    let arrays = (1..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let first = elements(arrays.first()?.get(row))?;
        let nulls_last = !nulls_last.is_valid(row) || nulls_last.value(row);
        let order = order(&first, is_descending, nulls_last);
        let ordered = |elements: Vec<&str>| array_of(order.iter().map(|at| elements[*at]));
        if arrays.len() == 1 {
            return Some(ordered(first));
        }
        Some(array_of(arrays.iter().map(|array| match elements(array.get(row)) {
            Some(elements) if elements.len() == order.len() => ordered(elements),
            _ => "null".to_owned(),
        })))
    }))
}

/// Positions of elements in the order of their values.
fn order(elements: &[&str], is_descending: bool, nulls_last: bool) -> Vec<usize> {
    let keys: Vec<Option<SortKey>> = elements.iter().map(|element| SortKey::of(element)).collect();
    let mut order: Vec<usize> = (0..elements.len()).collect();
    order.sort_by(|left, right| match (&keys[*left], &keys[*right]) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) if nulls_last => Ordering::Greater,
        (None, Some(_)) => Ordering::Less,
        (Some(_), None) if nulls_last => Ordering::Less,
        (Some(_), None) => Ordering::Greater,
        (Some(left), Some(right)) if is_descending => right.compare(left),
        (Some(left), Some(right)) => left.compare(right),
    });
    order
}

/// What an element is ordered by: numbers come before texts, and texts before everything else.
enum SortKey<'e> {
    Number(f64),
    Text(String),
    Other(&'e str),
}

impl SortKey<'_> {
    /// The key of an element; `None` of null.
    fn of(element: &str) -> Option<SortKey<'_>> {
        match element.as_bytes().first() {
            Some(b'n') => None,
            Some(b'"') => Some(SortKey::Text(json::to_text(element))),
            _ => Some(element.parse().map_or(SortKey::Other(element), SortKey::Number)),
        }
    }

    fn compare(&self, other: &SortKey) -> Ordering {
        match (self, other) {
            (SortKey::Number(left), SortKey::Number(right)) => left.total_cmp(right),
            (SortKey::Text(left), SortKey::Text(right)) => left.cmp(right),
            (SortKey::Other(left), SortKey::Other(right)) => left.cmp(right),
            (left, right) => left.rank().cmp(&right.rank()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            SortKey::Number(_) => 0,
            SortKey::Text(_) => 1,
            SortKey::Other(_) => 2,
        }
    }
}
