//! `around(value, center, delta)`

use super::arguments::exactly;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::operators;
use kql::ast::BinaryOp;

pub(super) static AROUND: Function = Function {
    name: "around",
    summary: "Whether a value is from the center less the delta to the center plus the delta, both included.",
    params: &[
        Param::one("value", Accepts::Any),
        Param::one("center", Accepts::Any),
        Param::one("delta", Accepts::Any),
    ],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print around(12, 10, 2)", result: "true" },
        Example { query: "print around(12.1, 10, 2)", result: "false" },
        Example {
            query: "print around(datetime(2024-05-06 12:30), datetime(2024-05-06 12:00), 1h)",
            result: "true",
        },
    ],
    lower: |_, args| {
        let [value, center, delta] = exactly(args)?;
        let low = operators::binary(BinaryOp::Subtract, center.clone(), delta.clone())?;
        let high = operators::binary(BinaryOp::Add, center, delta)?;
        operators::between(value, low, high)
    },
};
