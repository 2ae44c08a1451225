//! `bin(value, size)`, `floor(value, size)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::{Reals, exactly, is_negative, same_number};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows, real_rows};
use crate::typed::{Typed, is_numeric};

pub(super) static BIN: Function = Function {
    name: "bin",
    summary: "The value rounded down to a multiple of a size. Bins of times count from 0001-01-01, a Monday.",
    params: &[Param::one("value", Accepts::Any), Param::one("size", Accepts::Any)],
    returns: "long, real, timespan or datetime",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print bin(17, 5)", result: "15" },
        Example { query: "print bin(-1, 5)", result: "-5" },
        Example { query: "print bin(7.3, 2)", result: "6.0" },
        Example {
            query: "print bin(datetime(2024-05-06 07:38:09), 15m)",
            result: "2024-05-06T07:30:00.0000000Z",
        },
        Example { query: "print bin(100m, 1h)", result: "01:00:00" },
        Example { query: "print isnull(bin(5, int(null)))", result: "true" },
    ],
    lower: |_, args| {
        let [value, size] = exactly(args)?;
        bin(value, size)
    },
};

pub(super) static FLOOR: Function = Function { name: "floor", summary: "Another name of bin.", ..BIN };

fn bin(value: Typed, size: Typed) -> std::result::Result<Typed, String> {
    if is_negative(&size) {
        return Err("the size of a bin must be greater than 0".to_owned());
    }
    let value = match (value.kind, size.kind) {
        (Kind::Dynamic, Kind::TimeSpan) => convert::to_datetime(value),
        (Kind::Dynamic, _) => convert::to_real(value),
        _ => value,
    };
    let size = if size.kind == Kind::Dynamic { convert::to_real(size) } else { size };
    match (value.kind, size.kind) {
        (Kind::DateTime, Kind::TimeSpan | Kind::DateTime) => {
            Ok(call("bin_long", Kind::DateTime, whole_rows, vec![value, size]))
        }
        (Kind::TimeSpan, Kind::TimeSpan) => {
            Ok(call("bin_long", Kind::TimeSpan, whole_rows, vec![value, size]))
        }
        (left, right) if is_numeric(left) && is_numeric(right) => {
            let (args, kind) = same_number(vec![value, size]);
            let eval = if kind == Kind::Long { whole_rows } else { rows };
            Ok(call(if kind == Kind::Long { "bin_long" } else { "bin_real" }, kind, eval, args))
        }
        (value, size) => Err(format!(
            "bins are of numbers, time spans or times; a {} cannot be divided by a {}",
            value.name(),
            size.name()
        )),
    }
}

fn whole_rows(args: &Args) -> Result<ArrayRef> {
    let (values, sizes) = (args.longs(0)?, args.longs(1)?);
    Ok(long_rows(args.rows, |row| {
        let (value, size) = (values.get(row)?, sizes.get(row).filter(|size| *size > 0)?);
        value.checked_sub(value.rem_euclid(size))
    }))
}

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(real_rows(args.rows, |row| {
        let [value, size] = values.get(row)?;
        (size > 0.0).then(|| (value / size).floor() * size)
    }))
}
