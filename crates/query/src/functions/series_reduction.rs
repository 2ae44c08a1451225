//! One number from series: `series_sum(series)`, `series_product`, `series_magnitude`,
//! `series_dot_product(left, right)`, `series_pearson_correlation`, `series_cosine_similarity(left, right,
//! [left_magnitude], [right_magnitude])`

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::error::Result;
use model::Kind;

use super::series::{Series, pair};
use super::series_binary::checked;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, real_rows};

pub(super) static SERIES_SUM: Function = Function {
    name: "series_sum",
    summary: "The sum of the numbers of a series. Null where there is none.",
    params: &[Param::one("series", Accepts::Dynamic)],
    returns: "real",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print series_sum(dynamic([1, 2, null, 4]))", result: "7.0" },
        Example { query: "print isnull(series_sum(dynamic([null])))", result: "true" },
    ],
    lower: |_, args| Ok(call("series_sum", Kind::Real, |args| fold(args, |a, b| a + b), args)),
};

pub(super) static SERIES_PRODUCT: Function = Function {
    name: "series_product",
    summary: "The product of the numbers of a series. Null where there is none.",
    examples: &[Example { query: "print series_product(dynamic([1, 2, 3, 4]))", result: "24.0" }],
    lower: |_, args| Ok(call("series_product", Kind::Real, |args| fold(args, |a, b| a * b), args)),
    ..SERIES_SUM
};

pub(super) static SERIES_MAGNITUDE: Function = Function {
    name: "series_magnitude",
    summary: "The length of a series as a vector: the root of the sum of its squares.",
    examples: &[Example { query: "print series_magnitude(dynamic([3, 4]))", result: "5.0" }],
    lower: |_, args| Ok(call("series_magnitude", Kind::Real, magnitudes, args)),
    ..SERIES_SUM
};

pub(super) static SERIES_DOT_PRODUCT: Function = Function {
    name: "series_dot_product",
    summary: "The sum of the products of the numbers of two series, one of which may be a single number. Null \
              where one has fewer numbers.",
    params: &[Param::one("left", Accepts::Any), Param::one("right", Accepts::Any)],
    examples: &[
        Example { query: "print series_dot_product(dynamic([1, 2, 4]), dynamic([4, 2, 1]))", result: "12.0" },
        Example { query: "print series_dot_product(dynamic([1, 2, 4]), 2)", result: "14.0" },
        Example { query: "print isnull(series_dot_product(dynamic([1, 2]), dynamic([4])))", result: "true" },
    ],
    lower: |_, args| {
        Ok(call(
            "series_dot_product",
            Kind::Real,
            |args| of_pairs(args, |pairs| Some(dot(pairs))),
            checked(args)?,
        ))
    },
    ..SERIES_SUM
};

pub(super) static SERIES_PEARSON_CORRELATION: Function = Function {
    name: "series_pearson_correlation",
    summary: "Pearson's correlation of two series: 1 when one grows as the other does, -1 when it falls. NaN \
              when one of them does not vary.",
    params: &[Param::one("left", Accepts::Dynamic), Param::one("right", Accepts::Dynamic)],
    examples: &[
        Example {
            query: "print round(series_pearson_correlation(dynamic([1, 2, 3]), dynamic([2, 4, 6])), 6)",
            result: "1.0",
        },
        Example {
            query: "print series_pearson_correlation(dynamic([1, 1]), dynamic([1, 2]))",
            result: "NaN",
        },
    ],
    lower: |_, args| {
        Ok(call("series_pearson_correlation", Kind::Real, |args| of_pairs(args, correlation), args))
    },
    ..SERIES_SUM
};

pub(super) static SERIES_COSINE_SIMILARITY: Function = Function {
    name: "series_cosine_similarity",
    summary: "The cosine of the angle between two series as vectors. Their magnitudes can be given where they \
              are known.",
    params: &[
        Param::one("left", Accepts::Dynamic),
        Param::one("right", Accepts::Dynamic),
        Param::optional("left_magnitude", Accepts::Number),
        Param::optional("right_magnitude", Accepts::Number),
    ],
    examples: &[
        Example {
            query: "print round(series_cosine_similarity(dynamic([1, 2]), dynamic([2, 4])), 6)",
            result: "1.0",
        },
        Example { query: "print series_cosine_similarity(dynamic([1, 0]), dynamic([0, 3]))", result: "0.0" },
        Example {
            query: "print series_cosine_similarity(dynamic([3, 4]), dynamic([3, 4]), 5, 5)",
            result: "1.0",
        },
    ],
    lower: |_, args| Ok(call("series_cosine_similarity", Kind::Real, similarities, args)),
    ..SERIES_SUM
};

fn fold(args: &Args, combine: fn(f64, f64) -> f64) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    Ok(real_rows(args.rows, |row| {
        Series::parse(arrays.get(row))?.values.into_iter().flatten().reduce(combine)
    }))
}

fn magnitude(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.map(|number| number * number).sum::<f64>().sqrt()
}

fn magnitudes(args: &Args) -> Result<ArrayRef> {
    let arrays = args.texts(0)?;
    Ok(real_rows(args.rows, |row| Some(magnitude(Series::parse(arrays.get(row))?.finite()?.into_iter()))))
}

type Pairs = [(f64, f64)];

fn dot(pairs: &Pairs) -> f64 {
    pairs.iter().map(|(left, right)| left * right).sum()
}

/// A function of pairs of numbers; null where one of a pair is missing.
fn of_pairs(args: &Args, function: fn(&Pairs) -> Option<f64>) -> Result<ArrayRef> {
    let (left, right) = (args.texts(0)?, args.texts(1)?);
    Ok(real_rows(args.rows, |row| {
        let (length, _, one, other) = pair(&left, &right, row)?;
        let pairs = (0..length).map(|at| Some((one.at(at)?, other.at(at)?)));
        function(&pairs.collect::<Option<Vec<_>>>()?)
    }))
}

fn correlation(pairs: &Pairs) -> Option<f64> {
    let count = pairs.len() as f64;
    let mean_left = pairs.iter().map(|pair| pair.0).sum::<f64>() / count;
    let mean_right = pairs.iter().map(|pair| pair.1).sum::<f64>() / count;
    let (mut both, mut of_left, mut of_right) = (0.0, 0.0, 0.0);
    for (left, right) in pairs {
        let (left, right) = (left - mean_left, right - mean_right);
        both += left * right;
        of_left += left * left;
        of_right += right * right;
    }
    Some(both / (of_left * of_right).sqrt())
}

fn similarities(args: &Args) -> Result<ArrayRef> {
    let (left, right) = (args.texts(0)?, args.texts(1)?);
    let given = (2..args.len()).map(|at| args.reals(at)).collect::<Result<Vec<_>>>()?;
    Ok(real_rows(args.rows, |row| {
        let (length, _, one, other) = pair(&left, &right, row)?;
        let pairs = (0..length).map(|at| Some((one.at(at)?, other.at(at)?)));
        let pairs = pairs.collect::<Option<Vec<_>>>()?;
        let known = |at: usize| given.get(at).filter(|column| column.is_valid(row)).map(|c| c.value(row));
        let of_left = known(0).unwrap_or_else(|| magnitude(pairs.iter().map(|pair| pair.0)));
        let of_right = known(1).unwrap_or_else(|| magnitude(pairs.iter().map(|pair| pair.1)));
        Some(dot(&pairs) / (of_left * of_right))
    }))
}
