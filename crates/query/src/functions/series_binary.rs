//! Functions of the numbers of two series: `series_add(left, right)`, `series_subtract`, `series_multiply`,
//! `series_divide`, `series_pow`, `series_equals`, `series_not_equals`, `series_less`, `series_less_equals`,
//! `series_greater`, `series_greater_equals`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arrays::array_of;
use super::series::{Series, pair};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::{Typed, is_numeric};

pub(super) static SERIES_ADD: Function = Function {
    name: "series_add",
    summary: "The sums of the numbers of two series. One of them may be a single number; where one has no \
              number the result is null.",
    params: &[Param::one("left", Accepts::Any), Param::one("right", Accepts::Any)],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print series_add(dynamic([1, 2, 4]), dynamic([4, 2, 1]))", result: "[5,4,5]" },
        Example { query: "print series_add(dynamic([1, null]), 0.5)", result: "[1.5,null]" },
        Example { query: "print series_add(dynamic([1, 2]), dynamic([1]))", result: "[2,null]" },
    ],
    lower: |_, args| {
        Ok(call("series_add", Kind::Dynamic, |args| numbers(args, true, |a, b| a + b), checked(args)?))
    },
};

pub(super) static SERIES_SUBTRACT: Function = Function {
    name: "series_subtract",
    summary: "The differences of the numbers of two series.",
    examples: &[Example {
        query: "print series_subtract(dynamic([1, 2, 4]), dynamic([4, 2, 1]))",
        result: "[-3,0,3]",
    }],
    lower: |_, args| {
        Ok(call("series_subtract", Kind::Dynamic, |args| numbers(args, true, |a, b| a - b), checked(args)?))
    },
    ..SERIES_ADD
};

pub(super) static SERIES_MULTIPLY: Function = Function {
    name: "series_multiply",
    summary: "The products of the numbers of two series.",
    examples: &[Example {
        query: "print series_multiply(dynamic([1, 2, 4]), dynamic([4, 2, 1]))",
        result: "[4,4,4]",
    }],
    lower: |_, args| {
        Ok(call("series_multiply", Kind::Dynamic, |args| numbers(args, true, |a, b| a * b), checked(args)?))
    },
    ..SERIES_ADD
};

pub(super) static SERIES_DIVIDE: Function = Function {
    name: "series_divide",
    summary: "The quotients of the numbers of two series, as reals.",
    examples: &[Example {
        query: "print series_divide(dynamic([1, 2, 4]), dynamic([4, 2, 0]))",
        result: r#"[0.25,1.0,"Infinity"]"#,
    }],
    lower: |_, args| {
        Ok(call("series_divide", Kind::Dynamic, |args| numbers(args, false, |a, b| a / b), checked(args)?))
    },
    ..SERIES_ADD
};

pub(super) static SERIES_POW: Function = Function {
    name: "series_pow",
    summary: "The numbers of a series to the power of those of another, as reals.",
    examples: &[Example {
        query: "print series_pow(dynamic([1, 2, 3, 4]), dynamic([1, 2, 3, 0.5]))",
        result: "[1.0,4.0,27.0,2.0]",
    }],
    lower: |_, args| {
        Ok(call("series_pow", Kind::Dynamic, |args| numbers(args, false, f64::powf), checked(args)?))
    },
    ..SERIES_ADD
};

pub(super) static SERIES_EQUALS: Function = Function {
    name: "series_equals",
    summary: "Whether the numbers of two series are equal, as an array of bools.",
    examples: &[
        Example {
            query: "print series_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1]))",
            result: "[false,true,false]",
        },
        Example { query: "print series_equals(dynamic([1, null]), 1)", result: "[true,null]" },
    ],
    lower: |_, args| {
        Ok(call("series_equals", Kind::Dynamic, |args| bools(args, |a, b| a == b), checked(args)?))
    },
    ..SERIES_ADD
};

