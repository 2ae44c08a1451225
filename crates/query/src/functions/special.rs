//! `erf(number)`, `erfc`, `gamma`, `loggamma`, `beta_cdf(x, alpha, beta)`, `beta_pdf`, `beta_inv`,
//! `welch_test(mean1, variance1, count1, mean2, variance2, count2)`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::Reals;
use super::mathematics::{SQRT, each};
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, real_rows};

pub(super) static ERF: Function = Function {
    name: "erf",
    summary: "The error function of a number.",
    examples: &[Example { query: "print round(erf(1), 6)", result: "0.842701" }],
    lower: |_, args| Ok(call("erf", Kind::Real, |args| each(args, libm::erf), args)),
    ..SQRT
};

pub(super) static ERFC: Function = Function {
    name: "erfc",
    summary: "1 less the error function of a number.",
    examples: &[Example { query: "print round(erfc(1), 6)", result: "0.157299" }],
    lower: |_, args| Ok(call("erfc", Kind::Real, |args| each(args, libm::erfc), args)),
    ..SQRT
};

pub(super) static GAMMA: Function = Function {
    name: "gamma",
    summary: "The gamma function of a number: (n - 1)! for a positive integer n.",
    examples: &[Example { query: "print round(gamma(5), 6)", result: "24.0" }],
    lower: |_, args| Ok(call("gamma", Kind::Real, |args| each(args, libm::tgamma), args)),
    ..SQRT
};

pub(super) static LOGGAMMA: Function = Function {
    name: "loggamma",
    summary: "The natural logarithm of the absolute value of the gamma function of a number.",
    examples: &[Example { query: "print round(loggamma(5), 6)", result: "3.178054" }],
    lower: |_, args| Ok(call("loggamma", Kind::Real, |args| each(args, libm::lgamma), args)),
    ..SQRT
};

pub(super) static BETA_CDF: Function = Function {
    name: "beta_cdf",
    summary: "The probability that a value with the beta distribution is at most x; NaN unless x is from 0 \
              to 1 and both parameters are positive.",
    params: &[
        Param::one("x", Accepts::Number),
        Param::one("alpha", Accepts::Number),
        Param::one("beta", Accepts::Number),
    ],
    returns: "real",
    naming: Naming::Numbered,
    examples: &[
        Example { query: "print round(beta_cdf(0.3, 2.0, 5.0), 6)", result: "0.579825" },
        Example { query: "print beta_cdf(1.5, 2.0, 5.0)", result: "NaN" },
    ],
    lower: |_, args| Ok(call("beta_cdf", Kind::Real, |args| beta_rows(args, beta_cdf), args)),
};

pub(super) static BETA_PDF: Function = Function {
    name: "beta_pdf",
    summary: "The density of the beta distribution at x; NaN unless x is from 0 to 1 and both parameters are \
              positive.",
    examples: &[Example { query: "print round(beta_pdf(0.5, 10.0, 20.0), 6)", result: "0.746176" }],
    lower: |_, args| Ok(call("beta_pdf", Kind::Real, |args| beta_rows(args, beta_pdf), args)),
    ..BETA_CDF
};

pub(super) static BETA_INV: Function = Function {
    name: "beta_inv",
    summary: "The x at which beta_cdf is the given probability; NaN unless that is from 0 to 1 and both \
              parameters are positive.",
    params: &[
        Param::one("probability", Accepts::Number),
        Param::one("alpha", Accepts::Number),
        Param::one("beta", Accepts::Number),
    ],
    examples: &[Example { query: "print round(beta_inv(0.1, 10.0, 20.0), 6)", result: "0.226415" }],
    lower: |_, args| Ok(call("beta_inv", Kind::Real, |args| beta_rows(args, beta_inv), args)),
    ..BETA_CDF
};

