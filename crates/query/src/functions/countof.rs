//! `countof(text, lookup, [kind])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::{constant_regex, constant_text};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};
use crate::regexes;

pub(super) static COUNTOF: Function = Function {
    name: "countof",
    summary: "How often a text occurs in another, overlaps included; with kind \"regex\", how often an \
              expression matches.",
    params: &[
        Param::one("text", Accepts::Text),
        Param::one("lookup", Accepts::Text),
        Param::optional("kind", Accepts::Text),
    ],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print countof("aaaa", "aa")"#, result: "3" },
        Example { query: r#"print countof("aaaa", "aa", "regex")"#, result: "2" },
        Example { query: r#"print countof("a1b22", @"\d+", "regex")"#, result: "2" },
        Example { query: r#"print countof("abc", "B")"#, result: "0" },
    ],
    lower: |_, mut args| {
        let kind = (args.len() > 2).then(|| args.pop()).flatten();
        match kind.as_ref().map(|kind| constant_text(kind, "kind")).transpose()? {
            None | Some("normal") => Ok(call("countof", Kind::Long, rows, args)),
            Some("regex") => {
                args.get(1).map(constant_regex).transpose()?;
                Ok(call("countof_regex", Kind::Long, regex_rows, args))
            }
            Some(other) => Err(format!("'{other}' is not a kind; valid are normal and regex")),
        }
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (texts, lookups) = (args.texts(0)?, args.texts(1)?);
    Ok(long_rows(args.rows, |row| Some(overlapping(texts.text(row), lookups.text(row)))))
}

fn overlapping(text: &str, lookup: &str) -> i64 {
    let Some(first) = lookup.chars().next() else { return 0 };
    let (mut count, mut from) = (0, 0);
    while let Some(at) = text[from..].find(lookup) {
        count += 1;
        from += at + first.len_utf8();
    }
    count
}

fn regex_rows(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns) = (args.texts(0)?, args.texts(1)?);
    let regex = patterns.constant().and_then(|pattern| regexes::get(pattern).ok());
    Ok(long_rows(args.rows, |row| i64::try_from(regex.as_ref()?.find_iter(texts.text(row)).count()).ok()))
}
