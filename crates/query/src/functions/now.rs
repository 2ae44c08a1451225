//! `now([offset])`

use datafusion::common::ScalarValue;
use kql::ast::BinaryOp;
use model::Kind;

use crate::functions::{Accepts, Context, Example, Function, Naming, Param};
use crate::operators;
use crate::typed::Typed;

pub(super) static NOW: Function = Function {
    name: "now",
    summary: "The time at which the query started, or one that lies a time span after it.",
    params: &[Param::optional("offset", Accepts::TimeSpan)],
    returns: "datetime",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print now() == now()", result: "true" },
        Example { query: "print now(-2h) - now()", result: "-02:00:00" },
    ],
    lower: |context, args| match args.into_iter().next() {
        Some(offset) => operators::binary(BinaryOp::Add, now(context), offset),
        None => Ok(now(context)),
    },
};

pub(super) fn now(context: &Context) -> Typed {
    Typed::value(ScalarValue::Int64(Some(context.now.0)), Kind::DateTime)
}
