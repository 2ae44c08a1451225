//! `make_datetime(year, month, day, [hour], [minute], [second])`, `make_datetime(value)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::literals::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE, TICKS_PER_SECOND};
use model::{Kind, time::days_from_civil};

use super::arguments::{Reals, exactly};
use super::calendar::in_range;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};
use crate::typed::Typed;

pub(super) static MAKE_DATETIME: Function = Function {
    name: "make_datetime",
    summary: "A time from its parts, or from one value. Null where there is no such time.",
    params: &[Param::rest("year, month, day, [hour], [minute], [second]", Accepts::Any, 1, 6)],
    returns: "datetime",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print make_datetime(2024, 5, 6)", result: "2024-05-06T00:00:00.0000000Z" },
        Example {
            query: "print make_datetime(2024, 5, 6, 7, 8, 9.5)",
            result: "2024-05-06T07:08:09.5000000Z",
        },
        Example { query: "print isnull(make_datetime(2023, 2, 29))", result: "true" },
    ],
    lower: |_, args| {
        if args.len() == 1 {
            let [value] = exactly(args)?;
            return Ok(convert::to_datetime(value));
        }
        if args.len() == 2 {
            return Err("takes one value, or a year, a month, a day and then the time of day".to_owned());
        }
        Ok(call("make_datetime", Kind::DateTime, rows, numbers(args)?))
    },
};

/// Arguments that must all be numbers.
pub(super) fn numbers(args: Vec<Typed>) -> std::result::Result<Vec<Typed>, String> {
    let number = |arg: Typed| {
        let kind = arg.kind;
        Accepts::Number.take(arg).ok_or_else(|| format!("the parts must be numbers, not a {}", kind.name()))
    };
    args.into_iter().map(number).collect()
}

/// A number without fraction inside a range.
pub(super) fn whole(number: f64, least: i64, most: i64) -> Option<i64> {
    let whole = number as i64;
    (number.is_finite() && (least..=most).contains(&whole)).then_some(whole)
}

/// Seconds below 60 as ticks.
pub(super) fn seconds(number: f64) -> Option<i64> {
    (0.0..60.0).contains(&number).then(|| (number * TICKS_PER_SECOND as f64).round() as i64)
}

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(long_rows(args.rows, |row| {
        let [year, month, day, hour, minute, second] = values.get(row)?;
        let days = days_from_civil(whole(year, 1, 9999)?, whole(month, 1, 12)?, whole(day, 1, 31)?)?;
        let hours = whole(hour, 0, 23)? * TICKS_PER_HOUR;
        let minutes = whole(minute, 0, 59)? * TICKS_PER_MINUTE;
        in_range(days * TICKS_PER_DAY + hours + minutes + seconds(second)?)
    }))
}
