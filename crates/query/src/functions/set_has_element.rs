//! `set_has_element(set, value)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use super::arrays::{canonical, elements};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call};

pub(super) static SET_HAS_ELEMENT: Function = Function {
    name: "set_has_element",
    summary: "Whether an array has an element that equals the value; null when it is no array.",
    params: &[Param::one("set", Accepts::Dynamic), Param::one("value", Accepts::Any)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print set_has_element(dynamic(["a", 2]), 2)"#, result: "true" },
        Example { query: r#"print set_has_element(dynamic(["a", 2]), "A")"#, result: "false" },
        Example { query: r#"print set_has_element(dynamic([1]), "1")"#, result: "false" },
    ],
    lower: |_, args| {
        let [set, value] = exactly(args)?;
        Ok(call("set_has_element", Kind::Bool, rows, vec![set, convert::to_dynamic(value)]))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (sets, values) = (args.texts(0)?, args.texts(1)?);
    Ok(bool_rows(args.rows, |row| {
        let value = canonical(values.get(row).unwrap_or("null"));
        Some(elements(sets.get(row))?.into_iter().any(|element| canonical(element) == value))
    }))
}
