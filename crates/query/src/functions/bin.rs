//! `bin(value, size)`, `floor(value, size)`

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, Int64Array};
use datafusion::error::Result;
use model::Kind;

use super::arguments::{Reals, exactly, is_negative, same_number};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, Longs, call, long_rows, real_rows};
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
    if let (Longs::Rows(values), Longs::Constant(Some(size @ 1..))) = (&values, &sizes) {
        return Ok(bins(values, *size));
    }
    Ok(long_rows(args.rows, |row| {
        let (value, size) = (values.get(row)?, sizes.get(row).filter(|size| *size > 0)?);
        start_of(value, size)
    }))
}

fn start_of(value: i64, size: i64) -> Option<i64> {
    value.checked_sub(value.rem_euclid(size))
}

/// Rows are mostly in order of time: many that follow each other are in one bin, which costs no division to see.
fn bins(values: &Int64Array, size: i64) -> ArrayRef {
    let (mut start, mut last) = (0, -1);
    let mut is_whole = true;
    let starts: Vec<i64> = (values.values().iter())
        .map(|value| {
            if *value < start || *value > last {
                match start_of(*value, size) {
                    Some(found) => (start, last) = (found, found.saturating_add(size - 1)),
                    None => {
                        is_whole = false;
                        return 0;
                    }
                }
            }
            start
        })
        .collect();
    match is_whole {
        true => Arc::new(Int64Array::new(starts.into(), values.nulls().cloned())),
        false => Arc::new(values.iter().map(|value| start_of(value?, size)).collect::<Int64Array>()),
    }
}

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(real_rows(args.rows, |row| {
        let [value, size] = values.get(row)?;
        (size > 0.0).then(|| (value / size).floor() * size)
    }))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn bins_of_a_batch_are_those_of_its_rows() {
        let values =
            [Some(7), Some(9), None, Some(10), Some(-1), Some(-10), Some(-11), Some(8), Some(i64::MAX)];
        for size in [1, 5, 10, i64::MAX] {
            for more in [None, Some(i64::MIN), Some(i64::MIN + 1)] {
                let values: Int64Array = values.iter().copied().chain([more, Some(3)]).collect();
                let expected: Int64Array = values.iter().map(|value| start_of(value?, size)).collect();
                assert_eq!(bins(&values, size).as_primitive::<Int64Type>(), &expected, "{size} {more:?}");
            }
        }
    }
}
