//! `bin_at(value, size, fixed_point)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::{Reals, exactly, is_negative, same_number};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows, real_rows};
use crate::typed::is_numeric;

pub(super) static BIN_AT: Function = Function {
    name: "bin_at",
    summary: "The value rounded down to a bin of a size, where one bin starts at the fixed point.",
    params: &[
        Param::one("value", Accepts::Any),
        Param::one("size", Accepts::Any),
        Param::one("fixed_point", Accepts::Any),
    ],
    returns: "long, real, timespan or datetime",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print bin_at(11, 5, 2)", result: "7" },
        Example {
            query: "print bin_at(datetime(2024-05-06 07:38), 1d, datetime(2024-01-01 12:00))",
            result: "2024-05-05T12:00:00.0000000Z",
        },
        Example { query: "print bin_at(1h, 1d, 12h)", result: "-12:00:00" },
    ],
    lower: |_, args| {
        let [value, size, fixed] = exactly(args)?;
        if is_negative(&size) {
            return Err("the size of a bin must be greater than 0".to_owned());
        }
        let kind = value.kind;
        match (kind, size.kind, fixed.kind) {
            (Kind::DateTime, Kind::TimeSpan, Kind::DateTime)
            | (Kind::TimeSpan, Kind::TimeSpan, Kind::TimeSpan) => {
                Ok(call("bin_at_long", kind, whole_rows, vec![value, size, fixed]))
            }
            (a, b, c) if is_numeric(a) && is_numeric(b) && is_numeric(c) => {
                let (args, kind) = same_number(vec![value, size, fixed]);
                let eval = if kind == Kind::Long { whole_rows } else { rows };
                Ok(call(if kind == Kind::Long { "bin_at_long" } else { "bin_at_real" }, kind, eval, args))
            }
            (a, b, c) => Err(format!(
                "takes numbers, time spans, or a time, a time span and a time; not {}, {} and {}",
                a.name(),
                b.name(),
                c.name()
            )),
        }
    },
};

fn whole_rows(args: &Args) -> Result<ArrayRef> {
    let (values, sizes, fixed) = (args.longs(0)?, args.longs(1)?, args.longs(2)?);
    Ok(long_rows(args.rows, |row| {
        let (value, size) = (values.get(row)?, sizes.get(row).filter(|size| *size > 0)?);
        value.checked_sub(value.checked_sub(fixed.get(row)?)?.rem_euclid(size))
    }))
}

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(real_rows(args.rows, |row| {
        let [value, size, fixed] = values.get(row)?;
        (size > 0.0).then(|| fixed + ((value - fixed) / size).floor() * size)
    }))
}
