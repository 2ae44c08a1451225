//! `series_stats(series, [ignore_nonfinite])`, `series_stats_dynamic(series, [ignore_nonfinite])`

use datafusion::arrow::array::Array;
use datafusion::error::Result;
use model::Kind;
use serde_json::Value;

use super::series::{Series, real};
use super::tuples::{Part, Values, bag, parts};
use crate::functions::{Accepts, Example, Function, Naming, Param, Several};
use crate::kernel::Args;
use crate::typed::Typed;

pub(super) static SERIES_STATS: Function = Function {
    name: "series_stats",
    summary: "The least and the greatest number of a series and their positions, the mean, and the standard \
              deviation and variance of a sample, as columns. Null when a number is missing or infinite, \
              unless these are ignored.",
    params: &[Param::one("series", Accepts::Dynamic), Param::optional("ignore_nonfinite", Accepts::Bool)],
    returns: "real, and six more columns",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print x = dynamic([2, 4, 4, 6]) | project series_stats(x)",
            result: "2.0 | 0 | 6.0 | 3 | 4.0 | 1.632993161855452 | 2.6666666666666665",
        },
        Example { query: "print isnull(series_stats(dynamic([1, null])))", result: "true" },
        Example { query: "print toreal(series_stats(dynamic([null, 3]), true))", result: "3.0" },
    ],
    lower: |_, args| {
        (SERIES_STATS_COLUMNS.lower)(args).into_iter().next().ok_or_else(|| "gives nothing".to_owned())
    },
};

pub(super) static SERIES_STATS_COLUMNS: Several = Several {
    parts: &[
        ("min", Kind::Real),
        ("min_idx", Kind::Long),
        ("max", Kind::Real),
        ("max_idx", Kind::Long),
        ("avg", Kind::Real),
        ("stdev", Kind::Real),
        ("variance", Kind::Real),
    ],
    lower: |args| parts("series_stats", args, SERIES_STATS_COLUMNS.parts, rows),
};

pub(super) static SERIES_STATS_DYNAMIC: Function = Function {
    name: "series_stats_dynamic",
    summary: "What series_stats gives, with the sum and the length, as a bag.",
    returns: "dynamic",
    examples: &[Example { query: "print series_stats_dynamic(dynamic([1, 3])).avg", result: "2.0" }],
    lower: |_, args: Vec<Typed>| Ok(bag("series_stats_dynamic", args, PARTS, rows)),
    ..SERIES_STATS
};

static PARTS: &[Part] = &[
    ("min", Kind::Real),
    ("min_idx", Kind::Long),
    ("max", Kind::Real),
    ("max_idx", Kind::Long),
    ("avg", Kind::Real),
    ("stdev", Kind::Real),
    ("variance", Kind::Real),
    ("sum", Kind::Real),
    ("len", Kind::Long),
];

fn rows(args: &Args) -> Result<Vec<Values>> {
    let arrays = args.texts(0)?;
    let ignore = (args.len() > 1).then(|| args.bools(1)).transpose()?;
    let values = (0..args.rows).map(|row| {
        let ignores = ignore.as_ref().is_some_and(|flags| flags.is_valid(row) && flags.value(row));
        statistics(&Series::parse(arrays.get(row))?, ignores)
    });
    Ok(values.collect())
}

fn statistics(series: &Series, ignores_nonfinite: bool) -> Values {
    let finite = series.values.iter().enumerate();
    let finite: Vec<(usize, f64)> =
        finite.filter_map(|(at, value)| Some((at, value.filter(|number| number.is_finite())?))).collect();
    if !ignores_nonfinite && finite.len() < series.values.len() {
        return None;
    }
    let first = *finite.first()?;
    let least = finite.iter().copied().reduce(|best, next| if next.1 < best.1 { next } else { best });
    let most = finite.iter().copied().reduce(|best, next| if next.1 > best.1 { next } else { best });
    let ((min_at, min), (max_at, max)) = (least.unwrap_or(first), most.unwrap_or(first));
    let count = finite.len() as f64;
    let sum: f64 = finite.iter().map(|(_, number)| number).sum();
    let mean = sum / count;
    let squares: f64 = finite.iter().map(|(_, number)| (number - mean).powi(2)).sum();
    let variance = if finite.len() > 1 { squares / (count - 1.0) } else { 0.0 };
    Some(vec![
        real(min),
        Value::from(min_at),
        real(max),
        Value::from(max_at),
        real(mean),
        real(variance.sqrt()),
        real(variance),
        real(sum),
        Value::from(series.values.len()),
    ])
}
