//! `ago(span)`

use kql::ast::BinaryOp;

use super::arguments::exactly;
use super::now::now;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::operators;

pub(super) static AGO: Function = Function {
    name: "ago",
    summary: "The time that lies a time span before now. Now is one instant for the whole query.",
    params: &[Param::one("span", Accepts::TimeSpan)],
    returns: "datetime",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print now() - ago(90m)", result: "01:30:00" },
        Example { query: "print ago(-1d) > now()", result: "true" },
    ],
    lower: |context, args| {
        let [span] = exactly(args)?;
        operators::binary(BinaryOp::Subtract, now(context), span)
    },
};
