//! `case(condition, then, ..., else)`

use datafusion::logical_expr::Case;
use datafusion::logical_expr::Expr;
use model::Kind;

use super::branches::as_one_kind;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::typed::Typed;

pub(super) static CASE: Function = Function {
    name: "case",
    summary: "The value behind the first condition that is true; the last argument where none is.",
    params: &[Param::rest("condition, then, else", Accepts::Any, 3, 511)],
    returns: "the common kind of the values; dynamic when there is none",
    naming: Naming::Numbered,
    examples: &[
        Example { query: r#"print case(1 > 2, "a", 2 > 1, "b", "c")"#, result: "b" },
        Example { query: r#"print case(bool(null), "a", "b")"#, result: "b" },
        Example { query: "print case(true, 1, 2.0)", result: "1.0" },
    ],
    lower: |_, args| {
        if args.len() % 2 == 0 {
            return Err(
                "takes pairs of a condition and a value, and one more value for all other rows".to_owned()
            );
        }
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        let last = args.len() - 1;
        for (at, arg) in args.into_iter().enumerate() {
            if at == last || at % 2 == 1 {
                values.push(arg);
                continue;
            }
            let kind = arg.kind;
            let Some(condition) = Accepts::Bool.take(arg) else {
                return Err(format!("condition {} must be a bool, not a {}", at / 2 + 1, kind.name()));
            };
            conditions.push(condition);
        }
        let (mut values, kind) = as_one_kind(values);
        let otherwise = values.pop();
        Ok(choose(conditions, values, otherwise, kind))
    },
};

fn choose(conditions: Vec<Typed>, values: Vec<Typed>, otherwise: Option<Typed>, kind: Kind) -> Typed {
    let pairs = conditions.into_iter().zip(values);
    let pairs = pairs.map(|(condition, value)| (Box::new(condition.expr), Box::new(value.expr))).collect();
    Typed::new(Expr::Case(Case::new(None, pairs, otherwise.map(|value| Box::new(value.expr)))), kind)
}
