//! `bag_remove_keys(bag, keys)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::{Map, Value};

use super::arrays::{bag, elements};
use super::json_path::{Key, parse};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::json;
use crate::kernel::{Args, call, text_rows};

pub(super) static BAG_REMOVE_KEYS: Function = Function {
    name: "bag_remove_keys",
    summary: "A bag without some keys. A key that starts with `$.` is a path into it.",
    params: &[Param::one("bag", Accepts::Dynamic), Param::one("keys", Accepts::Dynamic)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print bag_remove_keys(dynamic({"a": 1, "b": 2}), dynamic(["b", "c"]))"#,
            result: r#"{"a":1}"#,
        },
        Example {
            query: r#"print bag_remove_keys(dynamic({"a": {"x": 1, "y": 2}}), dynamic(["$.a.x"]))"#,
            result: r#"{"a":{"y":2}}"#,
        },
    ],
    lower: |_, args| Ok(call("bag_remove_keys", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (bags, keys) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let mut bag = bag(bags.get(row))?;
        for key in elements(keys.get(row))? {
            let key = json::to_text(key);
            match key.starts_with("$.").then(|| parse(&key)).flatten() {
                Some(path) => remove(&mut bag, &path),
                None => {
                    bag.shift_remove(&key);
                }
            }
        }
        Some(Value::Object(bag).to_string())
    }))
}

fn remove(bag: &mut Map<String, Value>, path: &[Key]) {
    let Some((Key::Name(last), steps)) = path.split_last() else { return };
    let mut inside = bag;
    for step in steps {
        let Key::Name(name) = step else { return };
        let Some(Value::Object(next)) = inside.get_mut(name) else { return };
        inside = next;
    }
    inside.shift_remove(last);
}
