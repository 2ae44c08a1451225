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
        let found = find(texts.text(row), lookups.text(row), starts.get(row)?, length, occurrence);
        Some(found.unwrap_or(-1))
    }))
}

/// The position at which a lookup occurs for the n-th time; occurrences may overlap. The search for each
/// occurrence looks at `length` characters behind the one before.
fn find(text: &str, lookup: &str, start: i64, length: i64, occurrence: i64) -> Option<i64> {
    let (rest, mut position) = characters::part(text, start, -1)?;
    let lookup_length = characters::count(lookup);
    let mut from = 0;
    for left in (0..occurrence).rev() {
        let at = from + rest.get(from..)?.find(lookup)?;
        let skipped = characters::count(&rest[from..at]);
        if usize::try_from(length).is_ok_and(|length| skipped + lookup_length > length) {
            return None;
        }
        position += i64::try_from(skipped).ok()?;
        if left == 0 {
            return Some(position);
        }
        from = at + rest[at..].chars().next()?.len_utf8();
        position += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn occurrences() {
        for (text, lookup, start, length, occurrence, expected) in [
            ("aaaa", "aa", 0, -1, 2, Some(1)),
            ("äbäb", "b", 0, -1, 2, Some(3)),
            ("abc", "", 0, -1, 1, Some(0)),
            ("", "", 0, -1, 1, Some(0)),
            ("", "", 0, -1, 2, None),
            ("ab", "", 0, -1, 3, Some(2)),
            ("ab", "c", 0, -1, 1, None),
            ("abcdefg", "cde", 1, 2, 1, None),
            ("abcdefg", "cde", -5, -1, 1, Some(2)),
            ("abcdefgabcdefg", "cde", 1, 10, 2, Some(9)),
            ("abcdefgabcdefg", "cde", 1, -1, 3, None),
            ("ab", "b", i64::MAX, -1, i64::MAX, None),
        ] {
            assert_eq!(
                find(text, lookup, start, length, occurrence),
                expected,
                "{text} {lookup} {occurrence}"
            );
        }
    }
}
