//! `bag_merge(bag, ...)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::Value;

use super::arrays::bag;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static BAG_MERGE: Function = Function {
    name: "bag_merge",
    summary: "One bag of the keys of all; of a key that several have, the first value. Nulls are left out.",
    params: &[Param::rest("bag", Accepts::Dynamic, 1, 64)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print bag_merge(dynamic({"a": 1}), dynamic({"a": 2, "b": 3}))"#,
            result: r#"{"a":1,"b":3}"#,
        },
        Example { query: r#"print bag_merge(dynamic(null), dynamic({"b": 3}))"#, result: r#"{"b":3}"# },
    ],
    lower: |_, args| Ok(call("bag_merge", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let bags = (0..args.len()).map(|at| args.texts(at)).collect::<Result<Vec<_>>>()?;
    Ok(text_rows(args.rows, |row| {
        let mut given = bags.iter().filter(|bag| bag.get(row).is_some());
        let mut merged = bag(given.next()?.get(row))?;
        for next in given {
            for (key, value) in bag(next.get(row))? {
                merged.entry(key).or_insert(value);
            }
        }
        Some(Value::Object(merged).to_string())
    }))
}
