//! Conversions between kinds: `tostring`, `tolong`, ... and what operators do to `dynamic` operands.

use datafusion::arrow::array::{Array, ArrayRef, cast::AsArray};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, cast};
use kql::literals;
use model::{Kind, Ticks};

use crate::decimal;
use crate::json;
use crate::kernel::{Args, bool_rows, call, long_rows, real_rows, text_rows};
use crate::typed::Typed;

/// The value as text; absent values are empty text.
pub(crate) fn to_text(value: Typed) -> Typed {
    let as_is = |args: &Args| {
        let texts = args.texts(0)?;
        Ok(text_rows(args.rows, |row| Some(texts.text(row).to_owned())))
    };
    match value.kind {
        Kind::String => value,
        Kind::Guid => call("guid_text", Kind::String, as_is, vec![value]),
        Kind::Dynamic => call("dynamic_text", Kind::String, dynamic_text, vec![value]),
        Kind::Bool => call("bool_text", Kind::String, bool_text, vec![value]),
        Kind::DateTime => call("datetime_text", Kind::String, datetime_text, vec![value]),
        Kind::TimeSpan => call("timespan_text", Kind::String, timespan_text, vec![value]),
        Kind::Real => call("real_text", Kind::String, real_text, vec![value]),
        Kind::Decimal => decimal::to_kind(value, Kind::String),
        Kind::Int | Kind::Long => call("long_text", Kind::String, long_text, vec![value]),
    }
}

fn dynamic_text(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(texts.get(row).map(json::to_text).unwrap_or_default())))
}

fn bool_text(args: &Args) -> Result<ArrayRef> {
    let values = args.bools(0)?;
    let text = |row| {
        if !values.is_valid(row) {
            ""
        } else if values.value(row) {
            "true"
        } else {
            "false"
        }
    };
    Ok(text_rows(args.rows, |row| Some(text(row))))
}

fn datetime_text(args: &Args) -> Result<ArrayRef> {
    let values = args.longs(0)?;
    Ok(text_rows(args.rows, |row| Some(values.get(row).map(|t| Ticks(t).to_string()).unwrap_or_default())))
}

fn timespan_text(args: &Args) -> Result<ArrayRef> {
    let values = args.longs(0)?;
    Ok(text_rows(args.rows, |row| Some(values.get(row).map(literals::format_timespan).unwrap_or_default())))
}

fn long_text(args: &Args) -> Result<ArrayRef> {
    let values = args.longs(0)?;
    Ok(text_rows(args.rows, |row| Some(values.get(row).map(|n| n.to_string()).unwrap_or_default())))
}

fn real_text(args: &Args) -> Result<ArrayRef> {
    let values = args.array(0)?;
    let values = values.as_primitive::<Float64Type>();
    Ok(text_rows(args.rows, |row| {
        Some(if values.is_valid(row) { format_real(values.value(row)) } else { String::new() })
    }))
}

/// A real as text: always with a fraction or exponent, `NaN`, `Infinity`.
pub(crate) fn format_real(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    let text = number.to_string();
    if number.is_finite() && !text.contains(['.', 'e']) { format!("{text}.0") } else { text }
}

/// `parse_json`: text to dynamic; a dynamic stays as it is.
pub(crate) fn parse_json(value: Typed) -> Typed {
    match value.kind {
        Kind::Dynamic => value,
        Kind::String => call("parse_json", Kind::Dynamic, parse_json_rows, vec![value]),
        _ => to_dynamic(value),
    }
}

fn parse_json_rows(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| json::parse(texts.text(row))))
}

