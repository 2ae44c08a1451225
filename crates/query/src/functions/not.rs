//! `not(condition)`

use super::arguments::exactly;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::operators;

pub(super) static NOT: Function = Function {
    name: "not",
    summary: "The opposite of a condition; null stays null.",
    params: &[Param::one("condition", Accepts::Bool)],
    returns: "bool",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print not(1 == 2)", result: "true" },
        Example { query: "print isnull(not(bool(null)))", result: "true" },
    ],
    lower: |_, args| {
        let [condition] = exactly(args)?;
        Ok(operators::not(condition))
    },
};
