//! Functions of each number of a series: `series_abs(series)`, `series_acos`, `series_asin`, `series_atan`,
//! `series_ceiling`, `series_cos`, `series_exp`, `series_floor`, `series_log`, `series_sign`, `series_sin`,
//! `series_tan`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::series::{Series, map};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call};

pub(super) static SERIES_ABS: Function = Function {
    name: "series_abs",
    summary: "The absolute value of each number of a series. What is no number becomes null.",
    params: &[Param::one("series", Accepts::Dynamic)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print series_abs(dynamic([-6.5, 0, 8.2]))", result: "[6.5,0.0,8.2]" },
        Example { query: r#"print series_abs(dynamic([-6, null, "x"]))"#, result: "[6,null,null]" },
    ],
    lower: |_, args| {
        let absolute = |args: &Args| {
            map(args, |mut series| {
                series.values.iter_mut().flatten().for_each(|number| *number = number.abs());
                Some(series)
            })
        };
        Ok(call("series_abs", Kind::Dynamic, absolute, args))
    },
};

pub(super) static SERIES_ACOS: Function = Function {
    name: "series_acos",
    summary: "The arc cosine of each number of a series.",
    examples: &[Example { query: "print series_acos(dynamic([1]))", result: "[0.0]" }],
    lower: |_, args| Ok(call("series_acos", Kind::Dynamic, |args| each(args, f64::acos), args)),
    ..SERIES_ABS
};

pub(super) static SERIES_ASIN: Function = Function {
    name: "series_asin",
    summary: "The arc sine of each number of a series.",
    examples: &[Example { query: r#"print series_asin(dynamic([0, 2]))"#, result: r#"[0.0,"NaN"]"# }],
    lower: |_, args| Ok(call("series_asin", Kind::Dynamic, |args| each(args, f64::asin), args)),
    ..SERIES_ABS
};

pub(super) static SERIES_ATAN: Function = Function {
    name: "series_atan",
    summary: "The arc tangent of each number of a series.",
    examples: &[Example { query: "print series_atan(dynamic([0]))", result: "[0.0]" }],
    lower: |_, args| Ok(call("series_atan", Kind::Dynamic, |args| each(args, f64::atan), args)),
    ..SERIES_ABS
};

pub(super) static SERIES_CEILING: Function = Function {
    name: "series_ceiling",
    summary: "The least integer that is not less than it, of each number of a series.",
    examples: &[Example { query: "print series_ceiling(dynamic([-1.5, 1, 2.5]))", result: "[-1.0,1.0,3.0]" }],
    lower: |_, args| Ok(call("series_ceiling", Kind::Dynamic, |args| each(args, f64::ceil), args)),
    ..SERIES_ABS
};

pub(super) static SERIES_COS: Function = Function {
    name: "series_cos",
    summary: "The cosine of each number of a series.",
    examples: &[Example { query: "print series_cos(dynamic([0]))", result: "[1.0]" }],
    lower: |_, args| Ok(call("series_cos", Kind::Dynamic, |args| each(args, f64::cos), args)),
    ..SERIES_ABS
};

pub(super) static SERIES_EXP: Function = Function {
    name: "series_exp",
    summary: "The number e to the power of each number of a series.",
    examples: &[Example { query: "print series_exp(dynamic([0, null]))", result: "[1.0,null]" }],
    lower: |_, args| Ok(call("series_exp", Kind::Dynamic, |args| each(args, f64::exp), args)),
    ..SERIES_ABS
};

pub(super) static SERIES_FLOOR: Function = Function {
    name: "series_floor",
    summary: "The greatest integer that is not greater than it, of each number of a series.",
    examples: &[Example { query: "print series_floor(dynamic([-1.5, 1, 2.5]))", result: "[-2.0,1.0,2.0]" }],
    lower: |_, args| Ok(call("series_floor", Kind::Dynamic, |args| each(args, f64::floor), args)),
    ..SERIES_ABS
};

pub(super) static SERIES_LOG: Function = Function {
    name: "series_log",
    summary: "The natural logarithm of each number of a series.",
    examples: &[Example { query: "print series_log(dynamic([1]))", result: "[0.0]" }],
    lower: |_, args| Ok(call("series_log", Kind::Dynamic, |args| each(args, f64::ln), args)),
    ..SERIES_ABS
};

pub(super) static SERIES_SIGN: Function = Function {
    name: "series_sign",
    summary: "-1, 0 or 1, as each number of a series is negative, zero or positive.",
    examples: &[Example { query: "print series_sign(dynamic([-6, 0, 8]))", result: "[-1.0,0.0,1.0]" }],
    lower: |_, args| Ok(call("series_sign", Kind::Dynamic, signs, args)),
    ..SERIES_ABS
};

pub(super) static SERIES_SIN: Function = Function {
    name: "series_sin",
    summary: "The sine of each number of a series.",
    examples: &[Example { query: "print series_sin(dynamic([0]))", result: "[0.0]" }],
    lower: |_, args| Ok(call("series_sin", Kind::Dynamic, |args| each(args, f64::sin), args)),
    ..SERIES_ABS
};

pub(super) static SERIES_TAN: Function = Function {
    name: "series_tan",
    summary: "The tangent of each number of a series.",
    examples: &[Example { query: "print series_tan(dynamic([0]))", result: "[0.0]" }],
    lower: |_, args| Ok(call("series_tan", Kind::Dynamic, |args| each(args, f64::tan), args)),
    ..SERIES_ABS
};

fn each(args: &Args, function: fn(f64) -> f64) -> Result<ArrayRef> {
    map(args, |series| {
        let values = series.values.into_iter().map(|value| value.map(function)).collect();
        Some(Series { values, is_whole: false })
    })
}

fn signs(args: &Args) -> Result<ArrayRef> {
    each(args, |number| if number == 0.0 { 0.0 } else { number.signum() })
}
