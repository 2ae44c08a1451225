//! `series_fit_line(series)`, `series_fit_line_dynamic`, `series_fit_2lines`, `series_fit_2lines_dynamic`,
//! `series_fit_poly(y_series, [x_series], [degree])`

use datafusion::error::Result;
use model::Kind;
use serde_json::{Value, json};

use super::polynomial;
use super::series::{LENGTH_MAX, Series, real, real_array};
use super::tuples::{Part, Values, bag, parts};
use crate::functions::{Accepts, Example, Function, Naming, Param, Several};
use crate::kernel::Args;

pub(super) static SERIES_FIT_LINE: Function = Function {
    name: "series_fit_line",
    summary: "The line that fits a series best, as columns: how well it fits from 0 to 1, its slope, the \
              variance of the series and of what the line leaves, its value before the first number, and its \
              numbers. Null when \
              a number is missing or infinite.",
    params: &[Param::one("series", Accepts::Dynamic)],
    returns: "real, and five more columns",
    naming: Naming::Numbered,
    examples: &[
        Example {
            query: "print y = dynamic([1, 3, 5]) | extend (RSquare, Slope, Variance, RVariance, Interception, \
                    LineFit) = series_fit_line(y) | project RSquare, Slope, Interception, LineFit",
            result: "1.0 | 2.0 | -1.0 | [1.0,3.0,5.0]",
        },
        Example { query: "print isnull(series_fit_line(dynamic([1, null])))", result: "true" },
    ],
    lower: |_, args| (SERIES_FIT_LINE_COLUMNS.lower)(args).into_iter().next().ok_or_else(nothing),
};

pub(super) static SERIES_FIT_LINE_COLUMNS: Several =
    Several { parts: LINE, lower: |args| parts("series_fit_line", args, LINE, line_rows) };

pub(super) static SERIES_FIT_LINE_DYNAMIC: Function = Function {
    name: "series_fit_line_dynamic",
    summary: "What series_fit_line gives, as a bag.",
    returns: "dynamic",
    examples: &[Example { query: "print series_fit_line_dynamic(dynamic([1, 3, 5])).slope", result: "2.0" }],
    lower: |_, args| Ok(bag("series_fit_line_dynamic", args, LINE, line_rows)),
    ..SERIES_FIT_LINE
};

pub(super) static SERIES_FIT_2LINES: Function = Function {
    name: "series_fit_2lines",
    summary: "The two lines, one behind the other, that fit a series best, as columns: how well they fit, \
              where the second starts, the variances, the numbers of both, and what series_fit_line tells of \
              the right and the left one. Null when a number is missing or infinite.",
    returns: "real, and 14 more columns",
    examples: &[Example {
        query: "print y = dynamic([1, 2, 3, 10, 20, 30]) | extend (RSquare, SplitIdx) = series_fit_2lines(y) \
                | project round(RSquare, 6), SplitIdx, series_fit_2lines_y_left_slope",
        result: "1.0 | 3 | 1.0",
    }],
    lower: |_, args| (SERIES_FIT_2LINES_COLUMNS.lower)(args).into_iter().next().ok_or_else(nothing),
    ..SERIES_FIT_LINE
};

pub(super) static SERIES_FIT_2LINES_COLUMNS: Several =
    Several { parts: TWO_LINES, lower: |args| parts("series_fit_2lines", args, TWO_LINES, two_line_rows) };

pub(super) static SERIES_FIT_2LINES_DYNAMIC: Function = Function {
    name: "series_fit_2lines_dynamic",
    summary: "What series_fit_2lines gives, as a bag, with bags for the two lines.",
    returns: "dynamic",
    examples: &[Example {
        query: "print series_fit_2lines_dynamic(dynamic([1, 2, 3, 10, 20, 30])).right.slope",
        result: "10.0",
    }],
    lower: |_, args| Ok(bag("series_fit_2lines_dynamic", args, TWO_LINES_BAG, two_line_bags)),
    ..SERIES_FIT_LINE
};

pub(super) static SERIES_FIT_POLY: Function = Function {
    name: "series_fit_poly",
    summary: "The polynomial that fits a series best, over positions or another series, as columns: how well \
              it fits, its coefficients from the highest degree to the constant, the variances, and its \
              numbers. The degree is 1 unless given, and at most 5.",
    params: &[
        Param::one("y_series", Accepts::Dynamic),
        Param::optional("x_series", Accepts::Dynamic),
        Param::optional("degree", Accepts::Integer),
    ],
    returns: "real, and four more columns",
    examples: &[Example {
        query: "print y = dynamic([1, 4, 9, 16]), x = dynamic([1, 2, 3, 4]) \
                | extend (RSquare, Coefficients) = series_fit_poly(y, x, 2) \
                | project round(RSquare, 6), round(todouble(Coefficients[0]), 6)",
        result: "1.0 | 1.0",
    }],
    lower: |_, args| (SERIES_FIT_POLY_COLUMNS.lower)(args).into_iter().next().ok_or_else(nothing),
    ..SERIES_FIT_LINE
};