pub(super) static WELCH_TEST: Function = Function {
    name: "welch_test",
    summary: "The probability (two-sided) that two samples with these means, variances and counts come from \
              distributions with the same mean.",
    params: &[
        Param::one("mean1", Accepts::Number),
        Param::one("variance1", Accepts::Number),
        Param::one("count1", Accepts::Number),
        Param::one("mean2", Accepts::Number),
        Param::one("variance2", Accepts::Number),
        Param::one("count2", Accepts::Number),
    ],
    examples: &[
        Example { query: "print welch_test(1.0, 2.0, 10, 1.0, 3.0, 12)", result: "1.0" },
        Example { query: "print round(welch_test(5.0, 1.0, 10, 6.0, 1.0, 10), 6)", result: "0.03825" },
    ],
    lower: |_, args| Ok(call("welch_test", Kind::Real, welch_rows, args)),
    ..BETA_CDF
};

fn beta_rows(args: &Args, function: fn(f64, f64, f64) -> f64) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(real_rows(args.rows, |row| {
        let [x, alpha, beta] = values.get(row)?;
        let is_defined = (0.0..=1.0).contains(&x) && alpha > 0.0 && beta > 0.0;
        Some(if is_defined { function(x, alpha, beta) } else { f64::NAN })
    }))
}

fn welch_rows(args: &Args) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(real_rows(args.rows, |row| {
        let [mean1, variance1, count1, mean2, variance2, count2] = values.get(row)?;
        let (error1, error2) = (variance1 / count1, variance2 / count2);
        let t = (mean1 - mean2) / (error1 + error2).sqrt();
        let freedom =
            (error1 + error2).powi(2) / (error1.powi(2) / (count1 - 1.0) + error2.powi(2) / (count2 - 1.0));
        Some(both_tails(t, freedom))
    }))
}

/// The probability that a value with Student's distribution is at least as far from zero as `t`.
fn both_tails(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() || freedom <= 0.0 {
        return f64::NAN;
    }
    beta_cdf(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

fn log_beta(alpha: f64, beta: f64) -> f64 {
    libm::lgamma(alpha) + libm::lgamma(beta) - libm::lgamma(alpha + beta)
}

fn beta_pdf(x: f64, alpha: f64, beta: f64) -> f64 {
    let power = |base: f64, exponent: f64| if exponent == 0.0 { 0.0 } else { exponent * base.ln() };
    (power(x, alpha - 1.0) + power(1.0 - x, beta - 1.0) - log_beta(alpha, beta)).exp()
}

/// The regularized incomplete beta function.
fn beta_cdf(x: f64, alpha: f64, beta: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let front = (alpha * x.ln() + beta * (-x).ln_1p() - log_beta(alpha, beta)).exp();
    // The fraction converges fast on this side; the other is the mirror image.
    if x < (alpha + 1.0) / (alpha + beta + 2.0) {
        front * beta_fraction(x, alpha, beta) / alpha
    } else {
        1.0 - front * beta_fraction(1.0 - x, beta, alpha) / beta
    }
}

/// The continued fraction of the incomplete beta function, by Lentz's method.
fn beta_fraction(x: f64, alpha: f64, beta: f64) -> f64 {
    const STEPS_MAX: u32 = 10_000;
    let not_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - (alpha + beta) * x / (alpha + 1.0));
    let mut fraction = d;
    for step in 1..=STEPS_MAX {
        let m = f64::from(step);
        let even = m * (beta - m) * x / ((alpha + 2.0 * m - 1.0) * (alpha + 2.0 * m));
        let odd = -(alpha + m) * (alpha + beta + m) * x / ((alpha + 2.0 * m) * (alpha + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / not_zero(1.0 + term * d);
            c = not_zero(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// By halving the interval: the function only grows.
fn beta_inv(probability: f64, alpha: f64, beta: f64) -> f64 {
    let (mut low, mut high) = (0.0f64, 1.0f64);
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return middle;
        }
        if beta_cdf(middle, alpha, beta) < probability { low = middle } else { high = middle }
    }
}
