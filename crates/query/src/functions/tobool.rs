//! `tobool(value)`, `toboolean(value)`

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static TOBOOL: Function = Function {
    name: "tobool",
    summary: "The value as true or false: numbers are true unless 0, text is read in letters of any case.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "bool",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print tobool("TRUE")"#, result: "true" },
        Example { query: "print tobool(0)", result: "false" },
        Example { query: r#"print isnull(tobool("yes"))"#, result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::to_bool(value))
    },
};

pub(super) static TOBOOLEAN: Function =
    Function { name: "toboolean", summary: "Another name of tobool.", ..TOBOOL };
