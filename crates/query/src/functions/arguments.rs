//! What functions share in reading their arguments.

use datafusion::arrow::array::{Array, Float64Array};
use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use model::Kind;

use crate::kernel::Args;
use crate::regexes;
use crate::typed::Typed;

/// The arguments as an array of known length.
pub(super) fn exactly<const N: usize>(args: Vec<Typed>) -> Result<[Typed; N], String> {
    args.try_into().map_err(|args: Vec<Typed>| format!("{} arguments were given, {N} are taken", args.len()))
}

/// The arguments with `default` in the place of an optional last one.
pub(super) fn padded(mut args: Vec<Typed>, count: usize, default: Typed) -> Vec<Typed> {
    while args.len() < count {
        args.push(default.clone());
    }
    args
}

/// The text of an argument that must be a constant.
pub(super) fn constant_text<'a>(arg: &'a Typed, name: &str) -> Result<&'a str, String> {
    arg.literal_text().ok_or_else(|| format!("argument '{name}' must be a constant string"))
}

/// Checks an argument that must be a constant regular expression.
pub(super) fn constant_regex(arg: &Typed) -> Result<&str, String> {
    let pattern = constant_text(arg, "regex")?;
    regexes::get(pattern).map_err(|error| format!("the regular expression is not valid: {error}"))?;
    Ok(pattern)
}

/// Whether an argument is a constant below zero.
pub(super) fn is_negative(arg: &Typed) -> bool {
    match arg.literal() {
        Some(ScalarValue::Float64(Some(number))) => *number < 0.0,
        _ => arg.literal_long().is_some_and(|number| number < 0),
    }
}

/// Numbers, as integers when they all are; real otherwise.
pub(super) fn same_number(args: Vec<Typed>) -> (Vec<Typed>, Kind) {
    let whole = args.iter().all(|arg| matches!(arg.kind, Kind::Int | Kind::Long));
    let kind = if whole { Kind::Long } else { Kind::Real };
    (args.into_iter().map(|arg| arg.cast_number(kind)).collect(), kind)
}

/// Arguments that are all real numbers.
pub(super) struct Reals(Vec<Float64Array>);

impl Reals {
    pub fn of(args: &Args) -> EngineResult<Reals> {
        Ok(Reals((0..args.len()).map(|at| args.reals(at)).collect::<EngineResult<_>>()?))
    }

    /// The arguments of a row, with 0 for those that were not given; `None` when one of them is null.
    pub fn get<const N: usize>(&self, row: usize) -> Option<[f64; N]> {
        let mut values = [0.0; N];
        for (value, column) in values.iter_mut().zip(&self.0) {
            if !column.is_valid(row) {
                return None;
            }
            *value = column.value(row);
        }
        Some(values)
    }
}
