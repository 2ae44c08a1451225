//! Decimals: exact numbers with up to 46 digits before the point and 30 behind it.

use std::sync::Arc;

use bigdecimal::num_bigint::BigInt;
use bigdecimal::{BigDecimal, RoundingMode, ToPrimitive};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal256Array};
use datafusion::arrow::datatypes::{DataType, Decimal256Type, i256};
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use model::Kind;

use crate::convert;
use crate::kernel::{Args, Eval, call, long_rows, text_rows};
use crate::typed::Typed;

const PRECISION: u8 = 76;
const SCALE: i8 = 30;
/// Longer texts are no decimals: what they stand for does not fit.
const TEXT_MAX: usize = 200;

/// The engine's type for decimals.
pub(crate) fn data_type() -> DataType {
    DataType::Decimal256(PRECISION, SCALE)
}

pub(crate) fn scalar(value: Option<i256>) -> ScalarValue {
    ScalarValue::Decimal256(value, PRECISION, SCALE)
}

fn array(values: impl Iterator<Item = Option<i256>>) -> Result<ArrayRef> {
    let values: Decimal256Array = values.collect();
    Ok(Arc::new(values.with_precision_and_scale(PRECISION, SCALE)?))
}

fn exact(value: i256) -> BigDecimal {
    BigDecimal::new(BigInt::from_signed_bytes_le(&value.to_le_bytes()), i64::from(SCALE))
}

/// The number with as many digits as fit; `None` when it is too large.
fn held(number: &BigDecimal) -> Option<i256> {
    let rounded = number.with_scale_round(i64::from(SCALE), RoundingMode::HalfEven);
    let (digits, _) = rounded.as_bigint_and_scale();
    let bytes = digits.to_signed_bytes_le();
    let sign = if bytes.last().is_some_and(|last| *last >= 0x80) { 0xff } else { 0 };
    let mut all = [sign; 32];
    all.get_mut(..bytes.len())?.copy_from_slice(&bytes);
    let value = i256::from_le_bytes(all);
    let limit = i256::from_i128(10).checked_pow(u32::from(PRECISION))?;
    (value > limit.checked_neg()? && value < limit).then_some(value)
}

/// The decimal that a text holds.
pub(crate) fn parse(text: &str) -> Option<i256> {
    let text = text.trim();
    if text.len() > TEXT_MAX || text.is_empty() {
        return None;
    }
    // An exponent far off would make digits without end.
    let exponent = text.split(['e', 'E']).nth(1).map(|digits| digits.parse::<i64>());
    match exponent {
        Some(Ok(exponent)) if exponent.abs() > 200 => None,
        Some(Err(_)) => None,
        _ => held(&text.parse().ok()?),
    }
}

/// As few digits as say it.
pub(crate) fn format(value: i256) -> String {
    exact(value).normalized().to_plain_string()
}

fn of_real(number: f64) -> Option<i256> {
    parse(&number.to_string())
}

/// Any number, text or dynamic value as a decimal; null where it holds none that fits.
pub(crate) fn of(value: Typed) -> Typed {
    match value.kind {
        Kind::Decimal => value,
        Kind::Int | Kind::Long => {
            call("long_decimal", Kind::Decimal, of_longs, vec![value.cast_number(Kind::Long)])
        }
        Kind::Real => call("real_decimal", Kind::Decimal, of_reals, vec![value]),
        Kind::Bool | Kind::DateTime | Kind::TimeSpan => of(convert::to_long(value)),
        Kind::String | Kind::Guid | Kind::Dynamic => {
            call("text_decimal", Kind::Decimal, of_texts, vec![convert::to_text(value)])
        }
    }
}

fn of_longs(args: &Args) -> Result<ArrayRef> {
    let longs = args.longs(0)?;
    let unit = unit();
    array((0..args.rows).map(|row| i256::from_i128(longs.get(row)?.into()).checked_mul(unit)))
}

fn of_reals(args: &Args) -> Result<ArrayRef> {
    let reals = args.reals(0)?;
    array((0..args.rows).map(|row| if reals.is_valid(row) { of_real(reals.value(row)) } else { None }))
}

fn of_texts(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    array((0..args.rows).map(|row| {
        let text = texts.text(row);
        parse(text).or_else(|| i256::from_i128(convert::long_of(text)?.into()).checked_mul(unit()))
    }))
}

/// 1 as it is held.
fn unit() -> i256 {
    i256::from_i128(10i128.pow(SCALE as u32))
}

fn decimals(args: &Args, at: usize) -> Result<Decimal256Array> {
    let array = args.array(at)?;
    match array.as_primitive_opt::<Decimal256Type>() {
        Some(decimals) => Ok(decimals.clone()),
        None => Err(DataFusionError::Internal(format!("argument {at} of a function is not a decimal"))),
    }
}

fn get(decimals: &Decimal256Array, row: usize) -> Option<i256> {
    decimals.is_valid(row).then(|| decimals.value(row))
}

