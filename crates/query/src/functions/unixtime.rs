//! `unixtime_seconds_todatetime(number)`, and the same of milliseconds, microseconds and nanoseconds

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;
use model::time::UNIX_EPOCH_TICKS;

use super::calendar::in_range;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows};

pub(super) static SECONDS: Function = Function {
    name: "unixtime_seconds_todatetime",
    summary: "The time that lies a number of seconds after 1970-01-01.",
    params: &[Param::one("seconds", Accepts::Number)],
    returns: "datetime",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print unixtime_seconds_todatetime(1714979289)",
            result: "2024-05-06T07:08:09.0000000Z",
        },
        Example { query: "print unixtime_seconds_todatetime(-0.5)", result: "1969-12-31T23:59:59.5000000Z" },
        Example { query: "print isnull(unixtime_seconds_todatetime(1e15))", result: "true" },
    ],
    lower: |_, args| Ok(call("unixtime_seconds_todatetime", Kind::DateTime, seconds, args)),
};

pub(super) static MILLISECONDS: Function = Function {
    name: "unixtime_milliseconds_todatetime",
    summary: "The time that lies a number of milliseconds after 1970-01-01.",
    params: &[Param::one("milliseconds", Accepts::Number)],
    examples: &[Example {
        query: "print unixtime_milliseconds_todatetime(1714979289123)",
        result: "2024-05-06T07:08:09.1230000Z",
    }],
    lower: |_, args| Ok(call("unixtime_milliseconds_todatetime", Kind::DateTime, milliseconds, args)),
    ..SECONDS
};

pub(super) static MICROSECONDS: Function = Function {
    name: "unixtime_microseconds_todatetime",
    summary: "The time that lies a number of microseconds after 1970-01-01.",
    params: &[Param::one("microseconds", Accepts::Number)],
    examples: &[Example {
        query: "print unixtime_microseconds_todatetime(1714979289123456)",
        result: "2024-05-06T07:08:09.1234560Z",
    }],
    lower: |_, args| Ok(call("unixtime_microseconds_todatetime", Kind::DateTime, microseconds, args)),
    ..SECONDS
};

pub(super) static NANOSECONDS: Function = Function {
    name: "unixtime_nanoseconds_todatetime",
    summary: "The time that lies a number of nanoseconds after 1970-01-01, down to 100 of them.",
    params: &[Param::one("nanoseconds", Accepts::Number)],
    examples: &[Example {
        query: "print unixtime_nanoseconds_todatetime(1714979289123456789)",
        result: "2024-05-06T07:08:09.1234567Z",
    }],
    lower: |_, args| Ok(call("unixtime_nanoseconds_todatetime", Kind::DateTime, nanoseconds, args)),
    ..SECONDS
};

/// Times from numbers of a unit, which has `nanos` nanoseconds.
fn times(args: &Args, nanos: i128) -> Result<ArrayRef> {
    let from_nanos =
        |nanos: i128| in_range(i64::try_from(nanos.div_euclid(100)).ok()?.checked_add(UNIX_EPOCH_TICKS)?);
    if args.array(0)?.data_type().is_integer() {
        let values = args.longs(0)?;
        return Ok(long_rows(args.rows, |row| from_nanos(i128::from(values.get(row)?).checked_mul(nanos)?)));
    }
    let values = args.reals(0)?;
    Ok(long_rows(args.rows, |row| {
        let number = values.is_valid(row).then(|| values.value(row)).filter(|number| number.is_finite())?;
        from_nanos((number * nanos as f64).round() as i128)
    }))
}

fn seconds(args: &Args) -> Result<ArrayRef> {
    times(args, 1_000_000_000)
}

fn milliseconds(args: &Args) -> Result<ArrayRef> {
    times(args, 1_000_000)
}

fn microseconds(args: &Args) -> Result<ArrayRef> {
    times(args, 1_000)
}

fn nanoseconds(args: &Args) -> Result<ArrayRef> {
    times(args, 1)
}
