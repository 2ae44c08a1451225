//! Missing numbers of series: `series_fill_const(series, [value], [missing])`,
//! `series_fill_forward(series, [missing])`, `series_fill_backward`,
//! `series_fill_linear(series, [missing], [fill_edges], [value])`

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, Float64Array};
use datafusion::error::Result;
use model::Kind;

use super::arguments::{exactly, padded};
use super::arrays::{array_of, elements};
use super::series::{Series, push_number};
use crate::convert;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, text_rows};
use crate::typed::Typed;

pub(super) static SERIES_FILL_CONST: Function = Function {
    name: "series_fill_const",
    summary: "A series with a value, 0 unless given, in place of missing numbers: nulls, or those that equal \
              the last argument.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::optional("value", Accepts::Number),
        Param::optional("missing", Accepts::Number),
    ],
    returns: "dynamic",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print series_fill_const(dynamic([1, null, 3]), 0.0)", result: "[1,0.0,3]" },
        Example { query: "print series_fill_const(dynamic([1, null, 3]))", result: "[1,0,3]" },
        Example { query: "print series_fill_const(dynamic([1, -1, 3]), 7, -1)", result: "[1,7,3]" },
    ],
    lower: |_, args| {
        let [series, value, missing] = exactly(padded(padded(args, 2, Typed::long(0)), 3, nothing()))?;
        let args = vec![series, convert::to_dynamic(value), convert::to_real(missing)];
        Ok(call("series_fill_const", Kind::Dynamic, constants, args))
    },
};

pub(super) static SERIES_FILL_FORWARD: Function = Function {
    name: "series_fill_forward",
    summary: "A series with the number before them in place of missing ones: nulls, or those that equal the \
              last argument.",
    params: &[Param::one("series", Accepts::Dynamic), Param::optional("missing", Accepts::Number)],
    examples: &[Example {
        query: "print series_fill_forward(dynamic([null, 36, null, null, 16, null]))",
        result: "[null,36,36,36,16,16]",
    }],
    lower: |_, args| {
        let [series, missing] = exactly(padded(args, 2, nothing()))?;
        Ok(call("series_fill_forward", Kind::Dynamic, forward, vec![series, convert::to_real(missing)]))
    },
    ..SERIES_FILL_CONST
};

pub(super) static SERIES_FILL_BACKWARD: Function = Function {
    name: "series_fill_backward",
    summary: "A series with the number behind them in place of missing ones: nulls, or those that equal the \
              last argument.",
    examples: &[Example {
        query: "print series_fill_backward(dynamic([null, 36, null, null, 16, null]))",
        result: "[36,36,16,16,16,null]",
    }],
    lower: |_, args| {
        let [series, missing] = exactly(padded(args, 2, nothing()))?;
        Ok(call("series_fill_backward", Kind::Dynamic, backward, vec![series, convert::to_real(missing)]))
    },
    ..SERIES_FILL_FORWARD
};

pub(super) static SERIES_FILL_LINEAR: Function = Function {
    name: "series_fill_linear",
    summary: "A series with missing numbers on the line between those around them. At the ends the nearest \
              number is taken unless `fill_edges` is false. Where there is no number at all each is the value.",
    params: &[
        Param::one("series", Accepts::Dynamic),
        Param::optional("missing", Accepts::Number),
        Param::optional("fill_edges", Accepts::Bool),
        Param::optional("value", Accepts::Number),
    ],
    examples: &[
        Example {
            query: "print series_fill_linear(dynamic([null, 1.0, null, 2.0]))",
            result: "[1.0,1.0,1.5,2.0]",
        },
        Example { query: "print series_fill_linear(dynamic([41, null, null, 16]))", result: "[41,32,24,16]" },
        Example {
            query: "print series_fill_linear(dynamic([null, 1, null]), double(null), false)",
            result: "[null,1,null]",
        },
        Example { query: "print series_fill_linear(dynamic([null, null]))", result: "[0.0,0.0]" },
    ],
    lower: |_, args| {
        let args = padded(padded(args, 2, nothing()), 3, Typed::bool(true));
        let [series, missing, edges, value] = exactly(padded(args, 4, Typed::long(0)))?;
        let args = vec![series, convert::to_real(missing), edges, convert::to_real(value)];
        Ok(call("series_fill_linear", Kind::Dynamic, linear, args))
    },
    ..SERIES_FILL_CONST
};

