//! `todecimal(value)`

use model::Kind;

use super::arguments::exactly;
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};

pub(super) static TODECIMAL: Function = Function {
    name: "todecimal",
    summary: "The value as a decimal number, null when it holds none. It is exact, with up to 46 digits before the point and 30 behind it.",
    params: &[Param::one("value", Accepts::Any)],
    returns: "decimal",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: r#"print todecimal("123.45678") == decimal(123.45678)"#, result: "true" },
        Example { query: "print decimal(1.5) + 1", result: "2.5" },
        Example { query: "print decimal(0.1) + decimal(0.2) == decimal(0.3)", result: "true" },
        Example { query: "print decimal(10) / 4", result: "2.5" },
        Example { query: "print decimal(-14) % 12", result: "10" },
        Example { query: r#"print isnull(todecimal("x"))"#, result: "true" },
    ],
    lower: |_, args| {
        let [value] = exactly(args)?;
        Ok(convert::to_kind(value, Kind::Decimal))
    },
};
