//! `format_datetime(time, format)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::literals::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND};
use model::Kind;

use super::arguments::constant_text;
use super::calendar::date;
use super::time_format::{Piece, parse, push_fraction, push_number};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static FORMAT_DATETIME: Function = Function {
    name: "format_datetime",
    summary: "A time as text in a format of your own, such as yyyy-MM-dd HH:mm:ss.fff.",
    params: &[Param::one("time", Accepts::DateTime), Param::one("format", Accepts::Text)],
    returns: "string",
    naming: Naming::FirstArgument,
    examples: &[
        Example {
            query: "print format_datetime(datetime(2024-05-06 07:08:09.1230), 'yy-M-dd [HH:mm:ss.fff]')",
            result: "24-5-06 [07:08:09.123]",
        },
        Example { query: "print format_datetime(datetime(2024-05-06 13:08), 'h:mm tt')", result: "1:08 PM" },
        Example { query: "print format_datetime(datetime(null), 'yyyy')", result: "" },
    ],
    lower: |_, args| {
        if let Some(format) = args.get(1) {
            parse(constant_text(format, "format")?, LETTERS)?;
        }
        Ok(call("format_datetime", Kind::String, rows, args))
    },
};

const LETTERS: &[(char, &[usize])] = &[
    ('d', &[1, 2]),
    ('f', &[1, 2, 3, 4, 5, 6, 7]),
    ('F', &[1, 2, 3, 4, 5, 6, 7]),
    ('h', &[1, 2]),
    ('H', &[1, 2]),
    ('m', &[1, 2]),
    ('M', &[1, 2]),
    ('s', &[1, 2]),
    ('t', &[1, 2]),
    ('y', &[1, 2, 4]),
];

fn rows(args: &Args) -> Result<ArrayRef> {
    let (times, formats) = (args.longs(0)?, args.texts(1)?);
    let pieces = formats.constant().and_then(|format| parse(format, LETTERS).ok()).unwrap_or_default();
    Ok(text_rows(args.rows, |row| Some(times.get(row).map(|time| format(time, &pieces)).unwrap_or_default())))
}

fn format(ticks: i64, pieces: &[Piece]) -> String {
    let (year, month, day) = date(ticks);
    let of_day = ticks.rem_euclid(TICKS_PER_DAY);
    let hour = of_day / TICKS_PER_HOUR;
    let mut out = String::new();
    for piece in pieces {
        match *piece {
            Piece::Delimiter(c) => out.push(c),
            Piece::Run('y', 4) => push_number(&mut out, year, 4),
            Piece::Run('y', count) => push_number(&mut out, year.rem_euclid(100), count),
            Piece::Run('M', count) => push_number(&mut out, month, count),
            Piece::Run('d', count) => push_number(&mut out, day, count),
            Piece::Run('H', count) => push_number(&mut out, hour, count),
            Piece::Run('h', count) => push_number(&mut out, (hour + 11) % 12 + 1, count),
            Piece::Run('m', count) => {
                push_number(&mut out, of_day % TICKS_PER_HOUR / TICKS_PER_MINUTE, count)
            }
            Piece::Run('s', count) => {
                push_number(&mut out, of_day % TICKS_PER_MINUTE / TICKS_PER_SECOND, count)
            }
            Piece::Run('t', count) => out.push_str(&if hour < 12 { "AM" } else { "PM" }[..count.min(2)]),
            Piece::Run(letter, count) => {
                push_fraction(&mut out, of_day % TICKS_PER_SECOND, count, letter == 'F');
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
        let ticks = model::Ticks::parse("0905-01-02T00:04:05.0450000Z").unwrap().0;
        for (pattern, expected) in [
            ("y yy yyyy", "5 05 0905"),
            ("M/MM,d/dd", "1/01,2/02"),
            ("h hh H HH t tt", "12 12 0 00 A AM"),
            ("m:mm s:ss", "4:04 5:05"),
            ("s.fff_s.F_s.FF_s.FFFFFFF", "5.045_5._5.04_5.045"),
        ] {
            assert_eq!(format(ticks, &parse(pattern, LETTERS).unwrap()), expected, "{pattern}");
        }
        for bad in ["", "yyy", "ddd", "dddd", "q", "MMM", "yyyy'T'", "é", "ffffffff"] {
            assert!(parse(bad, LETTERS).is_err(), "{bad}");
        }
    }
}
