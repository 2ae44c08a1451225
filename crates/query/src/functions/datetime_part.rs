//! `datetime_part(part, time)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::literals::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MILLISECOND, TICKS_PER_MINUTE, TICKS_PER_SECOND,
};
use model::Kind;

use super::arguments::constant_text;
use super::calendar::{date, day_of_year, week_of_year};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, int_rows};

pub(super) static DATETIME_PART: Function = Function {
    name: "datetime_part",
    summary: "One part of a time as a number.",
    params: &[Param::one("part", Accepts::Text), Param::one("time", Accepts::DateTime)],
    returns: "int",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print datetime_part('month', datetime(2024-05-06))", result: "5" },
        Example { query: "print datetime_part('week_of_year', datetime(2024-12-30))", result: "1" },
        Example {
            query: "print datetime_part('microsecond', datetime(2024-05-06 07:08:09.1234567))",
            result: "123456",
        },
    ],
    lower: |_, args| {
        if let Some(part) = args.first() {
            let name = constant_text(part, "part")?;
            find(name).ok_or_else(|| {
                let known: Vec<&str> = PARTS.iter().map(|(known, _)| *known).collect();
                format!("'{name}' is not a part of a time; valid are {}", known.join(", "))
            })?;
        }
        Ok(call("datetime_part", Kind::Int, rows, args))
    },
};

pub(super) static DATEPART: Function =
    Function { name: "datepart", summary: "Old name of datetime_part.", ..DATETIME_PART };

type Part = fn(i64) -> Option<i64>;

const PARTS: &[(&str, Part)] = &[
    ("year", |ticks| Some(date(ticks).0)),
    ("quarter", |ticks| Some((date(ticks).1 + 2) / 3)),
    ("month", |ticks| Some(date(ticks).1)),
    ("week_of_year", week_of_year),
    ("day", |ticks| Some(date(ticks).2)),
    ("dayOfYear", day_of_year),
    ("hour", |ticks| Some(ticks.rem_euclid(TICKS_PER_DAY) / TICKS_PER_HOUR)),
    ("minute", |ticks| Some(ticks.rem_euclid(TICKS_PER_HOUR) / TICKS_PER_MINUTE)),
    ("second", |ticks| Some(ticks.rem_euclid(TICKS_PER_MINUTE) / TICKS_PER_SECOND)),
    ("millisecond", |ticks| Some(ticks.rem_euclid(TICKS_PER_SECOND) / TICKS_PER_MILLISECOND)),
    ("microsecond", |ticks| Some(ticks.rem_euclid(TICKS_PER_SECOND) / 10)),
    ("nanosecond", |ticks| Some(ticks.rem_euclid(TICKS_PER_SECOND) * 100)),
];

/// A part by its name, in letters of any case and with or without underscores.
fn find(name: &str) -> Option<Part> {
    let bare = |name: &str| name.replace('_', "").to_ascii_lowercase();
    PARTS.iter().find(|(known, _)| bare(known) == bare(name)).map(|(_, part)| *part)
}

fn rows(args: &Args) -> Result<ArrayRef> {
    let (names, times) = (args.texts(0)?, args.longs(1)?);
    let part = names.constant().and_then(find);
    Ok(int_rows(args.rows, |row| i32::try_from(part?(times.get(row)?)?).ok()))
}
