//! `indexof(text, lookup, [start], [length], [occurrence])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::padded;
use super::characters;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};
use crate::typed::Typed;

pub(super) static INDEXOF: Function = Function {
    name: "indexof",
    summary: "The position of a text in another, counted from 0; -1 when it is not there. Case counts.",
    params: &[
        Param::one("text", Accepts::Any),
        Param::one("lookup", Accepts::Any),
        Param::optional("start", Accepts::Integer),
        Param::optional("length", Accepts::Integer),
        Param::optional("occurrence", Accepts::Integer),
    ],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print indexof("cmd.exe /c dir", "/c")"#, result: "8" },
        Example { query: r#"print indexof("abcabc", "c", 3)"#, result: "5" },
        Example { query: r#"print indexof("abcabc", "c", 0, 2)"#, result: "-1" },
        Example { query: r#"print indexof("abcabc", "b", 0, -1, 2)"#, result: "4" },
        Example { query: r#"print indexof("abcabc", "b", -2)"#, result: "4" },
        Example { query: r#"print indexof("abc", "B")"#, result: "-1" },
    ],
    lower: |_, args| {
        let args = padded(args, 3, Typed::long(0));
        let args = padded(padded(args, 4, Typed::long(-1)), 5, Typed::long(1));
        let args = args.into_iter().enumerate();
        let args = args.map(|(at, arg)| if at < 2 { convert::to_text(arg) } else { arg }).collect();
        Ok(call("indexof", Kind::Long, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (texts, lookups) = (args.texts(0)?, args.texts(1)?);
    let (starts, lengths, occurrences) = (args.longs(2)?, args.longs(3)?, args.longs(4)?);
    Ok(long_rows(args.rows, |row| {
        let (length, occurrence) = (lengths.get(row)?, occurrences.get(row)?);
        if length < -1 || occurrence < 1 {
            return None;
        }
        let part = characters::part(texts.text(row), starts.get(row)?, length);
        let Some((part, start)) = part else { return Some(-1) };
        Some(find(part, lookups.text(row), occurrence).map_or(-1, |at| start + at))
    }))
}

/// The character at which a lookup occurs for the n-th time; occurrences may overlap.
fn find(text: &str, lookup: &str, occurrence: i64) -> Option<i64> {
    let mut from = 0;
    for left in (0..occurrence).rev() {
        let at = from + text.get(from..)?.find(lookup)?;
        if left == 0 {
            return i64::try_from(characters::count(&text[..at])).ok();
        }
        from = at + text[at..].chars().next()?.len_utf8();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn occurrences() {
        for (text, lookup, occurrence, expected) in [
            ("aaaa", "aa", 2, Some(1)),
            ("äbäb", "b", 2, Some(3)),
            ("abc", "", 1, Some(0)),
            ("", "", 1, Some(0)),
            ("", "", 2, None),
            ("ab", "c", 1, None),
        ] {
            assert_eq!(find(text, lookup, occurrence), expected, "{text} {lookup} {occurrence}");
        }
    }
}
