//! `bag_has_key(bag, key)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::json_path::{Key, parse};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::json;
use crate::kernel::{Args, bool_rows, call};

pub(super) static BAG_HAS_KEY: Function = Function {
    name: "bag_has_key",
    summary: "Whether a bag has a key. A key that starts with `$.` is a path into it.",
    params: &[Param::one("bag", Accepts::Dynamic), Param::one("key", Accepts::Text)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print bag_has_key(dynamic({"a": null}), "a")"#, result: "true" },
        Example { query: r#"print bag_has_key(dynamic({"a": {"b": 1}}), "$.a.b")"#, result: "true" },
        Example { query: r#"print bag_has_key(dynamic({"a": 1}), "A")"#, result: "false" },
        Example { query: r#"print isnull(bag_has_key(dynamic([1]), "a"))"#, result: "true" },
    ],
    lower: |_, args| Ok(call("bag_has_key", Kind::Bool, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (bags, keys) = (args.texts(0)?, args.texts(1)?);
    Ok(bool_rows(args.rows, |row| {
        let bag = bags.get(row).filter(|bag| bag.trim_start().starts_with('{'))?;
        let key = keys.text(row);
        let path = key.starts_with("$.").then(|| parse(key)).flatten();
        let path = path.unwrap_or_else(|| vec![Key::Name(key.to_owned())]);
        let steps: Vec<json::Step> = path.iter().map(Key::step).collect();
        Some(json::find(bag, &steps).is_some())
    }))
}
