//! `series_periods_detect(series, min_period, max_period, count)`, `series_periods_validate(series, period, ...)`,
//! `series_seasonal(series, [period], [test_points])`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::seasons;
use super::series::{LENGTH_MAX, Series, real_array, reals};
use super::tuples::{Part, Values, parts};
use crate::functions::{Accepts, Example, Function, Naming, Param, Several};
use crate::kernel::{Args, call, text_rows};

pub(super) static SERIES_PERIODS_DETECT: Function = Function {
    name: "series_periods_detect",
    summary: "The periods with which a series repeats itself best, and how well it does, from 0 to 1, as two \
              arrays. A period counts when it is seen three times; series of up to 10,000 numbers are looked \
              at.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::one("min_period", Accepts::Number),
        Param::one("max_period", Accepts::Number),
        Param::one("count", Accepts::Integer),
    ],
    returns: "dynamic, and another column",
    naming: Naming::Numbered,
    examples: &[Example {
        query: "print y = dynamic([1, 5, 1, 1, 5, 1, 1, 5, 1, 1, 5, 1]) \
                | project series_periods_detect(y, 2, 6, 2)",
        result: "[3.0,0.0] | [1.0,0.0]",
    }],
    lower: |_, args| {
        (SERIES_PERIODS_DETECT_COLUMNS.lower)(args)
            .into_iter()
            .next()
            .ok_or_else(|| "gives nothing".to_owned())
    },
};

pub(super) static SERIES_PERIODS_DETECT_COLUMNS: Several =
    Several { parts: PERIODS, lower: |args| parts("series_periods_detect", args, PERIODS, detect_rows) };

pub(super) static SERIES_PERIODS_VALIDATE: Function = Function {
    name: "series_periods_validate",
    summary: "How well a series repeats itself with given periods, from 0 to 1: the periods and the scores, as \
              two arrays.",
    params: &[Param::one("series", Accepts::Dynamic), Param::rest("period", Accepts::Number, 1, 16)],
    examples: &[Example {
        query: "print y = dynamic([1, 5, 1, 1, 5, 1, 1, 5, 1, 1, 5, 1]) | project series_periods_validate(y, 3, 4)",
        result: "[3.0,4.0] | [1.0,0.0]",
    }],
    lower: |_, args| {
        (SERIES_PERIODS_VALIDATE_COLUMNS.lower)(args)
            .into_iter()
            .next()
            .ok_or_else(|| "gives nothing".to_owned())
    },
    ..SERIES_PERIODS_DETECT
};

pub(super) static SERIES_PERIODS_VALIDATE_COLUMNS: Several =
    Several { parts: PERIODS, lower: |args| parts("series_periods_validate", args, PERIODS, validate_rows) };

pub(super) static SERIES_SEASONAL: Function = Function {
    name: "series_seasonal",
    summary: "What repeats in a series: the median of its numbers at each step of the period, which is found \
              unless given. Zeros where there is no period. The last `test_points` numbers are not looked at.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::optional("period", Accepts::Integer),
        Param::optional("test_points", Accepts::Integer),
    ],
    returns: "dynamic",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print series_seasonal(dynamic([8, 12, 14, 12, 10, 10, 12, 14, 12, 10, 10, 12, 14, 12, 10]))",
            result: "[10.0,12.0,14.0,12.0,10.0,10.0,12.0,14.0,12.0,10.0,10.0,12.0,14.0,12.0,10.0]",
        },
        Example { query: "print series_seasonal(dynamic([1, 2, 1, 4]), 2)", result: "[1.0,3.0,1.0,3.0]" },
        Example { query: "print series_seasonal(dynamic([1, 2, 3]))", result: "[0.0,0.0,0.0]" },
    ],
    lower: |_, args| Ok(call("series_seasonal", Kind::Dynamic, seasonal_rows, args)),
};

static PERIODS: &[Part] = &[("periods", Kind::Dynamic), ("periods_scores", Kind::Dynamic)];
/// Numbers of a series whose periods are looked for: the work grows with the square.
pub(super) const SEARCHED_MAX: usize = 10_000;
const PERIODS_MAX: usize = 100;

fn detect_rows(args: &Args) -> Result<Vec<Values>> {
    let (arrays, low, high, counts) = (args.texts(0)?, args.reals(1)?, args.reals(2)?, args.longs(3)?);
    let values = (0..args.rows).map(|row| {
        let numbers = Series::parse(arrays.get(row))?.finite()?;
        let count = usize::try_from(counts.get(row)?).ok()?.min(PERIODS_MAX);
        if numbers.len() > SEARCHED_MAX || !low.is_valid(row) || !high.is_valid(row) {
            return None;
        }
        let found =
            seasons::detect(&numbers, low.value(row).ceil() as usize, high.value(row) as usize, count);
        let of = |part: fn(&(usize, f64)) -> f64| {
            let mut values: Vec<f64> = found.iter().map(part).collect();
            values.resize(count, 0.0);
            real_array(&values)
        };
        Some(vec![of(|(period, _)| *period as f64), of(|(_, score)| *score)])
    });
    Ok(values.collect())
}

fn validate_rows(args: &Args) -> Result<Vec<Values>> {
    let arrays = args.texts(0)?;
    let periods = (1..args.len()).map(|at| args.reals(at)).collect::<Result<Vec<_>>>()?;
    let values = (0..args.rows).map(|row| {
        let numbers = Series::parse(arrays.get(row))?.finite()?;
        if numbers.is_empty() || numbers.len() > LENGTH_MAX {
            return None;
        }
        let numbers = seasons::detrended(&numbers);
        let periods = periods.iter().map(|column| column.is_valid(row).then(|| column.value(row)));
        let periods: Vec<f64> = periods.collect::<Option<_>>()?;
        let scores: Vec<f64> =
            periods.iter().map(|period| seasons::score(&numbers, period.round().max(0.0) as usize)).collect();
        Some(vec![real_array(&periods), real_array(&scores)])
    });
    Ok(values.collect())
}

fn seasonal_rows(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    let longs = |at: usize| (at < args.len()).then(|| args.longs(at)).transpose();
    let (periods, test_points) = (longs(1)?, longs(2)?);
    Ok(text_rows(args.rows, |row| {
        let numbers = Series::parse(arrays.get(row))?.finite()?;
        let given = periods.as_ref().and_then(|periods| periods.get(row));
        if numbers.len() > if given.is_some_and(|period| period >= 0) { LENGTH_MAX } else { SEARCHED_MAX } {
            return None;
        }
        let tested = test_points.as_ref().and_then(|points| points.get(row)).unwrap_or(0);
        let learned = numbers.len().saturating_sub(usize::try_from(tested).unwrap_or(0));
        let learned = &numbers[..learned];
        Some(reals(&match seasons::period(learned, given, seasons::THRESHOLD) {
            Some(period) => seasons::seasonal(learned, period, numbers.len()),
            None => vec![0.0; numbers.len()],
        }))
    }))
}
