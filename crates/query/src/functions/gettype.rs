//! `gettype(value)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static GETTYPE: Function = Function {
    name: "gettype",
    summary: "The name of a value's type; of a dynamic, that of what it holds: array, dictionary, null...",
    params: &[Param::one("value", Accepts::Any)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print gettype(1h)", result: "timespan" },
        Example { query: "print gettype(dynamic([1]))", result: "array" },
        Example { query: r#"print gettype(parse_json('{"a": 1.5}').a)"#, result: "double" },
        Example { query: r#"print gettype(parse_json(""))"#, result: "null" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(match value.kind {
            Kind::Dynamic => call("gettype", Kind::String, rows, vec![value]),
            kind => Typed::text(kind.name()),
        })
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(name_of(values.get(row).unwrap_or("null")))))
}

fn name_of(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'[') => "array",
        Some(b'{') => "dictionary",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        Some(b'n') | None => "null",
        _ if json.parse::<i64>().is_ok() => "long",
        _ => "double",
    }
}
