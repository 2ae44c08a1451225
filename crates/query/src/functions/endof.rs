//! `endofday(time, [offset])`, `endofweek`, `endofmonth`, `endofyear`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::padded;
use super::calendar::{Unit, end};
use super::startof::TIME_AND_OFFSET;
use crate::functions::{Example, Function, Naming};
use crate::kernel::{Args, call, long_rows};
use crate::typed::Typed;

pub(super) static ENDOFDAY: Function = Function {
    name: "endofday",
    summary: "The last tick of the day a time is in, or of one that lies some days after it.",
    params: TIME_AND_OFFSET,
    returns: "datetime",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print endofday(datetime(2024-05-06 07:08))",
            result: "2024-05-06T23:59:59.9999999Z",
        },
        Example {
            query: "print endofday(datetime(2024-05-06 07:08), 1)",
            result: "2024-05-07T23:59:59.9999999Z",
        },
    ],
    lower: |_, args| Ok(call("endofday", Kind::DateTime, days, padded(args, 2, Typed::long(0)))),
};

pub(super) static ENDOFWEEK: Function = Function {
    name: "endofweek",
    summary: "The last tick of the week a time is in, or of one that lies some weeks after it. Weeks end \
              on Saturday.",
    examples: &[Example {
        query: "print endofweek(datetime(2024-05-06))",
        result: "2024-05-11T23:59:59.9999999Z",
    }],
    lower: |_, args| Ok(call("endofweek", Kind::DateTime, weeks, padded(args, 2, Typed::long(0)))),
    ..ENDOFDAY
};

pub(super) static ENDOFMONTH: Function = Function {
    name: "endofmonth",
    summary: "The last tick of the month a time is in, or of one that lies some months after it.",
    examples: &[Example {
        query: "print endofmonth(datetime(2024-03-31), -1)",
        result: "2024-02-29T23:59:59.9999999Z",
    }],
    lower: |_, args| Ok(call("endofmonth", Kind::DateTime, months, padded(args, 2, Typed::long(0)))),
    ..ENDOFDAY
};

pub(super) static ENDOFYEAR: Function = Function {
    name: "endofyear",
    summary: "The last tick of the year a time is in, or of one that lies some years after it.",
    examples: &[
        Example { query: "print endofyear(datetime(2024-05-06))", result: "2024-12-31T23:59:59.9999999Z" },
        Example { query: "print endofyear(datetime(9999-05-06))", result: "9999-12-31T23:59:59.9999999Z" },
    ],
    lower: |_, args| Ok(call("endofyear", Kind::DateTime, years, padded(args, 2, Typed::long(0)))),
    ..ENDOFDAY
};

fn ends(unit: Unit, args: &Args) -> Result<ArrayRef> {
    let (times, offsets) = (args.longs(0)?, args.longs(1)?);
    Ok(long_rows(args.rows, |row| end(unit, times.get(row)?, offsets.get(row)?)))
}

fn days(args: &Args) -> Result<ArrayRef> {
    ends(Unit::Day, args)
}

fn weeks(args: &Args) -> Result<ArrayRef> {
    ends(Unit::Week, args)
}

fn months(args: &Args) -> Result<ArrayRef> {
    ends(Unit::Month, args)
}

fn years(args: &Args) -> Result<ArrayRef> {
    ends(Unit::Year, args)
}
