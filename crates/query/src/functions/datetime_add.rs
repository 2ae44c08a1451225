//! `datetime_add(period, count, time)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::constant_text;
use super::calendar::{Unit, add};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static DATETIME_ADD: Function = Function {
    name: "datetime_add",
    summary: "The time some years, months, weeks, days, hours... later. A day that the month lacks becomes \
              its last.",
    params: &[
        Param::one("period", Accepts::Text),
        Param::one("count", Accepts::Integer),
        Param::one("time", Accepts::DateTime),
    ],
    returns: "datetime",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print datetime_add('month', 1, datetime(2024-01-31))",
            result: "2024-02-29T00:00:00.0000000Z",
        },
        Example {
            query: "print datetime_add('hour', -2, datetime(2024-05-06 01:30))",
            result: "2024-05-05T23:30:00.0000000Z",
        },
        Example { query: "print isnull(datetime_add('year', 9000, datetime(2024-01-01)))", result: "true" },
    ],
    lower: |_, args| {
        if let Some(period) = args.first() {
            Unit::parse(constant_text(period, "period")?)?;
        }
        Ok(call("datetime_add", Kind::DateTime, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (periods, counts, times) = (args.texts(0)?, args.longs(1)?, args.longs(2)?);
    let unit = periods.constant().and_then(|period| Unit::parse(period).ok());
    Ok(long_rows(args.rows, |row| add(unit?, counts.get(row)?, times.get(row)?)))
}
