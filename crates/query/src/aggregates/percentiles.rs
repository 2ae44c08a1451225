//! `percentile`, `percentiles`, and their kin: a digest of the group, and what is read from it.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use model::Kind;

use super::{Lowered, digests};
use crate::functions::digest::{percentile_of, percentiles_of};
use crate::functions::take_args;
use crate::typed::Typed;
use crate::{constant, convert, json};

/// Aggregates that give a column for each percentage.
pub(crate) struct Several {
    /// The engine's aggregate that all columns are read from.
    pub expr: Expr,
    /// Percentages as they are named, with the way from the aggregate's result to the column.
    pub columns: Vec<(String, super::Finish)>,
}

/// Whether an aggregate of that name gives a column for each percentage.
pub(crate) fn gives_percentiles(name: &str) -> bool {
    matches!(name, "percentile" | "percentiles" | "percentilew" | "percentilesw")
}

/// `percentiles(value, percentage, ...)` and the like.
pub(crate) fn percentiles(name: &str, args: Vec<Typed>) -> Result<Several, String> {
    let (params, has_weight) = match name {
        "percentile" => (super::PERCENTILE, false),
        "percentilew" => (super::WEIGHTED, true),
        "percentilesw" => (super::WEIGHTED_PERCENTILES, true),
        _ => (super::PERCENTILES, false),
    };
    columns(take_args(params, args)?, has_weight)
}

fn columns(args: Vec<Typed>, has_weight: bool) -> Result<Several, String> {
    let (value, weight, percentages) = split(args, has_weight)?;
    let kind = result_kind(value.kind);
    let columns = percentages.into_iter().map(|percentage| {
        // 95.5 is part of a name as 95_5.
        let name = percentage.to_string().replace('.', "_");
        let finish: super::Finish = Box::new(move |digest| percentile_of(digest, percentage, kind));
        (name, finish)
    });
    Ok(Several { columns: columns.collect(), expr: digests::of_values(value, weight)? })
}

fn split(args: Vec<Typed>, has_weight: bool) -> Result<(Typed, Option<Typed>, Vec<f64>), String> {
    let mut args = args.into_iter();
    let value = args.next().ok_or("a value is missing")?;
    let weight = if has_weight { Some(args.next().ok_or("a weight is missing")?) } else { None };
    let mut percentages = Vec::new();
    for arg in args {
        let constant = constant::fold(arg).map_err(|error| error.to_string())?;
        let array = constant.literal_json().and_then(json::elements);
        let given = match array {
            Some(elements) => elements.into_iter().map(|element| element.parse().ok()).collect(),
            None => {
                let real = constant::fold(convert::to_real(constant)).map_err(|error| error.to_string())?;
                match real.literal() {
                    Some(ScalarValue::Float64(Some(number))) => Some(vec![*number]),
                    _ => None,
                }
            }
        };
        let given: Vec<f64> = given.ok_or("percentages must be constant numbers")?;
        percentages.extend(given);
    }
    match percentages.iter().find(|percentage| !(0.0..=100.0).contains(*percentage)) {
        Some(wrong) => Err(format!("a percentage is a number from 0 to 100, not {wrong}")),
        None => Ok((value, weight, percentages)),
    }
}

/// A value of the group is what is given, so it keeps its kind.
fn result_kind(kind: Kind) -> Kind {
    match kind {
        Kind::Dynamic => Kind::Real,
        Kind::Bool => Kind::Long,
        kind => kind,
    }
}

pub(super) fn one(args: Vec<Typed>) -> Result<Lowered, String> {
    first(columns(args, false)?)
}

pub(super) fn one_weighted(args: Vec<Typed>) -> Result<Lowered, String> {
    first(columns(args, true)?)
}

fn first(mut several: Several) -> Result<Lowered, String> {
    match several.columns.len() {
        1 => {
            let (_, finish) = several.columns.remove(0);
            Ok(Lowered { expr: several.expr, kind: Kind::Dynamic, finish })
        }
        _ => Err("takes one percentage; use percentiles()".to_owned()),
    }
}

pub(super) fn array(args: Vec<Typed>) -> Result<Lowered, String> {
    in_array(args, false)
}

pub(super) fn array_weighted(args: Vec<Typed>) -> Result<Lowered, String> {
    in_array(args, true)
}

fn in_array(args: Vec<Typed>, has_weight: bool) -> Result<Lowered, String> {
    let (value, weight, percentages) = split(args, has_weight)?;
    let expr = digests::of_values(value, weight)?;
    let finish = move |digest| percentiles_of(digest, &percentages);
    Ok(Lowered { expr, kind: Kind::Dynamic, finish: Box::new(finish) })
}
