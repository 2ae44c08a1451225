//! `startofday(time, [offset])`, `startofweek`, `startofmonth`, `startofyear`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::padded;
use super::calendar::{Unit, start};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};
use crate::typed::Typed;

pub(super) const TIME_AND_OFFSET: &[Param] =
    &[Param::one("time", Accepts::DateTime), Param::optional("offset", Accepts::Integer)];

pub(super) static STARTOFDAY: Function = Function {
    name: "startofday",
    summary: "The start of the day a time is in, or of one that lies some days after it.",
    params: TIME_AND_OFFSET,
    returns: "datetime",
    naming: Naming::FirstArgument,
    examples: &[
        Example {
            query: "print startofday(datetime(2024-05-06 07:08))",
            result: "2024-05-06T00:00:00.0000000Z",
        },
        Example {
            query: "print startofday(datetime(2024-05-06 07:08), -1)",
            result: "2024-05-05T00:00:00.0000000Z",
        },
    ],
    lower: |_, args| Ok(call("startofday", Kind::DateTime, days, padded(args, 2, Typed::long(0)))),
};

pub(super) static STARTOFWEEK: Function = Function {
    name: "startofweek",
    summary: "The start of the week a time is in, or of one that lies some weeks after it. Weeks start on \
              Sunday.",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print startofweek(datetime(2024-05-06 07:08))",
            result: "2024-05-05T00:00:00.0000000Z",
        },
        Example {
            query: "print startofweek(datetime(2024-05-05), 1)",
            result: "2024-05-12T00:00:00.0000000Z",
        },
    ],
    lower: |_, args| Ok(call("startofweek", Kind::DateTime, weeks, padded(args, 2, Typed::long(0)))),
    ..STARTOFDAY
};

pub(super) static STARTOFMONTH: Function = Function {
    name: "startofmonth",
    summary: "The start of the month a time is in, or of one that lies some months after it.",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print startofmonth(datetime(2024-05-06))", result: "2024-05-01T00:00:00.0000000Z" },
        Example {
            query: "print startofmonth(datetime(2024-05-06), -5)",
            result: "2023-12-01T00:00:00.0000000Z",
        },
    ],
    lower: |_, args| Ok(call("startofmonth", Kind::DateTime, months, padded(args, 2, Typed::long(0)))),
    ..STARTOFDAY
};

pub(super) static STARTOFYEAR: Function = Function {
    name: "startofyear",
    summary: "The start of the year a time is in, or of one that lies some years after it.",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print startofyear(datetime(2024-05-06))", result: "2024-01-01T00:00:00.0000000Z" },
        Example { query: "print isnull(startofyear(datetime(2024-05-06), 9000))", result: "true" },
    ],
    lower: |_, args| Ok(call("startofyear", Kind::DateTime, years, padded(args, 2, Typed::long(0)))),
    ..STARTOFDAY
};

fn starts(unit: Unit, args: &Args) -> Result<ArrayRef> {
    let (times, offsets) = (args.longs(0)?, args.longs(1)?);
    Ok(long_rows(args.rows, |row| start(unit, times.get(row)?, offsets.get(row)?)))
}

fn days(args: &Args) -> Result<ArrayRef> {
    starts(Unit::Day, args)
}

fn weeks(args: &Args) -> Result<ArrayRef> {
    starts(Unit::Week, args)
}

fn months(args: &Args) -> Result<ArrayRef> {
    starts(Unit::Month, args)
}

fn years(args: &Args) -> Result<ArrayRef> {
    starts(Unit::Year, args)
}
