//! `treepath(value)`

use std::collections::HashSet;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::Value;

use super::arrays::{ELEMENTS_MAX, array_of_texts};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static TREEPATH: Function = Function {
    name: "treepath",
    summary: "The paths to every part of a dynamic value, as an array of texts. An array's elements are one \
              path, `[0]`.",
    params: &[Param::one("value", Accepts::Dynamic)],
    returns: "dynamic",
    naming: Naming::Prefixed,
    examples: &[
        Example {
            query: r#"print treepath(dynamic({"a": {"b": 1}, "c": [1, 2]}))"#,
            result: r#"["['a']","['a']['b']","['c']","['c'][0]"]"#,
        },
        Example { query: "print isnull(treepath(dynamic(5)))", result: "true" },
    ],
    lower: |_, args| Ok(call("treepath", Kind::Dynamic, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = args.texts(0)?;
    Ok(text_rows(args.rows, |row| {
        let value: Value = serde_json::from_str(values.get(row)?).ok()?;
        if !value.is_object() && !value.is_array() {
            return None;
        }
        let mut paths = Paths::default();
        walk(&value, &mut String::new(), &mut paths);
        Some(array_of_texts(paths.ordered))
    }))
}

/// Paths in the order they were met, each once.
#[derive(Default)]
struct Paths {
    ordered: Vec<String>,
    seen: HashSet<String>,
}

/// Appends the paths below `path`. How deep a value goes is bounded where it is parsed.
fn walk(value: &Value, path: &mut String, paths: &mut Paths) {
    let length = path.len();
    let mut below = |step: String, inner: &Value, paths: &mut Paths| {
        path.push_str(&step);
        if paths.ordered.len() < ELEMENTS_MAX && paths.seen.insert(path.clone()) {
            paths.ordered.push(path.clone());
        }
        walk(inner, path, paths);
        path.truncate(length);
    };
    match value {
        Value::Object(bag) => {
            for (key, inner) in bag {
                below(format!("['{key}']"), inner, paths);
            }
        }
        Value::Array(elements) => {
            for inner in elements {
                below("[0]".to_owned(), inner, paths);
            }
        }
        _ => {}
    }
}
