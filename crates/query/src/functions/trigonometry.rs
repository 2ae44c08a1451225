//! `sin(radians)`, `cos`, `tan`, `cot`, `asin(number)`, `acos`, `atan`, `atan2(y, x)`, `degrees(radians)`,
//! `radians(degrees)`, `pi()`, `exp2(number)`, `exp10(number)`

use datafusion::common::ScalarValue;
use model::Kind;

use super::arguments::Reals;
use super::mathematics::{SQRT, each};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{call, real_rows};
use crate::typed::Typed;

pub(super) static SIN: Function = Function {
    name: "sin",
    summary: "The sine of an angle in radians.",
    params: &[Param::one("radians", Accepts::Number)],
    examples: &[Example { query: "print sin(0)", result: "0.0" }],
    lower: |_, args| Ok(call("sin", Kind::Real, |args| each(args, f64::sin), args)),
    ..SQRT
};

pub(super) static COS: Function = Function {
    name: "cos",
    summary: "The cosine of an angle in radians.",
    examples: &[Example { query: "print cos(0)", result: "1.0" }],
    lower: |_, args| Ok(call("cos", Kind::Real, |args| each(args, f64::cos), args)),
    ..SIN
};

pub(super) static TAN: Function = Function {
    name: "tan",
    summary: "The tangent of an angle in radians.",
    examples: &[Example { query: "print tan(0)", result: "0.0" }],
    lower: |_, args| Ok(call("tan", Kind::Real, |args| each(args, f64::tan), args)),
    ..SIN
};

pub(super) static COT: Function = Function {
    name: "cot",
    summary: "The cotangent of an angle in radians.",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print round(cot(1), 4)", result: "0.6421" },
        Example { query: "print cot(0)", result: "Infinity" },
    ],
    lower: |_, args| Ok(call("cot", Kind::Real, |args| each(args, |angle| 1.0 / angle.tan()), args)),
    ..SIN
};

pub(super) static ASIN: Function = Function {
    name: "asin",
    summary: "The angle in radians whose sine is the number; NaN outside of -1 to 1.",
    params: &[Param::one("number", Accepts::Number)],
    examples: &[
        Example { query: "print asin(0)", result: "0.0" },
        Example { query: "print asin(2)", result: "NaN" },
    ],
    lower: |_, args| Ok(call("asin", Kind::Real, |args| each(args, f64::asin), args)),
    ..SIN
};

pub(super) static ACOS: Function = Function {
    name: "acos",
    summary: "The angle in radians whose cosine is the number; NaN outside of -1 to 1.",
    examples: &[Example { query: "print acos(1)", result: "0.0" }],
    lower: |_, args| Ok(call("acos", Kind::Real, |args| each(args, f64::acos), args)),
    ..ASIN
};

pub(super) static ATAN: Function = Function {
    name: "atan",
    summary: "The angle in radians whose tangent is the number.",
    examples: &[Example { query: "print round(atan(1), 4)", result: "0.7854" }],
    lower: |_, args| Ok(call("atan", Kind::Real, |args| each(args, f64::atan), args)),
    ..ASIN
};

pub(super) static ATAN2: Function = Function {
    name: "atan2",
    summary: "The angle in radians between the x axis and the line to a point.",
    params: &[Param::one("y", Accepts::Number), Param::one("x", Accepts::Number)],
    examples: &[
        Example { query: "print round(atan2(1, 1), 4)", result: "0.7854" },
        Example { query: "print round(atan2(-1, 0), 4)", result: "-1.5708" },
    ],
    lower: |_, args| {
        let rows = |args: &crate::kernel::Args| {
            let values = Reals::of(args)?;
            Ok(real_rows(args.rows, |row| {
                let [y, x] = values.get(row)?;
                Some(f64::atan2(y, x))
            }))
        };
        Ok(call("atan2", Kind::Real, rows, args))
    },
    ..SIN
};

pub(super) static DEGREES: Function = Function {
    name: "degrees",
    summary: "An angle in radians as one in degrees.",
    naming: Naming::Numbered,
    examples: &[Example { query: "print degrees(pi() * 1.5)", result: "270.0" }],
    lower: |_, args| Ok(call("degrees", Kind::Real, |args| each(args, f64::to_degrees), args)),
    ..SIN
};

pub(super) static RADIANS: Function = Function {
    name: "radians",
    summary: "An angle in degrees as one in radians.",
    params: &[Param::one("degrees", Accepts::Number)],
    naming: Naming::Numbered,
    examples: &[Example { query: "print radians(180) == pi()", result: "true" }],
    lower: |_, args| Ok(call("radians", Kind::Real, |args| each(args, f64::to_radians), args)),
    ..SIN
};

pub(super) static PI: Function = Function {
    name: "pi",
    summary: "The ratio of a circle's circumference to its diameter.",
    params: &[],
    naming: Naming::Numbered,
    examples: &[Example { query: "print pi()", result: "3.141592653589793" }],
    lower: |_, _| Ok(Typed::value(ScalarValue::Float64(Some(std::f64::consts::PI)), Kind::Real)),
    ..SIN
};

pub(super) static EXP2: Function = Function {
    name: "exp2",
    summary: "2 to the power of a number.",
    examples: &[Example { query: "print exp2(10)", result: "1024.0" }],
    lower: |_, args| Ok(call("exp2", Kind::Real, |args| each(args, f64::exp2), args)),
    ..ASIN
};

pub(super) static EXP10: Function = Function {
    name: "exp10",
    summary: "10 to the power of a number.",
    examples: &[Example { query: "print exp10(3)", result: "1000.0" }],
    lower: |_, args| Ok(call("exp10", Kind::Real, |args| each(args, |number| 10f64.powf(number)), args)),
    ..ASIN
};
