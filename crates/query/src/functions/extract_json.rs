//! `extract_json(path, text, [kind])`, `extractjson(path, text, [kind])`

use super::arguments::constant_text;
use super::extract::kind_named;
use super::json_path::{Key, parse};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::typed::Typed;
use model::Kind;

pub(super) static EXTRACT_JSON: Function = Function {
    name: "extract_json",
    summary: "The part of a JSON text that a path such as `$.a.b[0]` leads to.",
    params: &[
        Param::one("path", Accepts::Text),
        Param::one("text", Accepts::Text),
        Param::optional("kind", Accepts::Text),
    ],
    returns: "string, or the kind named by typeof(...)",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print extract_json("$.a[1].b", '{"a": [0, {"b": "x"}]}')"#, result: "x" },
        Example { query: r#"print extract_json("$['p q']", '{"p q": 5}', typeof(long)) + 1"#, result: "6" },
        Example { query: r#"print extract_json("$.missing", '{"a": 1}')"#, result: "" },
    ],
    lower: |_, mut args| {
        let kind = (args.len() > 2).then(|| args.pop()).flatten();
        let kind = kind.map(|kind| kind_named(constant_text(&kind, "kind")?)).transpose()?;
        let [path, text] = super::arguments::exactly(args)?;
        let path = constant_text(&path, "path")?;
        let keys = parse(path).ok_or_else(|| format!("'{path}' is not a path such as $.a.b[0] or $['a']"))?;
        let keys: Vec<Typed> = keys
            .into_iter()
            .map(|key| match key {
                Key::Name(name) => Typed::text(name),
                Key::Index(index) => Typed::long(index),
            })
            .collect();
        // Looking into text needs no full parse of it; only the whole of it does.
        let part = match keys.is_empty() {
            true => convert::parse_json(text),
            false => convert::path(Typed::new(text.expr, Kind::Dynamic), keys),
        };
        Ok(convert::to_kind(part, kind.unwrap_or(Kind::String)))
    },
};

pub(super) static EXTRACTJSON: Function =
    Function { name: "extractjson", summary: "Old spelling of extract_json.", ..EXTRACT_JSON };
