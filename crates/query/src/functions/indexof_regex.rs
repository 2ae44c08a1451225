//! `indexof_regex(text, regex, [start], [length], [occurrence])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use regex::Regex;

use super::arguments::{constant_regex, padded};
use super::characters;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};
use crate::regexes;
use crate::typed::Typed;

pub(super) static INDEXOF_REGEX: Function = Function {
    name: "indexof_regex",
    summary: "The position at which a regular expression matches a text, counted from 0; -1 when it does not. \
              Matches do not overlap. Null when the start is negative, the length is below -1 or the \
              occurrence below 1.",
    params: &[
        Param::one("text", Accepts::Any),
        Param::one("regex", Accepts::Text),
        Param::optional("start", Accepts::Integer),
        Param::optional("length", Accepts::Integer),
        Param::optional("occurrence", Accepts::Integer),
    ],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print indexof_regex("abcabc", @"a.c")"#, result: "0" },
        Example { query: r#"print indexof_regex("abcabcdefg", @"a.c", 0, 9, 2)"#, result: "3" },
        Example { query: r#"print indexof_regex("abcabc", @"a.c", 1, -1, 2)"#, result: "-1" },
        Example { query: r#"print indexof_regex("ababaa", @"a.a", 0, -1, 2)"#, result: "-1" },
        Example { query: r#"print isnull(indexof_regex("abcabc", @"a|ab", -1))"#, result: "true" },
    ],
    lower: |_, args| {
        let args = padded(args, 3, Typed::long(0));
        let mut args = padded(padded(args, 4, Typed::long(-1)), 5, Typed::long(1));
        constant_regex(&args[1])?;
        args[0] = convert::to_text(args[0].clone());
        Ok(call("indexof_regex", Kind::Long, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns) = (args.texts(0)?, args.texts(1)?);
    let (starts, lengths, occurrences) = (args.longs(2)?, args.longs(3)?, args.longs(4)?);
    let regex = patterns.constant().and_then(|pattern| regexes::get(pattern).ok());
    Ok(long_rows(args.rows, |row| {
        let (start, length, occurrence) = (starts.get(row)?, lengths.get(row)?, occurrences.get(row)?);
        if start < 0 || length < -1 || occurrence < 1 {
            return None;
        }
        Some(find(texts.text(row), regex.as_ref()?, start, length, occurrence).unwrap_or(-1))
    }))
}

fn find(text: &str, regex: &Regex, start: i64, length: i64, occurrence: i64) -> Option<i64> {
    let (part, start) = characters::part(text, start, length)?;
    let found = regex.find_iter(part).nth(usize::try_from(occurrence - 1).ok()?)?;
    Some(start + i64::try_from(characters::count(&part[..found.start()])).ok()?)
}
