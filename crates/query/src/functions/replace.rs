//! `replace_string(text, lookup, rewrite)`, `replace_regex(text, regex, rewrite)`, `replace(regex, rewrite,
//! text)`

use std::borrow::Cow;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use regex::Regex;

use super::arguments::{constant_regex, exactly};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, TEXT_BYTES_MAX, call, text_rows, too_long};
use crate::regexes;

pub(super) static REPLACE_STRING: Function = Function {
    name: "replace_string",
    summary: "The text with every occurrence of a lookup replaced. Case counts.",
    params: &[
        Param::one("text", Accepts::Text),
        Param::one("lookup", Accepts::Text),
        Param::one("rewrite", Accepts::Text),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print replace_string("a.b.c", ".", "-")"#, result: "a-b-c" },
        Example { query: r#"print replace_string("abc", "", "-")"#, result: "abc" },
    ],
    lower: |_, args| Ok(call("replace_string", Kind::String, string_rows, args)),
};

pub(super) static REPLACE_REGEX: Function = Function {
    name: "replace_regex",
    summary: r"The text with every match of an expression replaced; \1 stands for group 1, \0 for the match.",
    params: &[
        Param::one("text", Accepts::Text),
        Param::one("regex", Accepts::Text),
        Param::one("rewrite", Accepts::Text),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print replace_regex("id 42, id 7", @"id (\d+)", @"no. \1")"#,
            result: "no. 42, no. 7",
        },
        Example { query: r#"print replace_regex("cost", "cost", @"$1 \0 \\")"#, result: r"$1 cost \" },
    ],
    lower: |_, args| {
        let [text, regex, rewrite] = exactly(args)?;
        constant_regex(&regex)?;
        Ok(call("replace_regex", Kind::String, regex_rows, vec![text, regex, rewrite]))
    },
};

pub(super) static REPLACE: Function = Function {
    name: "replace",
    summary: "Old name of replace_regex, with its arguments in another order.",
    params: &[
        Param::one("regex", Accepts::Text),
        Param::one("rewrite", Accepts::Text),
        Param::one("text", Accepts::Text),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[Example { query: r#"print replace(@"(\w+)@\w+", @"\1", "ann@contoso")"#, result: "ann" }],
    lower: |_, args| {
        let [regex, rewrite, text] = exactly(args)?;
        constant_regex(&regex)?;
        Ok(call("replace_regex", Kind::String, regex_rows, vec![text, regex, rewrite]))
    },
};

fn string_rows(args: &Args) -> Result<ArrayRef> {
    let (texts, lookups, rewrites) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
    Ok(text_rows(args.rows, |row| match lookups.text(row) {
        "" => Some(Cow::Borrowed(texts.text(row))),
        lookup if !texts.text(row).contains(lookup) => Some(Cow::Borrowed(texts.text(row))),
        lookup => {
            let (text, rewrite) = (texts.text(row), rewrites.text(row));
            let found = text.matches(lookup).count();
            if found.saturating_mul(rewrite.len()) > TEXT_BYTES_MAX {
                too_long();
                return None;
            }
            Some(Cow::Owned(text.replace(lookup, rewrite)))
        }
    }))
}

fn regex_rows(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns, rewrites) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
    let regex = patterns.constant().and_then(|pattern| regexes::get(pattern).ok());
    let rewrite = rewrites.constant().map(template);
    Ok(text_rows(args.rows, |row| {
        let Some(regex) = &regex else { return Some(Cow::Borrowed("")) };
        match &rewrite {
            Some(rewrite) => replaced(regex, texts.text(row), rewrite),
            None => replaced(regex, texts.text(row), &template(rewrites.text(row))),
        }
    }))
}

/// A rewrite with `\1` as one with `${1}`.
/// Every match replaced, as long as the text does not become too long.
fn replaced<'t>(regex: &Regex, text: &'t str, template: &str) -> Option<Cow<'t, str>> {
    // All matches together are no longer than the text, and a group no longer than its match.
    let groups = template.matches("${").count();
    let length = |matches: usize| {
        matches.saturating_mul(template.len()).saturating_add(groups.saturating_mul(text.len()))
    };
    if length(text.len() + 1) > TEXT_BYTES_MAX && length(regex.find_iter(text).count()) > TEXT_BYTES_MAX {
        too_long();
        return None;
    }
    Some(regex.replace_all(text, template))
}

fn template(rewrite: &str) -> String {
    let mut template = String::with_capacity(rewrite.len());
    let mut rest = rewrite.chars();
    while let Some(c) = rest.next() {
        match c {
            '$' => template.push_str("$$"),
            '\\' => match rest.next() {
                Some(digit) if digit.is_ascii_digit() => {
                    template.push_str("${");
                    template.push(digit);
                    template.push('}');
                }
                Some('$') => template.push_str("$$"),
                Some(other) => template.push(other),
                None => template.push('\\'),
            },
            c => template.push(c),
        }
    }
    template
}
