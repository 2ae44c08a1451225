//! `replace_strings(text, lookups, rewrites)`

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};
use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::elements;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::json;
use crate::kernel::{Args, TEXT_BYTES_MAX, call, text_rows, too_long};

pub(super) static REPLACE_STRINGS: Function = Function {
    name: "replace_strings",
    summary: "The text with every occurrence of one of some lookups replaced by the rewrite at the same \
              position. What was rewritten is not looked at again. Case counts.",
    params: &[
        Param::one("text", Accepts::Text),
        Param::one("lookups", Accepts::Dynamic),
        Param::one("rewrites", Accepts::Dynamic),
    ],
    returns: "string",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: r#"print replace_strings("a cat, a dog", dynamic(["cat", "dog"]), dynamic(["dog", "pig"]))"#,
            result: "a dog, a pig",
        },
        Example { query: r#"print replace_strings("abc", dynamic(["b"]), dynamic([""]))"#, result: "ac" },
    ],
    lower: |_, args| Ok(call("replace_strings", Kind::String, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (texts, lookups, rewrites) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
    let constant = match (lookups.constant(), rewrites.constant()) {
        (Some(lookups), Some(rewrites)) => Some(Replacer::of(Some(lookups), Some(rewrites))),
        _ => None,
    };
    Ok(text_rows(args.rows, |row| {
        let text = texts.text(row);
        let replaced = match &constant {
            Some(replacer) => replacer.replaced(text)?,
            None => Replacer::of(lookups.get(row), rewrites.get(row)).replaced(text)?.into_owned().into(),
        };
        Some(replaced.into_owned())
    }))
}

/// Lookups, prepared together, and their rewrites.
struct Replacer {
    lookups: Option<AhoCorasick>,
    rewrites: Vec<String>,
}

impl Replacer {
    /// Lookups without a rewrite, and empty ones, are left out.
    fn of(lookups: Option<&str>, rewrites: Option<&str>) -> Replacer {
        let texts = |array| elements(array).unwrap_or_default().into_iter().map(json::to_text);
        let pairs = texts(lookups).zip(texts(rewrites)).filter(|(lookup, _)| !lookup.is_empty());
        let (lookups, rewrites): (Vec<String>, Vec<String>) = pairs.unzip();
        let lookups = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(lookups).ok();
        Replacer { lookups, rewrites }
    }

    /// In one pass: what was rewritten is not looked at again. None when it becomes too long.
    fn replaced<'t>(&self, text: &'t str) -> Option<Cow<'t, str>> {
        let Some(lookups) = self.lookups.as_ref().filter(|lookups| lookups.is_match(text)) else {
            return Some(Cow::Borrowed(text));
        };
        let longest = self.rewrites.iter().map(String::len).max().unwrap_or(0);
        if text.len().saturating_mul(longest) > TEXT_BYTES_MAX {
            let length = |found: aho_corasick::Match| self.rewrites[found.pattern().as_usize()].len();
            if lookups.find_iter(text).map(length).sum::<usize>() > TEXT_BYTES_MAX {
                too_long();
                return None;
            }
        }
        Some(Cow::Owned(lookups.replace_all(text, &self.rewrites)))
    }
}
