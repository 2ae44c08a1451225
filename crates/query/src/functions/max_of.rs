//! `max_of(value, ...)`, `min_of(value, ...)`

use datafusion::functions::core::expr_fn;
use datafusion::logical_expr::Expr;
use model::Kind;

use super::branches::as_related_kind;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::typed::Typed;

pub(super) static MAX_OF: Function = Function {
    name: "max_of",
    summary: "The greatest of several values, nulls left out.",
    params: &[Param::rest("value", Accepts::Any, 1, 64)],
    returns: "the common kind of the values",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print max_of(3, int(null), 17)", result: "17" },
        Example { query: "print max_of(1, 2.5)", result: "2.5" },
        Example { query: "print isnull(max_of(long(null), long(null)))", result: "true" },
    ],
    lower: |_, args| choose(args, expr_fn::greatest),
};

pub(super) static MIN_OF: Function = Function {
    name: "min_of",
    summary: "The least of several values, nulls left out.",
    examples: &[
        Example { query: "print min_of(3, -1, long(null))", result: "-1" },
        Example { query: "print min_of(2h, 90m)", result: "01:30:00" },
        Example { query: r#"print min_of("b", "a")"#, result: "a" },
    ],
    lower: |_, args| choose(args, expr_fn::least),
    ..MAX_OF
};

fn choose(args: Vec<Typed>, choice: fn(Vec<Expr>) -> Expr) -> Result<Typed, String> {
    let (values, kind) = as_related_kind(args)?;
    if kind == Kind::Dynamic {
        return Err("dynamic values have no order; convert them first".to_owned());
    }
    Ok(Typed::new(choice(values.into_iter().map(|value| value.expr).collect()), kind))
}
