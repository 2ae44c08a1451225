//! `series_fft(real, [imaginary])`, `series_ifft(real, [imaginary])`

use datafusion::error::Result;
use model::Kind;

use super::fourier::{self, Complex};
use super::series::{LENGTH_MAX, Series, real_array};
use super::tuples::{Part, Values, parts};
use crate::functions::{Accepts, Example, Function, Naming, Param, Several};
use crate::kernel::Args;

pub(super) static SERIES_FFT: Function = Function {
    name: "series_fft",
    summary: "The discrete Fourier transform of a series, with its imaginary part if it has one: the real and \
              the imaginary part, as columns. Missing numbers count as 0.",
    params: &[Param::one("real", Accepts::Dynamic), Param::optional("imaginary", Accepts::Dynamic)],
    returns: "dynamic, and another column",
    naming: Naming::Numbered,
    examples: &[Example {
        query: "print y = dynamic([1, 0, 0, 0]) | project series_fft(y)",
        result: "[1.0,1.0,1.0,1.0] | [0.0,0.0,0.0,0.0]",
    }],
    lower: |_, args| {
        (SERIES_FFT_COLUMNS.lower)(args).into_iter().next().ok_or_else(|| "gives nothing".to_owned())
    },
};

pub(super) static SERIES_FFT_COLUMNS: Several =
    Several { parts: COMPLEX, lower: |args| parts("series_fft", args, COMPLEX, |args| rows(args, false)) };

pub(super) static SERIES_IFFT: Function = Function {
    name: "series_ifft",
    summary: "The series whose discrete Fourier transform is given: the real and the imaginary part, as columns.",
    examples: &[Example {
        query: "print y = dynamic([2, 2]) | project series_ifft(y)",
        result: "[2.0,0.0] | [0.0,0.0]",
    }],
    lower: |_, args| {
        (SERIES_IFFT_COLUMNS.lower)(args).into_iter().next().ok_or_else(|| "gives nothing".to_owned())
    },
    ..SERIES_FFT
};

pub(super) static SERIES_IFFT_COLUMNS: Several =
    Several { parts: COMPLEX, lower: |args| parts("series_ifft", args, COMPLEX, |args| rows(args, true)) };

static COMPLEX: &[Part] = &[("real", Kind::Dynamic), ("imag", Kind::Dynamic)];

fn rows(args: &Args, is_inverse: bool) -> Result<Vec<Values>> {
    let reals = args.texts(0)?;
    let imaginary = (args.len() > 1).then(|| args.texts(1)).transpose()?;
    let values = (0..args.rows).map(|row| {
        let real = Series::parse(reals.get(row))?.filled();
        let mut imaginary = match imaginary.as_ref().and_then(|imaginary| imaginary.get(row)) {
            Some(imaginary) => Series::parse(Some(imaginary))?.filled(),
            None => Vec::new(),
        };
        if real.len() > LENGTH_MAX {
            return None;
        }
        imaginary.resize(real.len(), 0.0);
        let values: Vec<Complex> = real.into_iter().zip(imaginary).collect();
        let transformed = if is_inverse { fourier::inverse(&values) } else { fourier::transform(&values) };
        let (real, imaginary): (Vec<f64>, Vec<f64>) = transformed.into_iter().unzip();
        Some(vec![real_array(&real), real_array(&imaginary)])
    });
    Ok(values.collect())
}
