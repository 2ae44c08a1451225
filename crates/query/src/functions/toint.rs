//! `toint(value)`

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static TOINT: Function = Function {
    name: "toint",
    summary: "The value as a 32-bit number; a fraction is cut off. Null when it is no number or too large.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "int",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print toint("42")"#, result: "42" },
        Example { query: "print toint(-2.9)", result: "-2" },
        Example { query: r#"print isnull(toint("4294967296"))"#, result: "true" },
        Example { query: r#"print isnull(toint("many"))"#, result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::to_int(value))
    },
};
