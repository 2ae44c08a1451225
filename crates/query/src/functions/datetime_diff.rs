//! `datetime_diff(period, left, right)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::constant_text;
use super::calendar::{Unit, difference};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static DATETIME_DIFF: Function = Function {
    name: "datetime_diff",
    summary: "How many times a year, month, week, day, hour... began between two times; negative when the \
              first is earlier.",
    params: &[
        Param::one("period", Accepts::Text),
        Param::one("left", Accepts::DateTime),
        Param::one("right", Accepts::DateTime),
    ],
    returns: "long",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print datetime_diff('day', datetime(2024-05-07 00:01), datetime(2024-05-06 23:59))",
            result: "1",
        },
        Example {
            query: "print datetime_diff('year', datetime(2023-12-31), datetime(2024-01-01))",
            result: "-1",
        },
        Example {
            query: "print datetime_diff('week', datetime(2024-05-05), datetime(2024-05-04))",
            result: "1",
        },
    ],
    lower: |_, args| {
        if let Some(period) = args.first() {
            Unit::parse(constant_text(period, "period")?)?;
        }
        Ok(call("datetime_diff", Kind::Long, rows, args))
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let (periods, left, right) = (args.texts(0)?, args.longs(1)?, args.longs(2)?);
    let unit = periods.constant().and_then(|period| Unit::parse(period).ok());
    Ok(long_rows(args.rows, |row| difference(unit?, left.get(row)?, right.get(row)?)))
}
