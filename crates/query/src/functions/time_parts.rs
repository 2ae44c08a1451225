//! `getyear(time)`, `monthofyear`, `getmonth`, `week_of_year`, `weekofyear`, `dayofyear`, `dayofmonth`,
//! `hourofday`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use kql::literals::{TICKS_PER_DAY, TICKS_PER_HOUR};
use model::Kind;

use super::calendar;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, int_rows};

pub(super) static GETYEAR: Function = Function {
    name: "getyear",
    summary: "The year of a time.",
    params: &[Param::one("time", Accepts::DateTime)],
    returns: "int",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print getyear(datetime(2024-05-06))", result: "2024" },
        Example { query: "print isnull(getyear(datetime(null)))", result: "true" },
    ],
    lower: |_, args| Ok(call("getyear", Kind::Int, years, args)),
};

pub(super) static MONTHOFYEAR: Function = Function {
    name: "monthofyear",
    summary: "The month of a time, 1 to 12.",
    examples: &[Example { query: "print monthofyear(datetime(2024-05-06))", result: "5" }],
    lower: |_, args| Ok(call("monthofyear", Kind::Int, months, args)),
    ..GETYEAR
};

pub(super) static GETMONTH: Function =
    Function { name: "getmonth", summary: "Another name of monthofyear.", ..MONTHOFYEAR };

pub(super) static WEEK_OF_YEAR: Function = Function {
    name: "week_of_year",
    summary: "The week of a time by ISO 8601, 1 to 53: weeks start on Monday and belong to the year of \
              their Thursday.",
    examples: &[
        Example { query: "print week_of_year(datetime(2024-05-06))", result: "19" },
        Example { query: "print week_of_year(datetime(2021-01-03))", result: "53" },
    ],
    lower: |_, args| Ok(call("week_of_year", Kind::Int, weeks, args)),
    ..GETYEAR
};

pub(super) static WEEKOFYEAR: Function =
    Function { name: "weekofyear", summary: "Old spelling of week_of_year.", ..WEEK_OF_YEAR };

pub(super) static DAYOFYEAR: Function = Function {
    name: "dayofyear",
    summary: "The day of a time in its year, 1 to 366.",
    examples: &[Example { query: "print dayofyear(datetime(2024-12-31))", result: "366" }],
    lower: |_, args| Ok(call("dayofyear", Kind::Int, days_of_year, args)),
    ..GETYEAR
};

pub(super) static DAYOFMONTH: Function = Function {
    name: "dayofmonth",
    summary: "The day of a time in its month, 1 to 31.",
    examples: &[Example { query: "print dayofmonth(datetime(2024-05-06))", result: "6" }],
    lower: |_, args| Ok(call("dayofmonth", Kind::Int, days, args)),
    ..GETYEAR
};

pub(super) static HOUROFDAY: Function = Function {
    name: "hourofday",
    summary: "The hour of a time, 0 to 23.",
    examples: &[Example { query: "print hourofday(datetime(2024-05-06 23:59))", result: "23" }],
    lower: |_, args| Ok(call("hourofday", Kind::Int, hours, args)),
    ..GETYEAR
};

fn parts(args: &Args, part: impl Fn(i64) -> Option<i64>) -> Result<ArrayRef> {
    let times = args.longs(0)?;
    Ok(int_rows(args.rows, |row| i32::try_from(part(times.get(row)?)?).ok()))
}

fn years(args: &Args) -> Result<ArrayRef> {
    parts(args, |ticks| Some(calendar::date(ticks).0))
}

fn months(args: &Args) -> Result<ArrayRef> {
    parts(args, |ticks| Some(calendar::date(ticks).1))
}

fn weeks(args: &Args) -> Result<ArrayRef> {
    parts(args, calendar::week_of_year)
}

fn days_of_year(args: &Args) -> Result<ArrayRef> {
    parts(args, calendar::day_of_year)
}

fn days(args: &Args) -> Result<ArrayRef> {
    parts(args, |ticks| Some(calendar::date(ticks).2))
}

fn hours(args: &Args) -> Result<ArrayRef> {
    parts(args, |ticks| Some(ticks.rem_euclid(TICKS_PER_DAY) / TICKS_PER_HOUR))
}