/// A decimal as another kind.
pub(crate) fn to_kind(value: Typed, kind: Kind) -> Typed {
    match kind {
        Kind::String => call("decimal_text", Kind::String, texts, vec![value]),
        Kind::Dynamic => call("decimal_dynamic", Kind::Dynamic, jsons, vec![value]),
        Kind::Long => call("decimal_long", Kind::Long, longs, vec![value]),
        Kind::Real => call("decimal_real", Kind::Real, reals, vec![value]),
        Kind::Int => convert::to_int(to_kind(value, Kind::Long)),
        _ => value,
    }
}

fn texts(args: &Args) -> Result<ArrayRef> {
    let values = decimals(args, 0)?;
    Ok(text_rows(args.rows, |row| Some(get(&values, row).map(format).unwrap_or_default())))
}

fn jsons(args: &Args) -> Result<ArrayRef> {
    let values = decimals(args, 0)?;
    Ok(text_rows(args.rows, |row| get(&values, row).map(format)))
}

fn longs(args: &Args) -> Result<ArrayRef> {
    let values = decimals(args, 0)?;
    Ok(long_rows(args.rows, |row| {
        let whole = get(&values, row)?.checked_div(unit())?;
        i64::try_from(whole.to_i128()?).ok()
    }))
}

fn reals(args: &Args) -> Result<ArrayRef> {
    let values = decimals(args, 0)?;
    Ok(crate::kernel::real_rows(args.rows, |row| exact(get(&values, row)?).to_f64()))
}

/// What an operator gives of two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    /// Never negative.
    Modulo,
}

pub(crate) fn apply(operation: Operation, left: Typed, right: Typed) -> Typed {
    let (name, eval): (_, Eval) = match operation {
        Operation::Add => ("decimal_add", |args| both(args, i256::checked_add)),
        Operation::Subtract => ("decimal_subtract", |args| both(args, i256::checked_sub)),
        Operation::Multiply => ("decimal_multiply", |args| both(args, |a, b| held(&(exact(a) * exact(b))))),
        Operation::Divide => ("decimal_divide", |args| {
            both(args, |a, b| if b == i256::ZERO { None } else { held(&(exact(a) / exact(b))) })
        }),
        Operation::Modulo => ("decimal_modulo", |args| {
            both(args, |a, b| {
                let rest = a.checked_rem(b)?;
                if rest < i256::ZERO { rest.checked_add(b.checked_abs()?) } else { Some(rest) }
            })
        }),
    };
    call(name, Kind::Decimal, eval, vec![of(left), of(right)])
}

fn both(args: &Args, operation: fn(i256, i256) -> Option<i256>) -> Result<ArrayRef> {
    let (left, right) = (decimals(args, 0)?, decimals(args, 1)?);
    array((0..args.rows).map(|row| operation(get(&left, row)?, get(&right, row)?)))
}

/// The number without its sign.
pub(crate) fn abs(value: Typed) -> Typed {
    let eval: Eval = |args| {
        let values = decimals(args, 0)?;
        array((0..args.rows).map(|row| get(&values, row)?.checked_abs()))
    };
    call("decimal_abs", Kind::Decimal, eval, vec![value])
}

/// The number rounded to some digits behind the point, halves away from zero; upwards to whole ones without.
pub(crate) fn round(value: Typed, digits: Option<Typed>) -> Typed {
    match digits {
        Some(digits) => call("decimal_round", Kind::Decimal, rounded, vec![value, digits]),
        None => {
            let eval: Eval = |args| {
                let values = decimals(args, 0)?;
                let up = |value| held(&exact(value).with_scale_round(0, RoundingMode::Ceiling));
                array((0..args.rows).map(|row| up(get(&values, row)?)))
            };
            call("decimal_ceiling", Kind::Decimal, eval, vec![value])
        }
    }
}

fn rounded(args: &Args) -> Result<ArrayRef> {
    let (values, digits) = (decimals(args, 0)?, args.longs(1)?);
    array((0..args.rows).map(|row| {
        let digits = digits.get(row)?.clamp(-60, i64::from(SCALE));
        held(&exact(get(&values, row)?).with_scale_round(digits, RoundingMode::HalfUp))
    }))
}

/// Whole numbers, of which a version is made.
pub(crate) fn of_wholes(rows: usize, value: impl Fn(usize) -> Option<u128>) -> Result<ArrayRef> {
    let whole = |row| held(&BigDecimal::from(value(row)?));
    array((0..rows).map(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_read_and_print() {
        for (text, expected) in [
            ("1.50", Some("1.5")),
            ("-0.000000000000000000000000000001", Some("-0.000000000000000000000000000001")),
            ("1e3", Some("1000")),
            ("0", Some("0")),
            (
                "12345678901234567890123456789012345678901234",
                Some("12345678901234567890123456789012345678901234"),
            ),
            ("1e50", None),
            ("1e999999999", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(parse(text).map(format).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn products_are_exact_and_bounded() {
        let number = |text| parse(text).unwrap();
        let product = |a, b| held(&(exact(number(a)) * exact(number(b)))).map(format);
        assert_eq!(product("0.1", "0.2").as_deref(), Some("0.02"));
        assert_eq!(product("1e30", "1e10").as_deref(), Some("10000000000000000000000000000000000000000"));
        assert_eq!(product("1e30", "1e30"), None);
        assert_eq!(of_real(0.1).map(format).as_deref(), Some("0.1"));
        assert_eq!(of_real(f64::NAN), None);
    }
}