/// The field whose text this reads as JSON, if it does that alone.
pub(crate) fn json_text_of(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::ScalarFunction(function) if function.func.name() == "parse_json" => {
            match function.args.as_slice() {
                [Expr::Column(column)] if column.relation.is_none() => Some(&column.name),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Any value as dynamic: a string becomes a JSON string.
pub(crate) fn to_dynamic(value: Typed) -> Typed {
    match value.kind {
        Kind::Dynamic => value,
        Kind::Int | Kind::Long | Kind::Bool => {
            let kind = if value.kind == Kind::Bool { Kind::Bool } else { Kind::Long };
            let value = if kind == Kind::Long { value.cast_number(kind) } else { value };
            call("scalar_dynamic", Kind::Dynamic, scalar_dynamic, vec![value])
        }
        Kind::Real => call("real_dynamic", Kind::Dynamic, real_dynamic, vec![value]),
        Kind::Decimal => decimal::to_kind(value, Kind::Dynamic),
        Kind::String => call("text_dynamic", Kind::Dynamic, text_dynamic, vec![value]),
        Kind::Guid | Kind::DateTime | Kind::TimeSpan => {
            call("other_dynamic", Kind::Dynamic, other_dynamic, vec![to_text(value)])
        }
    }
}

fn scalar_dynamic(args: &Args) -> Result<ArrayRef> {
    let text =
        datafusion::arrow::compute::cast(&args.array(0)?, &datafusion::arrow::datatypes::DataType::Utf8View)?;
    Ok(text)
}

fn real_dynamic(args: &Args) -> Result<ArrayRef> {
    let values = args.reals(0)?;
    let json = |number: f64| {
        if number.is_finite() { format_real(number) } else { json::quote(&format_real(number)) }
    };
    Ok(text_rows(args.rows, |row| values.is_valid(row).then(|| json(values.value(row)))))
}

fn text_dynamic(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(json::quote(texts.text(row)))))
}

/// Text of a kind that has a null: empty text was null.
fn other_dynamic(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| Some(texts.text(row)).filter(|text| !text.is_empty()).map(json::quote)))
}

/// `tolong`: null when the text is not a number.
pub(crate) fn to_long(value: Typed) -> Typed {
    match value.kind {
        Kind::Long => value,
        Kind::Int => value.cast_number(Kind::Long),
        Kind::Real => call("real_long", Kind::Long, real_long, vec![value]),
        Kind::Decimal => decimal::to_kind(value, Kind::Long),
        Kind::Bool => Typed::new(cast(value.expr, datafusion::arrow::datatypes::DataType::Int64), Kind::Long),
        Kind::DateTime | Kind::TimeSpan => Typed::new(value.expr, Kind::Long),
        Kind::String | Kind::Guid | Kind::Dynamic => {
            call("text_long", Kind::Long, text_long, vec![to_text(value)])
        }
    }
}

fn real_long(args: &Args) -> Result<ArrayRef> {
    let values = args.reals(0)?;
    Ok(long_rows(args.rows, |row| {
        values.is_valid(row).then(|| values.value(row)).filter(|n| n.is_finite()).map(|n| n as i64)
    }))
}

fn text_long(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(long_rows(args.rows, |row| long_of(texts.text(row))))
}

/// The number a text holds: decimal or hexadecimal digits, or a real that is cut to its integer part.
pub(crate) fn long_of(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return u64::from_str_radix(hex, 16).ok().map(|n| n as i64);
    }
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        (number.is_finite() && number.abs() < 9.3e18).then_some(number as i64)
    })
}

/// `toint`: null outside 32 bits.
pub(crate) fn to_int(value: Typed) -> Typed {
    if value.kind == Kind::Int {
        return value;
    }
    call("long_int", Kind::Int, long_int, vec![to_long(value)])
}

fn long_int(args: &Args) -> Result<ArrayRef> {
    let values = args.longs(0)?;
    Ok(crate::kernel::int_rows(args.rows, |row| values.get(row).and_then(|n| i32::try_from(n).ok())))
}

/// `toreal`, `todouble`.
pub(crate) fn to_real(value: Typed) -> Typed {
    match value.kind {
        Kind::Int | Kind::Long | Kind::Real | Kind::Decimal => value.cast_number(Kind::Real),
        Kind::Bool | Kind::DateTime | Kind::TimeSpan => to_long(value).cast_number(Kind::Real),
        Kind::String | Kind::Guid | Kind::Dynamic => {
            call("text_real", Kind::Real, text_real, vec![to_text(value)])
        }
    }
}

fn text_real(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(real_rows(args.rows, |row| {
        let text = texts.text(row).trim();
        text.parse().ok().or_else(|| long_of(text).map(|n| n as f64))
    }))
}

/// `tobool`: `true`, `false`, or a number.
pub(crate) fn to_bool(value: Typed) -> Typed {
    match value.kind {
        Kind::Bool => value,
        Kind::String | Kind::Guid | Kind::Dynamic => {
            call("text_bool", Kind::Bool, text_bool, vec![to_text(value)])
        }
        _ => {
            let long = to_long(value);
            Typed::new(
                long.expr.not_eq(Expr::Literal(datafusion::common::ScalarValue::Int64(Some(0)), None)),
                Kind::Bool,
            )
        }
    }
}

fn text_bool(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(bool_rows(args.rows, |row| match texts.text(row).trim() {
        text if text.eq_ignore_ascii_case("true") => Some(true),
        text if text.eq_ignore_ascii_case("false") => Some(false),
        text => long_of(text).map(|n| n != 0),
    }))
}

