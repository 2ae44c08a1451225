//! Deviations, variances, covariances, and bits of all values.

use datafusion::functions_aggregate::expr_fn;
use datafusion::logical_expr::Expr;
use model::Kind;

use super::{Lowered, number, one, zero_if_null};
use crate::typed::Typed;

type Lowering = Result<Lowered, String>;

fn real(args: Vec<Typed>, aggregate: fn(Expr) -> Expr) -> Lowering {
    let value = number(one(args)?)?.cast_number(Kind::Real);
    Ok(Lowered { expr: aggregate(value.expr), kind: Kind::Real, finish: Box::new(zero_if_null) })
}

pub(super) fn stdev(args: Vec<Typed>) -> Lowering {
    real(args, expr_fn::stddev)
}

pub(super) fn stdev_of_all(args: Vec<Typed>) -> Lowering {
    real(args, expr_fn::stddev_pop)
}

pub(super) fn variance(args: Vec<Typed>) -> Lowering {
    real(args, expr_fn::var_sample)
}

pub(super) fn variance_of_all(args: Vec<Typed>) -> Lowering {
    real(args, expr_fn::var_pop)
}

fn of_pair(args: Vec<Typed>, aggregate: fn(Expr, Expr) -> Expr) -> Lowering {
    let pair: [Typed; 2] = args.try_into().map_err(|_| "two arguments are taken".to_owned())?;
    let [x, y] = pair.map(|value| value.cast_number(Kind::Real).expr);
    Ok(Lowered { expr: aggregate(x, y), kind: Kind::Real, finish: Box::new(zero_if_null) })
}

pub(super) fn covariance(args: Vec<Typed>) -> Lowering {
    of_pair(args, expr_fn::covar_samp)
}

pub(super) fn covariance_of_all(args: Vec<Typed>) -> Lowering {
    of_pair(args, expr_fn::covar_pop)
}

fn bits(args: Vec<Typed>, aggregate: fn(Expr) -> Expr) -> Lowering {
    Ok(Lowered::plain(aggregate(one(args)?.expr), Kind::Long))
}

pub(super) fn binary_and(args: Vec<Typed>) -> Lowering {
    bits(args, expr_fn::bit_and)
}

pub(super) fn binary_or(args: Vec<Typed>) -> Lowering {
    bits(args, expr_fn::bit_or)
}

pub(super) fn binary_xor(args: Vec<Typed>) -> Lowering {
    bits(args, expr_fn::bit_xor)
}
