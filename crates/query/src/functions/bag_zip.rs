//! `bag_zip(keys, values)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::{Map, Value};

use super::arrays::elements;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static BAG_ZIP: Function = Function {
    name: "bag_zip",
    summary: "A bag of keys from one array and values from another. Keys that are no strings are left out \
              with their values; keys without a value have null. Null where the keys are no array.",
    params: &[Param::one("keys", Accepts::Dynamic), Param::one("values", Accepts::Dynamic)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print bag_zip(dynamic(["a", "b", "c"]), dynamic([1, "2"]))"#,
            result: r#"{"a":1,"b":"2","c":null}"#,
        },
        Example {
            query: r#"print bag_zip(dynamic(["a", 8, "b"]), dynamic([1, 2, 3]))"#,
            result: r#"{"a":1,"b":3}"#,
        },
        Example { query: r#"print isnull(bag_zip(dynamic("a"), dynamic([1])))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("bag_zip", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (keys, values) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let keys = elements(keys.get(row))?;
        let values = elements(values.get(row)).unwrap_or_default();
        let mut bag = Map::new();
        for (at, key) in keys.into_iter().enumerate() {
            let Ok(Value::String(key)) = serde_json::from_str(key) else { continue };
            let value = values.get(at).and_then(|json| serde_json::from_str(json).ok());
            bag.insert(key, value.unwrap_or(Value::Null));
        }
        Some(Value::Object(bag).to_string())
    }))
}
