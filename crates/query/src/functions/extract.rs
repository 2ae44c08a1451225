//! `extract(regex, group, text, [kind])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::{constant_regex, constant_text};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;
use crate::{convert, regexes};

pub(super) static EXTRACT: Function = Function {
    name: "extract",
    summary: "What a group of a regular expression matches first; group 0 is the whole match.",
    params: &[
        Param::one("regex", Accepts::Text),
        Param::one("group", Accepts::Integer),
        Param::one("text", Accepts::Text),
        Param::optional("kind", Accepts::Text),
    ],
    returns: "string, or the kind named by typeof(...)",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print extract(@"user=(\w+)", 1, "id=4 user=ann")"#, result: "ann" },
        Example { query: r#"print extract(@"\d+", 0, "id=42 n=7")"#, result: "42" },
        Example { query: r#"print extract("x", 0, "no match")"#, result: "" },
        Example { query: r#"print extract(@"id=(\d+)", 1, "id=42", typeof(long)) + 1"#, result: "43" },
    ],
    lower: |_, mut args| {
        let kind = (args.len() > 3).then(|| args.pop()).flatten();
        let kind = kind.map(|kind| kind_named(constant_text(&kind, "kind")?)).transpose()?;
        if let Some(regex) = args.first() {
            constant_regex(regex)?;
        }
        let text = call("extract", Kind::String, rows, args);
        Ok(kind.map_or(text.clone(), |kind| text_as(text, kind)))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (patterns, groups, texts) = (args.texts(0)?, args.longs(1)?, args.texts(2)?);
    let regex = patterns.constant().and_then(|pattern| regexes::get(pattern).ok());
    let mut places = regex.as_ref().map(|regex| regex.capture_locations());
    Ok(text_rows(args.rows, |row| {
        let mut matched = || {
            let group = usize::try_from(groups.get(row)?).ok()?;
            let (regex, text) = (regex.as_ref()?, texts.text(row));
            if group == 0 {
                return Some(regex.find(text)?.as_str());
            }
            let places = places.as_mut()?;
            regex.captures_read(places, text)?;
            let (start, end) = places.get(group)?;
            text.get(start..end)
        };
        Some(matched().unwrap_or_default())
    }))
}

/// The kind that `typeof(...)` names.
pub(super) fn kind_named(name: &str) -> std::result::Result<Kind, String> {
    Ok(match name {
        "bool" | "boolean" => Kind::Bool,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "real" | "double" => Kind::Real,
        "decimal" => Kind::Decimal,
        "datetime" | "date" => Kind::DateTime,
        "timespan" | "time" => Kind::TimeSpan,
        "guid" => Kind::Guid,
        "string" => Kind::String,
        "dynamic" => Kind::Dynamic,
        _ => return Err(format!("'{name}' is not a type; use typeof(long), typeof(string), ...")),
    })
}

/// Text as another kind; as dynamic it is read as JSON.
pub(super) fn text_as(text: Typed, kind: Kind) -> Typed {
    if kind == Kind::Dynamic { convert::parse_json(text) } else { convert::to_kind(text, kind) }
}