pub(super) static SERIES_FIT_POLY_COLUMNS: Several =
    Several { parts: POLYNOMIAL, lower: |args| parts("series_fit_poly", args, POLYNOMIAL, polynomial_rows) };

const DEGREE_MAX: usize = 5;

static LINE: &[Part] = &[
    ("rsquare", Kind::Real),
    ("slope", Kind::Real),
    ("variance", Kind::Real),
    ("rvariance", Kind::Real),
    ("interception", Kind::Real),
    ("line_fit", Kind::Dynamic),
];

static TWO_LINES: &[Part] = &[
    ("rsquare", Kind::Real),
    ("split_idx", Kind::Long),
    ("variance", Kind::Real),
    ("rvariance", Kind::Real),
    ("line_fit", Kind::Dynamic),
    ("right_rsquare", Kind::Real),
    ("right_slope", Kind::Real),
    ("right_interception", Kind::Real),
    ("right_variance", Kind::Real),
    ("right_rvariance", Kind::Real),
    ("left_rsquare", Kind::Real),
    ("left_slope", Kind::Real),
    ("left_interception", Kind::Real),
    ("left_variance", Kind::Real),
    ("left_rvariance", Kind::Real),
];

static TWO_LINES_BAG: &[Part] = &[
    ("rsquare", Kind::Real),
    ("split_idx", Kind::Long),
    ("variance", Kind::Real),
    ("rvariance", Kind::Real),
    ("line_fit", Kind::Dynamic),
    ("right", Kind::Dynamic),
    ("left", Kind::Dynamic),
];

static POLYNOMIAL: &[Part] = &[
    ("rsquare", Kind::Real),
    ("coefficients", Kind::Dynamic),
    ("variance", Kind::Real),
    ("rvariance", Kind::Real),
    ("poly_fit", Kind::Dynamic),
];

fn nothing() -> String {
    "gives nothing".to_owned()
}

fn each(args: &Args, fit: fn(&[f64]) -> Values) -> Result<Vec<Values>> {
    let arrays = args.texts(0)?;
    let values = (0..args.rows).map(|row| {
        let numbers = Series::parse(arrays.get(row))?.finite()?;
        if numbers.is_empty() || numbers.len() > LENGTH_MAX { None } else { fit(&numbers) }
    });
    Ok(values.collect())
}

/// A line over the positions of numbers.
pub(super) struct Line {
    slope: f64,
    start: f64,
    variance: f64,
    rest_variance: f64,
}

impl Line {
    pub fn fit(numbers: &[f64]) -> Line {
        let count = numbers.len() as f64;
        let (mean_x, mean_y) = ((count - 1.0) / 2.0, numbers.iter().sum::<f64>() / count);
        let (mut both, mut squares, mut spread) = (0.0, 0.0, 0.0);
        for (x, y) in numbers.iter().enumerate() {
            let (x, y) = (x as f64 - mean_x, y - mean_y);
            both += x * y;
            squares += x * x;
            spread += y * y;
        }
        let slope = if squares > 0.0 { both / squares } else { 0.0 };
        let rest = (spread - slope * both).max(0.0);
        let freedom = (count - 1.0).max(1.0);
        Line {
            slope,
            start: mean_y - slope * mean_x,
            variance: spread / freedom,
            rest_variance: rest / freedom,
        }
    }

    /// The value before the first position: positions count from 1 here.
    fn interception(&self) -> f64 {
        self.start - self.slope
    }

    pub fn at(&self, position: usize) -> f64 {
        self.start + self.slope * position as f64
    }

    fn fits(&self) -> f64 {
        goodness(self.variance, self.rest_variance)
    }

    fn numbers(&self, count: usize) -> Vec<f64> {
        (0..count).map(|at| self.at(at)).collect()
    }
}

/// The share of the variance that a fit explains; all of none.
fn goodness(variance: f64, rest: f64) -> f64 {
    if variance > 0.0 { 1.0 - rest / variance } else { 1.0 }
}

