//! `dayofweek(time)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::literals::TICKS_PER_DAY;
use model::Kind;

use super::calendar::day_of_week;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static DAYOFWEEK: Function = Function {
    name: "dayofweek",
    summary: "The days since the last Sunday as a time span: 0 on Sunday, 6 days on Saturday.",
    params: &[Param::one("time", Accepts::DateTime)],
    returns: "timespan",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print dayofweek(datetime(2024-05-08 12:00))", result: "3.00:00:00" },
        Example { query: "print toint(dayofweek(datetime(2024-05-05)) / 1d)", result: "0" },
    ],
    lower: |_, args| Ok(call("dayofweek", Kind::TimeSpan, rows, args)),
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let times = args.longs(0)?;
    Ok(long_rows(args.rows, |row| Some(day_of_week(times.get(row)?) * TICKS_PER_DAY)))
}
