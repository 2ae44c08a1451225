//! `ceiling(number)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::arguments::exactly;
use crate::decimal;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, real_rows};

pub(super) static CEILING: Function = Function {
    name: "ceiling",
    summary: "The least whole number that is not less.",
    params: &[Param::one("number", Accepts::Number)],
    returns: "the kind of the number",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print ceiling(1.2)", result: "2.0" },
        Example { query: "print ceiling(-1.8)", result: "-1.0" },
        Example { query: "print ceiling(7)", result: "7" },
    ],
    lower: |_, args| {
        let [number] = exactly(args)?;
        Ok(match number.kind {
            Kind::Int | Kind::Long => number,
            Kind::Decimal => decimal::round(number, None),
            kind => call("ceiling", kind, rows, vec![number]),
        })
    },
};

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = args.reals(0)?;
    Ok(real_rows(args.rows, |row| values.is_valid(row).then(|| values.value(row).ceil())))
}
