//! `iff(condition, then, else)`, `iif(condition, then, else)`

use datafusion::logical_expr::when;

use super::arguments::exactly;
use super::branches::as_one_kind;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::typed::Typed;

pub(super) static IFF: Function = Function {
    name: "iff",
    summary: "The second argument where the condition is true, else the third, also where it is null.",
    params: &[
        Param::one("condition", Accepts::Bool),
        Param::one("then", Accepts::Any),
        Param::one("else", Accepts::Any),
    ],
    returns: "the common kind of both; dynamic when there is none",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print iff(2 > 1, "more", "less")"#, result: "more" },
        Example { query: r#"print iff(bool(null), "yes", "no")"#, result: "no" },
        Example { query: "print iff(true, 1, 2.5)", result: "1.0" },
        Example { query: r#"print iff(true, dynamic("x"), "y") == "x""#, result: "true" },
        Example { query: r#"print gettype(iff(false, "a", 7))"#, result: "long" },
    ],
    lower: |_, args| {
        let [condition, then, otherwise] = exactly(args)?;
        let (branches, kind) = as_one_kind(vec![then, otherwise]);
        let [then, otherwise] = exactly(branches)?;
        let expr =
            when(condition.expr, then.expr).otherwise(otherwise.expr).map_err(|error| error.to_string())?;
        Ok(Typed::new(expr, kind))
    },
};

pub(super) static IIF: Function = Function { name: "iif", summary: "Another name of iff.", ..IFF };
