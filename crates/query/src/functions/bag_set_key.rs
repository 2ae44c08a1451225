//! `bag_set_key(bag, key, value)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::{Map, Value};

use super::arguments::exactly;
use super::arrays::bag;
use super::json_path::{Key, parse};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static BAG_SET_KEY: Function = Function {
    name: "bag_set_key",
    summary: "A bag with a property set, which may be a path such as `$.a.b`; bags on the way are made. Null \
              where the first argument is no bag.",
    params: &[
        Param::one("bag", Accepts::Dynamic),
        Param::one("key", Accepts::Text),
        Param::one("value", Accepts::Any),
    ],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print bag_set_key(dynamic({"a": 1}), "b", 2)"#, result: r#"{"a":1,"b":2}"# },
        Example {
            query: r#"print bag_set_key(dynamic({"a": {"x": 1, "y": 2}}), "$.a.x", "z")"#,
            result: r#"{"a":{"x":"z","y":2}}"#,
        },
        Example {
            query: r#"print bag_set_key(dynamic({}), "$.a['b']", true)"#,
            result: r#"{"a":{"b":true}}"#,
        },
        Example { query: r#"print isnull(bag_set_key(dynamic([1]), "a", 1))"#, result: "true" },
    ],
    lower: |_, args| {
        let [bag, key, value] = exactly(args)?;
        Ok(call("bag_set_key", Kind::Dynamic, rows, vec![bag, key, convert::to_dynamic(value)]))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (bags, keys, values) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
    let constant = keys.constant().map(steps);
    Ok(text_rows(args.rows, |row| {
        let mut bag = bag(bags.get(row))?;
        let value = values.get(row).and_then(|json| serde_json::from_str(json).ok()).unwrap_or(Value::Null);
        match &constant {
            Some(steps) => set(&mut bag, steps.as_deref()?, value),
            None => set(&mut bag, &steps(keys.text(row))?, value),
        }
        Some(Value::Object(bag).to_string())
    }))
}

/// What leads to a property: a path's names, or the key itself. `None` when the path goes through an array.
fn steps(key: &str) -> Option<Vec<Key>> {
    if !key.starts_with("$.") && !key.starts_with("$[") {
        return Some(vec![Key::Name(key.to_owned())]);
    }
    let path = parse(key)?;
    path.iter().all(|step| matches!(step, Key::Name(_))).then_some(path)
}

fn set(bag: &mut Map<String, Value>, steps: &[Key], value: Value) {
    match steps {
        [Key::Name(last)] => {
            bag.insert(last.clone(), value);
        }
        [Key::Name(first), rest @ ..] => {
            let inner = bag.entry(first.clone()).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
        _ => {}
    }
}
