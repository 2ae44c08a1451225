//! `todouble(value)`, `toreal(value)`

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static TODOUBLE: Function = Function {
    name: "todouble",
    summary: "The value as a real number. Null when it is no number.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "real",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print todouble("1e3")"#, result: "1000.0" },
        Example { query: r#"print isnull(todouble("x"))"#, result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::to_real(value))
    },
};

pub(super) static TOREAL: Function =
    Function { name: "toreal", summary: "Another name of todouble.", ..TODOUBLE };
