//! `tostring(value)`

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static TOSTRING: Function = Function {
    name: "tostring",
    summary: "The value as text. Null becomes empty text, an array or bag compact JSON.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "string",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print tostring(1.5h)", result: "01:30:00" },
        Example { query: r#"print tostring(dynamic({"a": [1, "b"]}))"#, result: r#"{"a":[1,"b"]}"# },
        Example { query: r#"print tostring(dynamic("bare"))"#, result: "bare" },
        Example { query: "print isempty(tostring(long(null)))", result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::to_text(value))
    },
};
