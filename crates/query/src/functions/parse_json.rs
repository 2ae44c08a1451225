//! `parse_json(text)`, `todynamic(text)`, `parsejson(text)`, `toobject(text)`

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static PARSE_JSON: Function = Function {
    name: "parse_json",
    summary: "The value that a JSON text holds. Text that is not JSON stays a string; empty text is null.",
    params: &[Param::one("text", Accepts::Any)],
    returns: "dynamic",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print parse_json('{"a": {"b": [1, 2]}}').a.b[1]"#, result: "2" },
        Example { query: r#"print parse_json('{ "a" : 1 }')"#, result: r#"{"a":1}"# },
        Example { query: r#"print parse_json("plain text")"#, result: "plain text" },
        Example { query: r#"print isnull(parse_json(""))"#, result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::parse_json(value))
    },
};

pub(super) static TODYNAMIC: Function =
    Function { name: "todynamic", summary: "Another name of parse_json.", ..PARSE_JSON };

pub(super) static PARSEJSON: Function =
    Function { name: "parsejson", summary: "Old spelling of parse_json.", ..PARSE_JSON };

pub(super) static TOOBJECT: Function =
    Function { name: "toobject", summary: "Old name of parse_json.", ..PARSE_JSON };
