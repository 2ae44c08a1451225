//! `isnan(number)`, `isinf(number)`, `isfinite(number)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, bool_rows, call};

pub(super) static ISNAN: Function = Function {
    name: "isnan",
    summary: "Whether a real is not a number, as 0.0 / 0.0 is.",
    params: &[Param::one("number", Accepts::Number)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print isnan(0.0 / 0)", result: "true" },
        Example { query: "print isnan(1.0)", result: "false" },
    ],
    lower: |_, args| Ok(call("isnan", Kind::Bool, nans, args)),
};

pub(super) static ISINF: Function = Function {
    name: "isinf",
    summary: "Whether a real is infinite, as 1.0 / 0.0 is.",
    examples: &[
        Example { query: "print isinf(-1.0 / 0)", result: "true" },
        Example { query: "print isinf(1.0)", result: "false" },
    ],
    lower: |_, args| Ok(call("isinf", Kind::Bool, infinities, args)),
    ..ISNAN
};

pub(super) static ISFINITE: Function = Function {
    name: "isfinite",
    summary: "Whether a real is neither infinite nor NaN.",
    examples: &[
        Example { query: "print isfinite(1.0)", result: "true" },
        Example { query: "print isfinite(0.0 / 0)", result: "false" },
    ],
    lower: |_, args| Ok(call("isfinite", Kind::Bool, finites, args)),
    ..ISNAN
};

fn each(args: &Args, test: fn(f64) -> bool) -> Result<ArrayRef> {
    let values = args.reals(0)?;
    Ok(bool_rows(args.rows, |row| values.is_valid(row).then(|| test(values.value(row)))))
}

fn nans(args: &Args) -> Result<ArrayRef> {
    each(args, f64::is_nan)
}

fn infinities(args: &Args) -> Result<ArrayRef> {
    each(args, f64::is_infinite)
}

fn finites(args: &Args) -> Result<ArrayRef> {
    each(args, f64::is_finite)
}
