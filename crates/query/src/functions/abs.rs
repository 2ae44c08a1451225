//! `abs(number)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use crate::convert;
use crate::decimal;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows, real_rows};

pub(super) static ABS: Function = Function {
    name: "abs",
    summary: "The number or time span without its sign.",
    params: &[Param::one("number", Accepts::Any)],
    returns: "long, real or timespan",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print abs(-3)", result: "3" },
        Example { query: "print abs(-2.5)", result: "2.5" },
        Example { query: "print abs(-90m)", result: "01:30:00" },
    ],
    lower: |_, args| {
        let [number] = exactly(args)?;
        let number = if number.kind == Kind::Dynamic { convert::to_real(number) } else { number };
        let kind = number.kind;
        match kind {
            Kind::Int | Kind::Long => Ok(call("abs_long", Kind::Long, whole_rows, vec![number])),
            Kind::TimeSpan => Ok(call("abs_long", kind, whole_rows, vec![number])),
            Kind::Real => Ok(call("abs_real", kind, rows, vec![number])),
            Kind::Decimal => Ok(decimal::abs(number)),
            kind => Err(format!("takes a number or a timespan, not a {}", kind.name())),
        }
    },
};

fn whole_rows(args: &Args) -> Result<ArrayRef> {
    let values = args.longs(0)?;
    Ok(long_rows(args.rows, |row| Some(values.get(row)?.wrapping_abs())))
}

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = args.reals(0)?;
    Ok(real_rows(args.rows, |row| values.is_valid(row).then(|| values.value(row).abs())))
}
