//! `make_timespan([days], hours, minutes, [seconds])`, `make_timespan(value)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::literals::{TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MINUTE};
use model::Kind;

use super::arguments::{Reals, exactly};
use super::make_datetime::{numbers, seconds, whole};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};
use crate::typed::Typed;

/// Days a time span may have.
const DAYS_MAX: i64 = 10_675_198;

pub(super) static MAKE_TIMESPAN: Function = Function {
    name: "make_timespan",
    summary: "A time span from its parts, or from one value. Null where a part is out of range.",
    params: &[Param::rest("[days], hours, minutes, [seconds]", Accepts::Any, 1, 4)],
    returns: "timespan",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print make_timespan(1, 30)", result: "01:30:00" },
        Example { query: "print make_timespan(0, 0, 9.5)", result: "00:00:09.5000000" },
        Example { query: "print make_timespan(2, 3, 4, 5)", result: "2.03:04:05" },
        Example { query: "print isnull(make_timespan(24, 0))", result: "true" },
    ],
    lower: |_, args| {
        if args.len() == 1 {
            let [value] = exactly(args)?;
            return Ok(convert::to_timespan(value));
        }
        let mut parts = numbers(args)?;
        if parts.len() < 4 {
            parts.insert(0, Typed::long(0));
        }
        Ok(call("make_timespan", Kind::TimeSpan, rows, parts))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(long_rows(args.rows, |row| {
        let [days, hours, minutes, of_minute] = values.get(row)?;
        let days = whole(days, 0, DAYS_MAX)? * TICKS_PER_DAY;
        let hours = whole(hours, 0, 23)? * TICKS_PER_HOUR;
        Some(days + hours + whole(minutes, 0, 59)? * TICKS_PER_MINUTE + seconds(of_minute)?)
    }))
}
