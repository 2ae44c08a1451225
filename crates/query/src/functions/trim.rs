//! `trim(regex, text)`, `trim_start(regex, text)`, `trim_end(regex, text)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use regex::Regex;

use super::arguments::constant_regex;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::regexes;
use crate::typed::Typed;

pub(super) static TRIM: Function = Function {
    name: "trim",
    summary: "The text without all that a regular expression matches at its start and its end.",
    params: &[Param::one("regex", Accepts::Text), Param::one("text", Accepts::Text)],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print trim(@"\s", "  a b  ")"#, result: "a b" },
        Example { query: r#"print trim('"', '"quoted"')"#, result: "quoted" },
        Example { query: r#"print trim(@"[^\w]+", "--a-b--")"#, result: "a-b" },
    ],
    lower: |_, args| Ok(call("trim", Kind::String, both, checked(args)?)),
};

pub(super) static TRIM_START: Function = Function {
    name: "trim_start",
    summary: "The text without all that a regular expression matches at its start.",
    examples: &[Example {
        query: r#"print trim_start("https?://", "https://contoso.com")"#,
        result: "contoso.com",
    }],
    lower: |_, args| Ok(call("trim_start", Kind::String, starts, checked(args)?)),
    ..TRIM
};

pub(super) static TRIM_END: Function = Function {
    name: "trim_end",
    summary: "The text without all that a regular expression matches at its end.",
    examples: &[Example { query: r#"print trim_end("0", "1.500")"#, result: "1.5" }],
    lower: |_, args| Ok(call("trim_end", Kind::String, ends, checked(args)?)),
    ..TRIM
};

fn checked(args: Vec<Typed>) -> std::result::Result<Vec<Typed>, String> {
    if let Some(regex) = args.first() {
        let pattern = constant_regex(regex)?;
        for anchored in [at_start(pattern), at_end(pattern)] {
            regexes::get(&anchored)
                .map_err(|error| format!("the regular expression is not valid: {error}"))?;
        }
    }
    Ok(args)
}

fn at_start(pattern: &str) -> String {
    format!(r"\A(?:{pattern})+")
}

fn at_end(pattern: &str) -> String {
    format!(r"(?:{pattern})+\z")
}

fn both(args: &Args) -> Result<ArrayRef> {
    trimmed(args, true, true)
}

fn starts(args: &Args) -> Result<ArrayRef> {
    trimmed(args, true, false)
}

fn ends(args: &Args) -> Result<ArrayRef> {
    trimmed(args, false, true)
}

fn trimmed(args: &Args, at_its_start: bool, at_its_end: bool) -> Result<ArrayRef> {
    let (patterns, texts) = (args.texts(0)?, args.texts(1)?);
    let compiled = |wanted: bool, anchored: fn(&str) -> String| {
        patterns.constant().filter(|_| wanted).and_then(|pattern| regexes::get(&anchored(pattern)).ok())
    };
    let (start, end) = (compiled(at_its_start, at_start), compiled(at_its_end, at_end));
    Ok(text_rows(args.rows, |row| Some(trim(texts.text(row), start.as_ref(), end.as_ref()))))
}

fn trim<'t>(text: &'t str, start: Option<&Regex>, end: Option<&Regex>) -> &'t str {
    let text = match start.and_then(|start| start.find(text)) {
        Some(found) => &text[found.end()..],
        None => text,
    };
    match end.and_then(|end| end.find(text)) {
        Some(found) => &text[..found.start()],
        None => text,
    }
}
