//! `round(number, [digits])`

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;

use super::arguments::{Reals, exactly, padded};
use crate::decimal;
use crate::functions::{Accepts, Example, Function, Naming, Param};
use crate::kernel::{Args, call, long_rows, real_rows};
use crate::typed::Typed;

pub(super) static ROUND: Function = Function {
    name: "round",
    summary: "The number rounded to some digits behind the point, or before it when negative; halves away \
              from zero.",
    params: &[Param::one("number", Accepts::Number), Param::optional("digits", Accepts::Integer)],
    returns: "the kind of the number",
    naming: Naming::FirstArgument,
    examples: &[
        Example { query: "print round(2.345, 2)", result: "2.35" },
        Example { query: "print round(-2.5)", result: "-3.0" },
        Example { query: "print round(1234.5, -2)", result: "1200.0" },
        Example { query: "print round(1250, -2)", result: "1300" },
    ],
    lower: |_, args| {
        let [number, digits] = exactly(padded(args, 2, Typed::long(0)))?;
        Ok(match number.kind {
            Kind::Int | Kind::Long => {
                let kind = number.kind;
                let long =
                    call("round_long", Kind::Long, whole_rows, vec![number.cast_number(Kind::Long), digits]);
                if kind == Kind::Int { crate::convert::to_int(long) } else { long }
            }
            Kind::Decimal => decimal::round(number, Some(digits)),
            kind => call("round_real", kind, rows, vec![number, digits]),
        })
    },
};

fn whole_rows(args: &Args) -> Result<ArrayRef> {
    let (values, digits) = (args.longs(0)?, args.longs(1)?);
    Ok(long_rows(args.rows, |row| {
        let (value, digits) = (values.get(row)?, digits.get(row)?);
        if digits >= 0 {
            return Some(value);
        }
        let Some(unit) = u32::try_from(digits.unsigned_abs()).ok().and_then(|d| 10i128.checked_pow(d)) else {
            return Some(0);
        };
        let value = i128::from(value);
        i64::try_from((value.abs() + unit / 2) / unit * unit * value.signum()).ok()
    }))
}

fn rows(args: &Args) -> Result<ArrayRef> {
    let values = Reals::of(args)?;
    Ok(real_rows(args.rows, |row| {
        let [value, digits] = values.get(row)?;
        Some(round(value, digits))
    }))
}

fn round(value: f64, digits: f64) -> f64 {
    let unit = 10f64.powi(digits.abs().min(400.0) as i32);
    let rounded = if digits < 0.0 { (value / unit).round() * unit } else { (value * unit).round() / unit };
    match rounded.is_finite() {
        true => rounded,
        // So many digits behind the point that none is lost, or so many before it that all are.
        false => {
            if digits < 0.0 && value.is_finite() {
                0.0
            } else {
                value
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn halves_go_away_from_zero() {
        for (value, digits, expected) in [
            (0.5, 0, 1.0),
            (-0.5, 0, -1.0),
            (2.125, 2, 2.13),
            (15.0, -1, 20.0),
            (1.5, 400, 1.5),
            (1.5, -400, 0.0),
            (f64::INFINITY, 2, f64::INFINITY),
        ] {
            assert_eq!(round(value, f64::from(digits)), expected, "{value} {digits}");
        }
        assert!(round(f64::NAN, 1.0).is_nan());
    }
}
