//! `format_timespan(span, format)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::literals::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND};
use model::Kind;

use super::arguments::constant_text;
use super::time_format::{Piece, parse, push_fraction, push_number};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static FORMAT_TIMESPAN: Function = Function {
    name: "format_timespan",
    summary: "A time span as text in a format of your own, such as d.hh:mm:ss.",
    params: &[Param::one("span", Accepts::TimeSpan), Param::one("format", Accepts::Text)],
    returns: "string",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print format_timespan(3d + 90m, 'd.hh:mm')", result: "3.01:30" },
        Example { query: "print format_timespan(1500ms, 'ddd ss.fff')", result: "000 01.500" },
        Example { query: "print format_timespan(timespan(null), 'hh')", result: "" },
    ],
    lower: |_, args| {
        if let Some(format) = args.get(1) {
            parse(constant_text(format, "format")?, LETTERS)?;
        }
        Ok(call("format_timespan", Kind::String, rows, args))
    },
};

const LETTERS: &[(char, &[usize])] = &[
    ('d', &[1, 2, 3, 4, 5, 6, 7, 8]),
    ('f', &[1, 2, 3, 4, 5, 6, 7]),
    ('F', &[1, 2, 3, 4, 5, 6, 7]),
    ('h', &[1, 2]),
    ('H', &[1, 2]),
    ('m', &[1, 2]),
    ('s', &[1, 2]),
];

fn rows(args: &Args) -> Result<ArrayRef> {
    let (spans, formats) = (args.longs(0)?, args.texts(1)?);
    let pieces = formats.constant().and_then(|format| parse(format, LETTERS).ok()).unwrap_or_default();
    Ok(text_rows(args.rows, |row| Some(spans.get(row).map(|span| format(span, &pieces)).unwrap_or_default())))
}

fn format(span: i64, pieces: &[Piece]) -> String {
    let mut out = String::from(if span < 0 { "-" } else { "" });
    // Of the shortest span, one tick is lost.
    let ticks = span.saturating_abs();
    for piece in pieces {
        match *piece {
            Piece::Delimiter(c) => out.push(c),
            Piece::Run('d', count) => push_number(&mut out, ticks / TICKS_PER_DAY, count),
            Piece::Run('h' | 'H', count) => {
                push_number(&mut out, ticks % TICKS_PER_DAY / TICKS_PER_HOUR, count)
            }
            Piece::Run('m', count) => push_number(&mut out, ticks % TICKS_PER_HOUR / TICKS_PER_MINUTE, count),
            Piece::Run('s', count) => {
                push_number(&mut out, ticks % TICKS_PER_MINUTE / TICKS_PER_SECOND, count)
            }
            Piece::Run(letter, count) => {
                push_fraction(&mut out, ticks % TICKS_PER_SECOND, count, letter == 'F')
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats() {
        let span = kql::literals::parse_timespan("29.09:00:05.12345").unwrap();
        for (span, pattern, expected) in [
            (span, "dd.hh:mm:ss:FF", "29.09:00:05:12"),
            (span, "ddd.h:mm:ss [fffffff]", "029.9:00:05 [1234500]"),
            (-span, "d", "-29"),
            (i64::MIN, "d", "-10675199"),
        ] {
            assert_eq!(format(span, &parse(pattern, LETTERS).unwrap()), expected, "{pattern}");
        }
        assert!(parse("yyyy", LETTERS).is_err());
    }
}