/// `todatetime`: null when the text is not a time.
pub(crate) fn to_datetime(value: Typed) -> Typed {
    match value.kind {
        Kind::DateTime => value,
        Kind::Long | Kind::Int => Typed::new(value.cast_number(Kind::Long).expr, Kind::DateTime),
        _ => call("text_datetime", Kind::DateTime, text_datetime, vec![to_text(value)]),
    }
}

fn text_datetime(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(long_rows(args.rows, |row| literals::parse_datetime(texts.text(row))))
}

/// `totimespan`: null when the text is not a time span.
pub(crate) fn to_timespan(value: Typed) -> Typed {
    match value.kind {
        Kind::TimeSpan => value,
        Kind::Long | Kind::Int => Typed::new(value.cast_number(Kind::Long).expr, Kind::TimeSpan),
        _ => call("text_timespan", Kind::TimeSpan, text_timespan, vec![to_text(value)]),
    }
}

fn text_timespan(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(long_rows(args.rows, |row| literals::parse_timespan(texts.text(row))))
}

/// `toguid`: lower-case digits with hyphens; null when the text is not a GUID.
pub(crate) fn to_guid(value: Typed) -> Typed {
    if value.kind == Kind::Guid {
        return value;
    }
    call("text_guid", Kind::Guid, text_guid, vec![to_text(value)])
}

fn text_guid(args: &Args) -> Result<ArrayRef> {
    let texts = args.texts(0)?;
    Ok(text_rows(args.rows, |row| guid_of(texts.text(row))))
}

pub(crate) fn guid_of(text: &str) -> Option<String> {
    literals::parse_guid(text).map(literals::format_guid)
}

/// Any value as another kind, the way `tostring`, `tolong`... convert.
pub(crate) fn to_kind(value: Typed, kind: Kind) -> Typed {
    match kind {
        Kind::Bool => to_bool(value),
        Kind::Int => to_int(value),
        Kind::Long => to_long(value),
        Kind::Real => to_real(value),
        Kind::Decimal => decimal::of(value),
        Kind::DateTime => to_datetime(value),
        Kind::TimeSpan => to_timespan(value),
        Kind::Guid => to_guid(value),
        Kind::String => to_text(value),
        Kind::Dynamic => to_dynamic(value),
    }
}

/// The part of a dynamic value that `keys` (constants: texts or integers) lead to.
pub(crate) fn path(value: Typed, keys: Vec<Typed>) -> Typed {
    // A step into a step is one scan of the text, and JSON text need not be checked whole to look into it.
    let (value, keys) = match value.expr {
        Expr::ScalarFunction(function) if function.func.name() == "json_path" => {
            let mut args = function.args.into_iter().map(|expr| Typed::new(expr, Kind::Dynamic));
            let Some(base) = args.next() else { return Typed::absent(Kind::Dynamic) };
            (base, args.chain(keys).collect())
        }
        Expr::ScalarFunction(mut function)
            if function.func.name() == "parse_json" && function.args.len() == 1 =>
        {
            (Typed::new(function.args.remove(0), Kind::Dynamic), keys)
        }
        expr => (Typed::new(expr, value.kind), keys),
    };
    call("json_path", Kind::Dynamic, path_rows, std::iter::once(value).chain(keys).collect())
}

fn path_rows(args: &Args) -> Result<ArrayRef> {
    enum Key {
        Text(crate::kernel::Texts),
        Index(crate::kernel::Longs),
    }
    let texts = args.texts(0)?;
    let keys = (1..args.len()).map(|at| match args.longs_or_texts(at)? {
        Ok(index) => Ok(Key::Index(index)),
        Err(text) => Ok(Key::Text(text)),
    });
    let keys = keys.collect::<Result<Vec<_>>>()?;
    let mut steps = Vec::with_capacity(keys.len());
    let mut builder = datafusion::arrow::array::StringViewBuilder::with_capacity(args.rows);
    for row in 0..args.rows {
        steps.clear();
        steps.extend(keys.iter().map_while(|key| match key {
            Key::Text(keys) => keys.get(row).map(json::Step::Key),
            Key::Index(index) => index.get(row).map(json::Step::Index),
        }));
        let found =
            texts.get(row).filter(|_| steps.len() == keys.len()).and_then(|text| json::find(text, &steps));
        builder.append_option(found.filter(|json| *json != "null"));
    }
    Ok(std::sync::Arc::new(builder.finish()))
}