/// Without another sign null means that a number is missing.
fn nothing() -> Typed {
    Typed::absent(Kind::Real)
}

/// Which elements are missing.
fn is_missing(series: &Series, sign: &Float64Array, row: usize) -> Vec<bool> {
    let sign = sign.is_valid(row).then(|| sign.value(row)).filter(|sign| !sign.is_nan());
    let is_missing = |value: &Option<f64>| match (value, sign) {
        (None, None) => true,
        (Some(number), None) => number.is_nan(),
        (value, Some(sign)) => *value == Some(sign),
    };
    series.values.iter().map(is_missing).collect()
}

fn constants(args: &Args) -> Result<ArrayRef> {
    let (arrays, values, signs) = (args.texts(0)?, args.texts(1)?, args.reals(2)?);
    Ok(text_rows(args.rows, |row| {
        let missing = is_missing(&Series::parse(arrays.get(row))?, &signs, row);
        let value = values.get(row).unwrap_or("null");
        let filled = elements(arrays.get(row))?.into_iter().zip(missing);
        Some(array_of(filled.map(|(element, is_missing)| if is_missing { value } else { element })))
    }))
}

fn neighbours(args: &Args, is_backward: bool) -> Result<ArrayRef> {
    let (arrays, signs) = (args.texts(0)?, args.reals(1)?);
    Ok(text_rows(args.rows, |row| {
        let missing = is_missing(&Series::parse(arrays.get(row))?, &signs, row);
        let mut elements = elements(arrays.get(row))?;
        let mut last = None;
        for step in 0..elements.len() {
            let at = if is_backward { elements.len() - 1 - step } else { step };
            if missing[at] {
                elements[at] = last.unwrap_or(elements[at]);
            } else {
                last = Some(elements[at]);
            }
        }
        Some(array_of(elements))
    }))
}

fn forward(args: &Args) -> Result<ArrayRef> {
    neighbours(args, false)
}

fn backward(args: &Args) -> Result<ArrayRef> {
    neighbours(args, true)
}

fn linear(args: &Args) -> Result<ArrayRef> {
    let (arrays, signs, values) = (args.texts(0)?, args.reals(1)?, args.reals(3)?);
    let edges: BooleanArray = args.bools(2)?;
    Ok(text_rows(args.rows, |row| {
        let mut series = Series::parse(arrays.get(row))?;
        let missing = is_missing(&series, &signs, row);
        let value = values.is_valid(row).then(|| values.value(row));
        if missing.iter().all(|is_missing| *is_missing) {
            let filled = Series { values: vec![value; missing.len()], is_whole: false };
            return Some(filled.to_json());
        }
        let fills_edges = !edges.is_valid(row) || edges.value(row);
        interpolate(&mut series, &missing, fills_edges);
        Some(text_of(&series))
    }))
}

/// Integers stay integers: what is between them is cut to one.
fn text_of(series: &Series) -> String {
    let elements = series.values.iter().map(|value| {
        let mut text = String::new();
        match value {
            Some(number) => push_number(&mut text, *number, series.is_whole),
            None => text.push_str("null"),
        }
        text
    });
    array_of(elements)
}

fn interpolate(series: &mut Series, missing: &[bool], fills_edges: bool) {
    let known: Vec<usize> = (0..missing.len()).filter(|at| !missing[*at]).collect();
    let values = &mut series.values;
    let (Some(first), Some(last)) = (known.first().copied(), known.last().copied()) else { return };
    for pair in known.windows(2) {
        let [from, to] = pair else { continue };
        let (Some(start), Some(end)) = (values[*from], values[*to]) else { continue };
        for (at, value) in values.iter_mut().enumerate().take(*to).skip(from + 1) {
            let share = (at - from) as f64 / (to - from) as f64;
            *value = Some(start + (end - start) * share);
        }
    }
    if fills_edges {
        let (start, end) = (values[first], values[last]);
        values[..first].fill(start);
        values[last + 1..].fill(end);
    }
}