pub(super) static SERIES_NOT_EQUALS: Function = Function {
    name: "series_not_equals",
    summary: "Whether the numbers of two series differ, as an array of bools.",
    examples: &[Example {
        query: "print series_not_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1]))",
        result: "[true,false,true]",
    }],
    lower: |_, args| {
        Ok(call("series_not_equals", Kind::Dynamic, |args| bools(args, |a, b| a != b), checked(args)?))
    },
    ..SERIES_ADD
};

pub(super) static SERIES_LESS: Function = Function {
    name: "series_less",
    summary: "Whether the numbers of a series are less than those of another, as an array of bools.",
    examples: &[Example {
        query: "print series_less(dynamic([1, 2, 4]), dynamic([4, 2, 1]))",
        result: "[true,false,false]",
    }],
    lower: |_, args| Ok(call("series_less", Kind::Dynamic, |args| bools(args, |a, b| a < b), checked(args)?)),
    ..SERIES_ADD
};

pub(super) static SERIES_LESS_EQUALS: Function = Function {
    name: "series_less_equals",
    summary: "Whether the numbers of a series are at most those of another, as an array of bools.",
    examples: &[Example {
        query: "print series_less_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1]))",
        result: "[true,true,false]",
    }],
    lower: |_, args| {
        Ok(call("series_less_equals", Kind::Dynamic, |args| bools(args, |a, b| a <= b), checked(args)?))
    },
    ..SERIES_ADD
};

pub(super) static SERIES_GREATER: Function = Function {
    name: "series_greater",
    summary: "Whether the numbers of a series are greater than those of another, as an array of bools.",
    examples: &[Example {
        query: "print series_greater(dynamic([1, 2, 4]), dynamic([4, 2, 1]))",
        result: "[false,false,true]",
    }],
    lower: |_, args| {
        Ok(call("series_greater", Kind::Dynamic, |args| bools(args, |a, b| a > b), checked(args)?))
    },
    ..SERIES_ADD
};

pub(super) static SERIES_GREATER_EQUALS: Function = Function {
    name: "series_greater_equals",
    summary: "Whether the numbers of a series are at least those of another, as an array of bools.",
    examples: &[Example {
        query: "print series_greater_equals(dynamic([1, 2, 4]), dynamic([4, 2, 1]))",
        result: "[false,true,true]",
    }],
    lower: |_, args| {
        Ok(call("series_greater_equals", Kind::Dynamic, |args| bools(args, |a, b| a >= b), checked(args)?))
    },
    ..SERIES_ADD
};

/// Arrays and numbers, as dynamic values.
pub(super) fn checked(args: Vec<Typed>) -> std::result::Result<Vec<Typed>, String> {
    let checked = args.into_iter().map(|arg| match arg.kind {
        Kind::Dynamic => Ok(arg),
        Kind::String => Ok(convert::parse_json(arg)),
        kind if is_numeric(kind) => Ok(convert::to_dynamic(arg)),
        kind => Err(format!("takes arrays and numbers, not a {}", kind.name())),
    });
    checked.collect()
}

fn numbers(args: &Args, stays_whole: bool, combine: fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let (left, right) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let (length, is_whole, one, other) = pair(&left, &right, row)?;
        let values = (0..length).map(|at| Some(combine(one.at(at)?, other.at(at)?)));
        Some(Series { values: values.collect(), is_whole: is_whole && stays_whole }.to_json())
    }))
}

fn bools(args: &Args, compare: fn(f64, f64) -> bool) -> Result<ArrayRef> {
    let (left, right) = (args.texts(0)?, args.texts(1)?);
    Ok(text_rows(args.rows, |row| {
        let (length, _, one, other) = pair(&left, &right, row)?;
        let compared = (0..length).map(|at| match (one.at(at), other.at(at)) {
            (Some(left), Some(right)) if compare(left, right) => "true",
            (Some(_), Some(_)) => "false",
            _ => "null",
        });
        Some(array_of(compared))
    }))
}
