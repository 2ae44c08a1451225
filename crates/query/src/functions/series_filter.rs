//! `series_fir(series, filter, [normalize], [center])`, `series_iir(series, numerators, denominators)`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::series::{LENGTH_MAX, Series, reals};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};

pub(super) static SERIES_FIR: Function = Function {
    name: "series_fir",
    summary: "A finite impulse response filter: each number becomes the sum of itself and those before it, \
              multiplied by the filter's. The filter's numbers are divided by their sum unless `normalize` is \
              false or one is negative; with `center` they are laid around each number. At most 1,024 of them.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::one("filter", Accepts::Dynamic),
        Param::optional("normalize", Accepts::Bool),
        Param::optional("center", Accepts::Bool),
    ],
    returns: "dynamic",
    naming: Naming::FirstArgument,
    examples: &[
        Example {
            query: "print series_fir(dynamic([1, 2, 3, 4]), dynamic([1, 1]), false)",
            result: "[1.0,3.0,5.0,7.0]",
        },
        Example {
            query: "print series_fir(dynamic([3, 6, 9]), dynamic([1, 1, 1]), true, true)",
            result: "[3.0,6.0,5.0]",
        },
        Example { query: "print series_fir(dynamic([1, 2, 4]), dynamic([1, -1]))", result: "[1.0,1.0,2.0]" },
    ],
    lower: |_, args| Ok(call("series_fir", Kind::Dynamic, fir_rows, args)),
};

pub(super) static SERIES_IIR: Function = Function {
    name: "series_iir",
    summary: "An infinite impulse response filter: each number becomes the sum of itself and those before it, \
              multiplied by the numerators, less the results before it, multiplied by the denominators behind \
              the first, all divided by that. At most 1,024 of each.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::one("numerators", Accepts::Dynamic),
        Param::one("denominators", Accepts::Dynamic),
    ],
    examples: &[
        Example {
            query: "print series_iir(dynamic([1, 2, 3, 4]), dynamic([1]), dynamic([1, -1]))",
            result: "[1.0,3.0,6.0,10.0]",
        },
        Example {
            query: "print isnull(series_iir(dynamic([1]), dynamic([1]), dynamic([0])))",
            result: "true",
        },
    ],
    lower: |_, args| Ok(call("series_iir", Kind::Dynamic, iir_rows, args)),
    ..SERIES_FIR
};

const FILTER_MAX: usize = 1_024;

/// The numbers of a filter.
fn filter(array: Option<&str>) -> Option<Vec<f64>> {
    Series::parse(array)?.finite().filter(|filter| !filter.is_empty() && filter.len() <= FILTER_MAX)
}

fn fir_rows(args: &Args) -> Result<ArrayRef> {
    let (arrays, filters) = (args.texts(0)?, args.texts(1)?);
    let flag = |at: usize| (at < args.len()).then(|| args.bools(at)).transpose();
    let (normalize, center) = (flag(2)?, flag(3)?);
    Ok(text_rows(args.rows, |row| {
        let values = Series::parse(arrays.get(row))?.filled();
        let mut filter = filter(filters.get(row))?;
        let given = normalize.as_ref().filter(|flags| flags.is_valid(row)).map(|flags| flags.value(row));
        if given.unwrap_or_else(|| filter.iter().all(|number| *number >= 0.0)) {
            let sum: f64 = filter.iter().sum();
            filter.iter_mut().for_each(|number| *number /= sum);
        }
        let is_centered = center.as_ref().is_some_and(|flags| flags.is_valid(row) && flags.value(row));
        (values.len() <= LENGTH_MAX).then(|| reals(&fir(&values, &filter, is_centered)))
    }))
}

fn fir(values: &[f64], filter: &[f64], is_centered: bool) -> Vec<f64> {
    let ahead = if is_centered { filter.len() / 2 } else { 0 };
    let result = (0..values.len()).map(|at| {
        let terms = filter.iter().enumerate().filter_map(|(back, factor)| {
            let from = (at + ahead).checked_sub(back)?;
            Some(factor * values.get(from)?)
        });
        terms.sum()
    });
    result.collect()
}

fn iir_rows(args: &Args) -> Result<ArrayRef> {
    let (arrays, numerators, denominators) = (args.texts(0)?, args.texts(1)?, args.texts(2)?);
    Ok(text_rows(args.rows, |row| {
        let values = Series::parse(arrays.get(row))?.filled();
        let (numerators, denominators) = (filter(numerators.get(row))?, filter(denominators.get(row))?);
        let first = *denominators.first().filter(|first| **first != 0.0)?;
        if values.len() > LENGTH_MAX {
            return None;
        }
        let mut results: Vec<f64> = Vec::with_capacity(values.len());
        for at in 0..values.len() {
            let forward: f64 =
                numerators.iter().zip(values[..=at].iter().rev()).map(|(factor, value)| factor * value).sum();
            let back: f64 = denominators[1..]
                .iter()
                .zip(results.iter().rev())
                .map(|(factor, value)| factor * value)
                .sum();
            results.push((forward - back) / first);
        }
        Some(reals(&results))
    }))
}
