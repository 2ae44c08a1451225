//! `sign(number)`, `sqrt`, `exp`, `log`, `log10`, `log2`, `pow(base, exponent)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::arguments::Reals;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, real_rows};

pub(super) static SQRT: Function = Function {
    name: "sqrt",
    summary: "The square root; NaN of a negative number.",
    params: &[Param::one("number", Accepts::Number)],
    returns: "real",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print sqrt(144)", result: "12.0" },
        Example { query: "print isnan(sqrt(-1))", result: "true" },
    ],
    lower: |_, args| Ok(call("sqrt", Kind::Real, roots, args)),
};

pub(super) static EXP: Function = Function {
    name: "exp",
    summary: "The number e to the power of a number.",
    examples: &[Example { query: "print exp(0)", result: "1.0" }],
    lower: |_, args| Ok(call("exp", Kind::Real, powers_of_e, args)),
    ..SQRT
};

pub(super) static LOG: Function = Function {
    name: "log",
    summary: "The natural logarithm.",
    examples: &[
        Example { query: "print log(1)", result: "0.0" },
        Example { query: "print log(0)", result: "-Infinity" },
    ],
    lower: |_, args| Ok(call("log", Kind::Real, logarithms, args)),
    ..SQRT
};

pub(super) static LOG10: Function = Function {
    name: "log10",
    summary: "The logarithm to base 10.",
    examples: &[Example { query: "print log10(1000)", result: "3.0" }],
    lower: |_, args| Ok(call("log10", Kind::Real, decimal_logarithms, args)),
    ..SQRT
};

pub(super) static LOG2: Function = Function {
    name: "log2",
    summary: "The logarithm to base 2.",
    examples: &[Example { query: "print log2(1024)", result: "10.0" }],
    lower: |_, args| Ok(call("log2", Kind::Real, binary_logarithms, args)),
    ..SQRT
};

pub(super) static SIGN: Function = Function {
    name: "sign",
    summary: "-1, 0 or 1, as the number is negative, zero or positive.",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print sign(-7)", result: "-1.0" },
        Example { query: "print sign(0)", result: "0.0" },
    ],
    lower: |_, args| Ok(call("sign", Kind::Real, signs, args)),
    ..SQRT
};

pub(super) static POW: Function = Function {
    name: "pow",
    summary: "A number to the power of another.",
    params: &[Param::one("base", Accepts::Number), Param::one("exponent", Accepts::Number)],
    examples: &[
        Example { query: "print pow(2, 10)", result: "1024.0" },
        Example { query: "print pow(4, -0.5)", result: "0.5" },
    ],
    lower: |_, args| Ok(call("pow", Kind::Real, powers, args)),
    ..SQRT
};

pub(super) fn each(args: &Args, function: fn(f64) -> f64) -> Result<ArrayRef> {
    let values = args.reals(0)?;
    Ok(real_rows(args.rows, |row| values.is_valid(row).then(|| function(values.value(row)))))
}

fn roots(args: &Args) -> Result<ArrayRef> {
    each(args, f64::sqrt)
}

fn powers_of_e(args: &Args) -> Result<ArrayRef> {
    each(args, f64::exp)
}

fn logarithms(args: &Args) -> Result<ArrayRef> {
    each(args, f64::ln)
}

fn decimal_logarithms(args: &Args) -> Result<ArrayRef> {
    each(args, f64::log10)
}

fn binary_logarithms(args: &Args) -> Result<ArrayRef> {
    each(args, f64::log2)
}

fn signs(args: &Args) -> Result<ArrayRef> {
    each(args, |number| if number == 0.0 { 0.0 } else { number.signum() })
}

fn powers(args: &Args) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(real_rows(args.rows, |row| {
        let [base, exponent] = values.get(row)?;
        Some(f64::powf(base, exponent))
    }))
}
