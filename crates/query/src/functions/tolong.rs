//! `tolong(value)`

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static TOLONG: Function = Function {
    name: "tolong",
    summary: "The value as a 64-bit number; a fraction is cut off. Null when it is no number.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "long",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print tolong("0x1F")"#, result: "31" },
        Example { query: r#"print tolong(dynamic({"n": 7}).n)"#, result: "7" },
        Example { query: r#"print isnull(tolong(""))"#, result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::to_long(value))
    },
};