fn line_rows(args: &Args) -> Result<Vec<Values>> {
    each(args, |numbers| {
        let line = Line::fit(numbers);
        Some(vec![
            real(line.fits()),
            real(line.slope),
            real(line.variance),
            real(line.rest_variance),
            real(line.interception()),
            real_array(&line.numbers(numbers.len())),
        ])
    })
}

/// The lines left and right of the position that leaves the least, and that position.
fn split(numbers: &[f64]) -> (usize, Line, Line) {
    let left = rests(numbers.iter().copied());
    let mut right = rests(numbers.iter().rev().copied());
    right.reverse();
    let rest = |at: usize| left[at - 1] + right[at];
    let best = (1..numbers.len()).min_by(|one, other| rest(*one).total_cmp(&rest(*other))).unwrap_or(0);
    (best, Line::fit(&numbers[..best]), Line::fit(&numbers[best..]))
}

/// What the best line through the first n numbers leaves of their squares, for each n.
fn rests(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let (mut mean_x, mut mean_y, mut both, mut squares, mut spread) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let rest = numbers.enumerate().map(|(at, y)| {
        let (x, count) = (at as f64, at as f64 + 1.0);
        let (from_x, from_y) = (x - mean_x, y - mean_y);
        mean_x += from_x / count;
        mean_y += from_y / count;
        both += from_x * (y - mean_y);
        squares += from_x * (x - mean_x);
        spread += from_y * (y - mean_y);
        if squares > 0.0 { f64::max(spread - both * both / squares, 0.0) } else { 0.0 }
    });
    rest.collect()
}

/// What is told of both lines together: the fit, the split, the variances, the numbers.
fn together(numbers: &[f64], at: usize, left: &Line, right: &Line) -> Vec<Value> {
    let mut fitted = left.numbers(at);
    fitted.extend(right.numbers(numbers.len() - at));
    let (variance, rest) = variances(numbers, &fitted);
    vec![real(goodness(variance, rest)), Value::from(at), real(variance), real(rest), real_array(&fitted)]
}

/// The variance of numbers, and of what a fit leaves of them.
fn variances(numbers: &[f64], fitted: &[f64]) -> (f64, f64) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let freedom = (count - 1.0).max(1.0);
    let spread: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    let rest: f64 = numbers.iter().zip(fitted).map(|(number, fitted)| (number - fitted).powi(2)).sum();
    (spread / freedom, rest / freedom)
}

fn two_line_rows(args: &Args) -> Result<Vec<Values>> {
    each(args, |numbers| {
        let (at, left, right) = split(numbers);
        let mut values = together(numbers, at, &left, &right);
        for line in [right, left] {
            values.extend(
                [line.fits(), line.slope, line.interception(), line.variance, line.rest_variance].map(real),
            );
        }
        Some(values)
    })
}

fn two_line_bags(args: &Args) -> Result<Vec<Values>> {
    each(args, |numbers| {
        let (at, left, right) = split(numbers);
        let mut values = together(numbers, at, &left, &right);
        values.extend([right, left].map(|line| {
            json!({
                "rsquare": real(line.fits()),
                "slope": real(line.slope),
                "interception": real(line.interception()),
                "variance": real(line.variance),
                "rvariance": real(line.rest_variance),
            })
        }));
        Some(values)
    })
}

fn polynomial_rows(args: &Args) -> Result<Vec<Values>> {
    let arrays = args.texts(0)?;
    let positions = (args.len() > 1).then(|| args.texts(1)).transpose()?;
    let degrees = (args.len() > 2).then(|| args.longs(2)).transpose()?;
    let values = (0..args.rows).map(|row| {
        let y = Series::parse(arrays.get(row))?.finite()?;
        let x = match positions.as_ref().and_then(|positions| positions.get(row)) {
            Some(positions) => Series::parse(Some(positions))?.finite()?,
            None => (0..y.len()).map(|at| at as f64).collect(),
        };
        let degree = degrees.as_ref().map_or(Some(1), |degrees| degrees.get(row))?;
        let degree = usize::try_from(degree).ok().filter(|degree| *degree <= DEGREE_MAX)?;
        if x.len() != y.len() || y.len() <= degree || y.len() > LENGTH_MAX {
            return None;
        }
        let polynomial = polynomial::fit(&x, &y, degree)?;
        let fitted: Vec<f64> = x.iter().map(|x| polynomial::at(&polynomial, *x)).collect();
        let (variance, rest) = variances(&y, &fitted);
        Some(vec![
            real(goodness(variance, rest)),
            real_array(&polynomial),
            real(variance),
            real(rest),
            real_array(&fitted),
        ])
    });
    Ok(values.collect())
}
