//! `dynamic_to_json(value)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::Value;

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static DYNAMIC_TO_JSON: Function = Function {
    name: "dynamic_to_json",
    summary: "The value as JSON text with its keys sorted, so that equal values have equal text.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print dynamic_to_json(dynamic({"b": 1, "a": {"d": 2, "c": 3}}))"#,
            result: r#"{"a":{"c":3,"d":2},"b":1}"#,
        },
        Example { query: r#"print dynamic_to_json(dynamic("text"))"#, result: r#""text""# },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(call("dynamic_to_json", Kind::String, rows, vec![convert::to_dynamic(value)]))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let Some(json) = values.get(row) else { return Some(String::new()) };
        let Ok(mut value) = serde_json::from_str::<Value>(json) else { return Some(json.to_owned()) };
        value.sort_all_objects();
        Some(value.to_string())
    }))
}
