//! Scalar operators: arithmetic, comparison, membership and the string operators, with their null rules.
//!
//! `null == x` is false and `null != x` is true; ordering and arithmetic with null give null. (Source: the
//! language's published documentation.)

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, StringViewArray};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::expr::{BinaryExpr, InList, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
    when,
};
use kql::ast::{BinaryOp, InOp};
use model::Kind;
use model::terms::TextCondition;

use crate::blocks::Blocks;
use crate::decimal::{self, Operation};
use crate::kernel::{self, Args, Texts, call};
use crate::repeats::Repeats;
use crate::text::{ManyMatcher, MatchOp, Matcher};
use crate::typed::{Typed, is_numeric};
use crate::{convert, json};

type Lowered = Result<Typed, String>;

/// Joins conditions as a balanced tree, so that thousands of them do not nest thousands deep.
pub(crate) fn balanced(mut parts: Vec<Expr>, join: fn(Expr, Expr) -> Expr) -> Expr {
    match parts.len() {
        0 => lit(true),
        1 => parts.remove(0),
        count => {
            let right = parts.split_off(count / 2);
            join(balanced(parts, join), balanced(right, join))
        }
    }
}

pub(crate) fn not(value: Typed) -> Typed {
    Typed::new(Expr::Not(Box::new(value.expr)), Kind::Bool)
}

pub(crate) fn negate(value: Typed) -> Lowered {
    match value.kind {
        Kind::Int => Ok(negative(value.cast_number(Kind::Long))),
        Kind::Decimal => Ok(decimal::apply(Operation::Subtract, Typed::long(0), value)),
        Kind::Long | Kind::Real | Kind::TimeSpan => Ok(negative(value)),
        Kind::Dynamic => Ok(negative(convert::to_real(value))),
        kind => Err(format!("a {} cannot be negated", kind.name())),
    }
}

fn negative(value: Typed) -> Typed {
    let is_real = value.kind == Kind::Real;
    let zero = if is_real { lit(-0.0f64) } else { lit(0i64) };
    Typed::new(binary_expr(zero, Operator::Minus, value.expr), value.kind)
}

fn binary_expr(left: Expr, op: Operator, right: Expr) -> Expr {
    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)))
}

pub(crate) fn binary(op: BinaryOp, left: Typed, right: Typed) -> Lowered {
    use BinaryOp as B;
    match op {
        B::Add => add(left, right),
        B::Subtract => subtract(left, right),
        B::Multiply => multiply(left, right),
        B::Divide => divide(left, right),
        B::Modulo => modulo(left, right),
        B::Equal => equal(left, right),
        B::NotEqual => not_equal(left, right),
        B::Less => order(Operator::Lt, "<", left, right),
        B::LessOrEqual => order(Operator::LtEq, "<=", left, right),
        B::Greater => order(Operator::Gt, ">", left, right),
        B::GreaterOrEqual => order(Operator::GtEq, ">=", left, right),
        B::MatchesRegex => regex(left, right),
        B::Like => like(op, left, right, false, false),
        B::NotLike => like(op, left, right, false, true),
        B::LikeCs => like(op, left, right, true, false),
        B::NotLikeCs => like(op, left, right, true, true),
        B::SearchTerm => Err("':' can only be used in search".to_owned()),
        _ => text_operator(op, left, right),
    }
}

fn incompatible(symbol: &str, left: &Typed, right: &Typed) -> String {
    format!("'{symbol}' does not take a {} and a {}", left.kind.name(), right.kind.name())
}

/// Brings two numbers to the kind that arithmetic with them gives; dynamic operands become that kind.
fn numbers(symbol: &str, left: Typed, right: Typed) -> Result<(Typed, Typed, Kind), String> {
    let number = |kind| is_numeric(kind) || kind == Kind::Dynamic;
    if !number(left.kind) || !number(right.kind) {
        return Err(incompatible(symbol, &left, &right));
    }
    let whole = |kind| matches!(kind, Kind::Int | Kind::Long);
    let kind = match (left.kind, right.kind) {
        (a, b) if whole(a) && whole(b) => Kind::Long,
        (Kind::Dynamic, b) if whole(b) => Kind::Long,
        (a, Kind::Dynamic) if whole(a) => Kind::Long,
        (Kind::Decimal, _) | (_, Kind::Decimal) => Kind::Decimal,
        _ => Kind::Real,
    };
    let to = |value: Typed| match (value.kind, kind) {
        (Kind::Dynamic, kind) => convert::to_kind(value, kind),
        _ => value.cast_number(kind),
    };
    Ok((to(left), to(right), kind))
}

fn arithmetic(op: Operator, symbol: &str, left: Typed, right: Typed) -> Lowered {
    if left.kind == Kind::Dynamic && right.kind == Kind::Dynamic {
        return dynamic_arithmetic(op, symbol, left, right);
    }
    let (left, right, kind) = numbers(symbol, left, right)?;
    let exact = match op {
        Operator::Plus => Operation::Add,
        Operator::Minus => Operation::Subtract,
        _ => Operation::Multiply,
    };
    Ok(match kind {
        Kind::Decimal => decimal::apply(exact, left, right),
        kind => Typed::new(binary_expr(left.expr, op, right.expr), kind),
    })
}

/// Of two dynamic values only their rows know whether they are whole numbers or reals; so is the result.
fn dynamic_arithmetic(op: Operator, symbol: &str, left: Typed, right: Typed) -> Lowered {
    let (name, eval): (_, kernel::Eval) = match op {
        Operator::Plus => ("dynamic_add", |args| dynamic_rows(args, i64::checked_add, |a, b| a + b)),
        Operator::Minus => ("dynamic_subtract", |args| dynamic_rows(args, i64::checked_sub, |a, b| a - b)),
        Operator::Multiply => ("dynamic_multiply", |args| dynamic_rows(args, i64::checked_mul, |a, b| a * b)),
        Operator::Divide => ("dynamic_divide", |args| dynamic_rows(args, i64::checked_div, |a, b| a / b)),
        _ => return Err(incompatible(symbol, &left, &right)),
    };
    Ok(call(name, Kind::Dynamic, eval, vec![left, right]))
}

fn dynamic_rows(
    args: &Args,
    whole: fn(i64, i64) -> Option<i64>,
    real: fn(f64, f64) -> f64,
) -> EngineResult<datafusion::arrow::array::ArrayRef> {
    let (left, right) = (args.texts(0)?, args.texts(1)?);
    Ok(kernel::text_rows(args.rows, |row| {
        let (left, right) = (json::to_text(left.get(row)?), json::to_text(right.get(row)?));
        if let (Ok(left), Ok(right)) = (left.parse::<i64>(), right.parse::<i64>()) {
            return whole(left, right).map(|number| number.to_string());
        }
        let number = real(left.parse().ok()?, right.parse().ok()?);
        number.is_finite().then(|| convert::format_real(number))
    }))
}

fn add(left: Typed, right: Typed) -> Lowered {
    use Kind::{DateTime, TimeSpan};
    let kind = match (left.kind, right.kind) {
        (DateTime, TimeSpan) | (TimeSpan, DateTime) => DateTime,
        (TimeSpan, TimeSpan) => TimeSpan,
        (Kind::String, _) | (_, Kind::String) => {
            return Err(format!("{}; use strcat() to join strings", incompatible("+", &left, &right)));
        }
        _ => return arithmetic(Operator::Plus, "+", left, right),
    };
    Ok(Typed::new(binary_expr(left.expr, Operator::Plus, right.expr), kind))
}

fn subtract(left: Typed, right: Typed) -> Lowered {
    use Kind::{DateTime, TimeSpan};
    let kind = match (left.kind, right.kind) {
        (DateTime, TimeSpan) => DateTime,
        (DateTime, DateTime) | (TimeSpan, TimeSpan) => TimeSpan,
        // What a dynamic holds is read as what the other side is.
        (DateTime, Kind::Dynamic) => return subtract(left, convert::to_datetime(right)),
        (Kind::Dynamic, DateTime) => return subtract(convert::to_datetime(left), right),
        (TimeSpan, Kind::Dynamic) => return subtract(left, convert::to_timespan(right)),
        (Kind::Dynamic, TimeSpan) => return subtract(convert::to_timespan(left), right),
        _ => return arithmetic(Operator::Minus, "-", left, right),
    };
    Ok(Typed::new(binary_expr(left.expr, Operator::Minus, right.expr), kind))
}

fn multiply(left: Typed, right: Typed) -> Lowered {
    match (left.kind, right.kind) {
        (Kind::TimeSpan, kind) if is_numeric(kind) => Ok(scale(left, right, Operator::Multiply)),
        (kind, Kind::TimeSpan) if is_numeric(kind) => Ok(scale(right, left, Operator::Multiply)),
        _ => arithmetic(Operator::Multiply, "*", left, right),
    }
}

fn divide(left: Typed, right: Typed) -> Lowered {
    match (left.kind, right.kind) {
        (Kind::TimeSpan, Kind::TimeSpan) => {
            let real = |value: Typed| Typed::new(value.expr, Kind::Long).cast_number(Kind::Real);
            Ok(Typed::new(binary_expr(real(left).expr, Operator::Divide, real(right).expr), Kind::Real))
        }
        (Kind::TimeSpan, kind) if is_numeric(kind) => Ok(scale(left, right, Operator::Divide)),
        (Kind::Dynamic, Kind::Dynamic) => dynamic_arithmetic(Operator::Divide, "/", left, right),
        _ => {
            let (left, right, kind) = numbers("/", left, right)?;
            if kind == Kind::Decimal {
                return Ok(decimal::apply(Operation::Divide, left, right));
            }
            let divisor = if kind == Kind::Long { null_if_zero(right.expr) } else { right.expr };
            Ok(Typed::new(binary_expr(left.expr, Operator::Divide, divisor), kind))
        }
    }
}

/// A division of integers by zero gives null.
fn null_if_zero(divisor: Expr) -> Expr {
    match &divisor {
        Expr::Literal(ScalarValue::Int64(Some(number)), _) if *number != 0 => divisor,
        Expr::Literal(..) => Expr::Literal(ScalarValue::Int64(None), None),
        _ => datafusion::functions::core::expr_fn::nullif(divisor, lit(0i64)),
    }
}

/// A time span times or by a number.
fn scale(span: Typed, number: Typed, op: Operator) -> Typed {
    let real = Typed::new(span.expr, Kind::Long).cast_number(Kind::Real);
    let scaled = Typed::new(binary_expr(real.expr, op, number.cast_number(Kind::Real).expr), Kind::Real);
    Typed::new(convert::to_long(scaled).expr, Kind::TimeSpan)
}

/// The remainder is never negative: `-14 % 12` is 10.
fn modulo(left: Typed, right: Typed) -> Lowered {
    if left.kind == Kind::TimeSpan && right.kind == Kind::TimeSpan {
        return Ok(call("modulo_long", Kind::TimeSpan, modulo_long, vec![left, right]));
    }
    let (left, right, kind) = numbers("%", left, right)?;
    if kind == Kind::Decimal {
        return Ok(decimal::apply(Operation::Modulo, left, right));
    }
    let eval = if kind == Kind::Long { modulo_long } else { modulo_real };
    Ok(call(if kind == Kind::Long { "modulo_long" } else { "modulo_real" }, kind, eval, vec![left, right]))
}

fn modulo_long(args: &Args) -> EngineResult<datafusion::arrow::array::ArrayRef> {
    let (left, right) = (args.longs(0)?, args.longs(1)?);
    Ok(kernel::long_rows(args.rows, |row| left.get(row)?.checked_rem_euclid(right.get(row)?)))
}

fn modulo_real(args: &Args) -> EngineResult<datafusion::arrow::array::ArrayRef> {
    use datafusion::arrow::array::Array;
    let (left, right) = (args.reals(0)?, args.reals(1)?);
    Ok(kernel::real_rows(args.rows, |row| {
        (left.is_valid(row) && right.is_valid(row)).then(|| left.value(row).rem_euclid(right.value(row)))
    }))
}

/// Brings two values to a common kind for comparison.
pub(crate) fn comparable(symbol: &str, left: Typed, right: Typed) -> Result<(Typed, Typed), String> {
    let (left_kind, right_kind) = (left.kind, right.kind);
    if left_kind == right_kind {
        // Two dynamic values compare by their text.
        return Ok(if left_kind == Kind::Dynamic {
            (convert::to_text(left), convert::to_text(right))
        } else {
            (left, right)
        });
    }
    if is_numeric(left_kind) && is_numeric(right_kind) {
        let is = |kind| left_kind == kind || right_kind == kind;
        let kind = match (is(Kind::Real), is(Kind::Decimal)) {
            (true, _) => Kind::Real,
            (false, true) => Kind::Decimal,
            (false, false) => Kind::Long,
        };
        return Ok((left.cast_number(kind), right.cast_number(kind)));
    }
    match (left_kind, right_kind) {
        (Kind::Dynamic, kind) => Ok((convert::to_kind(left, wide(kind)), widen(right))),
        (kind, Kind::Dynamic) => Ok((widen(left), convert::to_kind(right, wide(kind)))),
        (Kind::Bool, kind) if is_numeric(kind) => Ok((convert::to_long(left), convert::to_long(right))),
        (kind, Kind::Bool) if is_numeric(kind) => Ok((convert::to_long(left), convert::to_long(right))),
        (Kind::Guid, Kind::String) => {
            let right = convert::to_guid(right);
            Ok((left, right))
        }
        (Kind::String, Kind::Guid) => {
            let left = convert::to_guid(left);
            Ok((left, right))
        }
        // What a text holds compares by == and != only.
        (kind, Kind::String) if equates(symbol, kind) => {
            let read = read_as(right, kind);
            Ok((left.cast_number_to(read.kind), read))
        }
        (Kind::String, kind) if equates(symbol, kind) => {
            let read = read_as(left, kind);
            let right = right.cast_number_to(read.kind);
            Ok((read, right))
        }
        _ => Err(incompatible(symbol, &left, &right)),
    }
}

fn equates(symbol: &str, kind: Kind) -> bool {
    matches!(symbol, "==" | "!=") && (is_numeric(kind) || kind == Kind::Bool)
}

/// The number or bool that a text holds.
fn read_as(text: Typed, kind: Kind) -> Typed {
    if kind == Kind::Bool { convert::to_bool(text) } else { convert::to_real(text) }
}

fn wide(kind: Kind) -> Kind {
    if kind == Kind::Int { Kind::Long } else { kind }
}

fn widen(value: Typed) -> Typed {
    let kind = wide(value.kind);
    if value.kind == kind { value } else { value.cast_number(kind) }
}

/// `==` where null is dropped like false: a plain comparison, which prunes files.
pub(crate) fn equal_or_dropped(left: Typed, right: Typed) -> Result<Expr, String> {
    let (left, right) = comparable("==", left, right)?;
    Ok(left.expr.eq(right.expr))
}

fn equal(left: Typed, right: Typed) -> Lowered {
    let (left, right) = comparable("==", left, right)?;
    let compared = left.expr.clone().eq(right.expr.clone());
    if left.kind == Kind::String {
        return Ok(Typed::new(compared, Kind::Bool));
    }
    Ok(Typed::new(false_if_one_null(left.expr, right.expr, compared, false)?, Kind::Bool))
}

fn not_equal(left: Typed, right: Typed) -> Lowered {
    let (left, right) = comparable("!=", left, right)?;
    let compared = left.expr.clone().not_eq(right.expr.clone());
    if left.kind == Kind::String {
        return Ok(Typed::new(compared, Kind::Bool));
    }
    Ok(Typed::new(false_if_one_null(left.expr, right.expr, compared, true)?, Kind::Bool))
}

/// A comparison whose result is `answer` when exactly one side is null, and null when both are.
fn false_if_one_null(left: Expr, right: Expr, compared: Expr, answer: bool) -> Result<Expr, String> {
    let one_null = left.is_null().not_eq(right.is_null());
    when(one_null, lit(answer)).otherwise(compared).map_err(|error| error.to_string())
}

fn order(op: Operator, symbol: &str, left: Typed, right: Typed) -> Lowered {
    if left.kind == Kind::String && right.kind == Kind::String {
        return Err(format!("'{symbol}' does not order strings; use strcmp()"));
    }
    let (left, right) = comparable(symbol, left, right)?;
    Ok(Typed::new(binary_expr(left.expr, op, right.expr), Kind::Bool))
}

/// `value between (low .. high)`, both ends included; a time span as the high end is added to the low one.
pub(crate) fn between(value: Typed, low: Typed, high: Typed) -> Lowered {
    let high = if value.kind == Kind::DateTime && high.kind == Kind::TimeSpan {
        add(low.clone(), high)?
    } else {
        high
    };
    let above = order(Operator::GtEq, "between", value.clone(), low)?;
    let below = order(Operator::LtEq, "between", value, high)?;
    Ok(Typed::new(above.expr.and(below.expr), Kind::Bool))
}

fn regex(left: Typed, right: Typed) -> Lowered {
    let left = as_text("matches regex", left)?;
    let right = as_text("matches regex", right)?;
    if let Some(pattern) = right.literal_text() {
        crate::regexes::get(pattern)
            .map_err(|error| format!("the regular expression is not valid: {error}"))?;
    }
    Ok(call("matches_regex", Kind::Bool, matches_regex, vec![left, right]))
}

/// An old operator: `%` stands for any text.
fn like(op: BinaryOp, left: Typed, right: Typed, cased: bool, negated: bool) -> Lowered {
    let left = as_text(op.symbol(), left)?;
    let Some(pattern) = right.literal_text() else {
        return Err(format!("'{}' takes a constant string", op.symbol()));
    };
    let parts: Vec<String> = pattern.split('%').map(::regex::escape).collect();
    let case = if cased { "(?s)" } else { "(?si)" };
    let matched = regex(left, Typed::text(format!(r"{case}\A{}\z", parts.join(".*"))))?;
    Ok(if negated { not(matched) } else { matched })
}

fn matches_regex(args: &Args) -> EngineResult<datafusion::arrow::array::ArrayRef> {
    let (texts, patterns) = (args.texts(0)?, args.texts(1)?);
    if let Some(pattern) = patterns.constant() {
        let regex = crate::regexes::get(pattern).ok();
        return Ok(kernel::bool_rows(args.rows, |row| {
            Some(regex.as_ref().is_some_and(|r| r.is_match(texts.text(row))))
        }));
    }
    Ok(kernel::bool_rows(args.rows, |row| {
        Some(crate::regexes::get(patterns.text(row)).is_ok_and(|regex| regex.is_match(texts.text(row))))
    }))
}

/// A value that a string operator works on: text, or the text of a dynamic.
fn as_text(symbol: &str, value: Typed) -> Lowered {
    match value.kind {
        Kind::String => Ok(value),
        Kind::Dynamic | Kind::Guid => Ok(convert::to_text(value)),
        kind => Err(format!("'{symbol}' takes a string, not a {}", kind.name())),
    }
}

/// Which match an operator does: the match, case-sensitive, negated.
fn text_match(op: BinaryOp) -> Option<(MatchOp, bool, bool)> {
    use BinaryOp as B;
    use MatchOp as M;
    Some(match op {
        B::EqualNoCase => (M::Equal, false, false),
        B::NotEqualNoCase => (M::Equal, false, true),
        B::Has => (M::Has, false, false),
        B::NotHas => (M::Has, false, true),
        B::HasCs => (M::Has, true, false),
        B::NotHasCs => (M::Has, true, true),
        B::HasPrefix => (M::HasPrefix, false, false),
        B::NotHasPrefix => (M::HasPrefix, false, true),
        B::HasPrefixCs => (M::HasPrefix, true, false),
        B::NotHasPrefixCs => (M::HasPrefix, true, true),
        B::HasSuffix => (M::HasSuffix, false, false),
        B::NotHasSuffix => (M::HasSuffix, false, true),
        B::HasSuffixCs => (M::HasSuffix, true, false),
        B::NotHasSuffixCs => (M::HasSuffix, true, true),
        B::Contains => (M::Contains, false, false),
        B::NotContains => (M::Contains, false, true),
        B::ContainsCs => (M::Contains, true, false),
        B::NotContainsCs => (M::Contains, true, true),
        B::StartsWith => (M::StartsWith, false, false),
        B::NotStartsWith => (M::StartsWith, false, true),
        B::StartsWithCs => (M::StartsWith, true, false),
        B::NotStartsWithCs => (M::StartsWith, true, true),
        B::EndsWith => (M::EndsWith, false, false),
        B::NotEndsWith => (M::EndsWith, false, true),
        B::EndsWithCs => (M::EndsWith, true, false),
        B::NotEndsWithCs => (M::EndsWith, true, true),
        _ => return None,
    })
}

fn text_operator(op: BinaryOp, left: Typed, right: Typed) -> Lowered {
    let symbol = op.symbol();
    let Some((match_op, case_sensitive, negated)) = text_match(op) else {
        return Err(format!("operator '{symbol}' is not supported yet"));
    };
    // A number equals the text that holds it, as by `==`.
    if match_op == MatchOp::Equal && is_numeric(left.kind) && right.kind == Kind::String {
        return if negated { not_equal(left, right) } else { equal(left, right) };
    }
    let (left, right) = (as_text(symbol, left)?, as_text(symbol, right)?);
    let test = TextTest { op: match_op, case_sensitive, needles: Needles::Argument };
    let test = match right.literal_text() {
        Some(needle) => TextTest { needles: Needles::One(needle.to_owned()), ..test },
        None => test,
    };
    let args = if test.needles == Needles::Argument { vec![left.expr, right.expr] } else { vec![left.expr] };
    let matched = TextPredicate::call(test, args);
    Ok(if negated { not(matched) } else { matched })
}

/// `in`, `in~`, `has_any`, `has_all` and their negations.
pub(crate) fn in_list(op: InOp, left: Typed, values: Vec<Typed>) -> Lowered {
    let values = flatten(&left, values);
    let (negated, case_sensitive) = match op {
        InOp::In => (false, true),
        InOp::NotIn => (true, true),
        InOp::InNoCase => (false, false),
        InOp::NotInNoCase => (true, false),
        InOp::HasAny | InOp::HasAll => return has_list(op, left, values),
    };
    if left.kind == Kind::String && !case_sensitive || left.kind == Kind::Dynamic {
        let left = convert::to_text(left);
        return text_list(op.symbol(), left, values, case_sensitive, negated);
    }
    let mut list = Vec::with_capacity(values.len());
    let mut left = left;
    for value in values {
        let value = match (left.kind, value.kind) {
            (Kind::String, kind) if is_numeric(kind) || kind == Kind::Bool => {
                crate::constant::fold(convert::to_text(value)).map_err(|error| error.to_string())?
            }
            (kind, Kind::String) if is_numeric(kind) || kind == Kind::Bool => {
                crate::constant::fold(convert::to_kind(value, kind)).map_err(|error| error.to_string())?
            }
            _ => value,
        };
        let (compared, value) = comparable("==", left.clone(), value).map_err(|_| {
            format!("'{}' does not compare a {} with every value of its list", op.symbol(), left.kind.name())
        })?;
        if compared.kind == left.kind {
            left = compared;
        }
        list.push(value.expr);
    }
    if list.is_empty() {
        return Ok(Typed::bool(negated));
    }
    if left.kind == Kind::String {
        return Ok(Typed::new(Expr::InList(InList::new(Box::new(left.expr), list, negated)), Kind::Bool));
    }
    // Null is in no list, and null values of a list match nothing.
    list.retain(|value| !matches!(value, Expr::Literal(value, _) if value.is_null()));
    let found = Expr::InList(InList::new(Box::new(left.expr.clone()), list, false));
    let found = left.expr.is_not_null().and(found);
    Ok(Typed::new(if negated { Expr::Not(Box::new(found)) } else { found }, Kind::Bool))
}

/// A dynamic array among the values stands for its elements.
fn flatten(left: &Typed, values: Vec<Typed>) -> Vec<Typed> {
    let mut flat = Vec::with_capacity(values.len());
    for value in values {
        let elements = (value.kind == Kind::Dynamic)
            .then(|| value.literal().and_then(|v| v.try_as_str().flatten().and_then(json::elements)))
            .flatten();
        match elements {
            Some(elements) => flat.extend(elements.iter().map(|element| element_as(left.kind, element))),
            None => flat.push(value),
        }
    }
    flat
}

fn element_as(kind: Kind, element: &str) -> Typed {
    let text = Typed::text(json::to_text(element));
    match kind {
        Kind::String | Kind::Dynamic => text,
        Kind::Int | Kind::Long => {
            convert::long_of(&json::to_text(element)).map_or(Typed::absent(Kind::Long), Typed::long)
        }
        kind => crate::constant::fold(convert::to_kind(text, kind)).unwrap_or_else(|_| Typed::absent(kind)),
    }
}

fn text_list(symbol: &str, left: Typed, values: Vec<Typed>, case_sensitive: bool, negated: bool) -> Lowered {
    let values = values.into_iter().map(|value| as_text(symbol, value)).collect::<Result<Vec<_>, _>>()?;
    let constants: Option<Vec<String>> = values.iter().map(|v| v.literal_text().map(str::to_owned)).collect();
    let found = match constants {
        Some(needles) => {
            let test = TextTest { op: MatchOp::Equal, case_sensitive, needles: Needles::Any(needles) };
            TextPredicate::call(test, vec![left.expr])
        }
        None => {
            let op = if case_sensitive { BinaryOp::Equal } else { BinaryOp::EqualNoCase };
            let each =
                values.into_iter().map(|value| binary(op, left.clone(), value).map(|typed| typed.expr));
            Typed::new(balanced(each.collect::<Result<Vec<_>, _>>()?, Expr::or), Kind::Bool)
        }
    };
    Ok(if negated { not(found) } else { found })
}

fn has_list(op: InOp, left: Typed, values: Vec<Typed>) -> Lowered {
    let left = as_text(op.symbol(), left)?;
    let values = values.into_iter().map(|value| match value.kind {
        Kind::Int | Kind::Long | Kind::Real => {
            crate::constant::fold(convert::to_text(value)).map_err(|e| e.to_string())
        }
        _ => as_text(op.symbol(), value),
    });
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let constants: Option<Vec<String>> = values.iter().map(|v| v.literal_text().map(str::to_owned)).collect();
    match constants {
        Some(needles) => {
            let needles = if op == InOp::HasAny { Needles::Any(needles) } else { Needles::All(needles) };
            let test = TextTest { op: MatchOp::Has, case_sensitive: false, needles };
            Ok(TextPredicate::call(test, vec![left.expr]))
        }
        None => {
            let each =
                values.into_iter().map(|value| binary(BinaryOp::Has, left.clone(), value).map(|t| t.expr));
            let join = if op == InOp::HasAny { Expr::or } else { Expr::and };
            Ok(Typed::new(balanced(each.collect::<Result<Vec<_>, _>>()?, join), Kind::Bool))
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Needles {
    /// The second argument, row by row.
    Argument,
    One(String),
    Any(Vec<String>),
    All(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct TextTest {
    op: MatchOp,
    case_sensitive: bool,
    needles: Needles,
}

/// A string test whose values are prepared once, when the query is bound.
struct TextPredicate {
    test: TextTest,
    name: String,
    prepared: Prepared,
    /// Finds the texts that are worth a test.
    blocks: Option<Blocks>,
    signature: Signature,
}

enum Prepared {
    None,
    One(Box<Matcher>),
    /// Exact values, folded to lower case unless case-sensitive.
    Set(std::collections::HashSet<String>),
    Many(ManyMatcher),
}

/// The condition on a column's text that an expression of a bound query stands for, if it is one: for indexes that
/// know terms. Conditions with values of their own for each row are none.
pub fn text_condition(expr: &Expr) -> Option<TextCondition> {
    let Expr::ScalarFunction(function) = expr else { return None };
    let predicate = (function.func.inner().as_ref() as &dyn std::any::Any).downcast_ref::<TextPredicate>()?;
    let [Expr::Column(column)] = function.args.as_slice() else { return None };
    let (values, needs_all) = match &predicate.test.needles {
        Needles::Argument => return None,
        Needles::One(value) => (vec![value.clone()], true),
        Needles::Any(values) => (values.clone(), false),
        Needles::All(values) => (values.clone(), true),
    };
    Some(TextCondition { column: column.name.clone(), op: predicate.test.op, values, needs_all })
}

impl TextPredicate {
    fn call(test: TextTest, args: Vec<Expr>) -> Typed {
        let prepared = match &test.needles {
            Needles::Argument => Prepared::None,
            Needles::One(needle) => {
                Prepared::One(Box::new(Matcher::new(test.op, test.case_sensitive, needle)))
            }
            Needles::Any(needles) if test.op == MatchOp::Equal => {
                let fold = |n: &String| if test.case_sensitive { n.clone() } else { n.to_lowercase() };
                Prepared::Set(needles.iter().map(fold).collect())
            }
            Needles::Any(needles) | Needles::All(needles) => {
                Prepared::Many(ManyMatcher::new(test.op, needles))
            }
        };
        // Engine plans are compared by their text: the name says all that matters.
        let name = format!("text_{:?}_{}_{:?}", test.op, test.case_sensitive, test.needles);
        let signature = Signature::variadic_any(Volatility::Immutable);
        let blocks = match &prepared {
            Prepared::One(matcher) => matcher.blocks(),
            Prepared::Many(many) => many.blocks(),
            Prepared::None | Prepared::Set(_) => None,
        };
        let predicate = TextPredicate { test, name, prepared, blocks, signature };
        let udf = Arc::new(ScalarUDF::new_from_impl(predicate));
        Typed::new(Expr::ScalarFunction(ScalarFunction::new_udf(udf, args)), Kind::Bool)
    }

    /// A null is an empty text.
    fn test_rows(&self, texts: &StringViewArray) -> BooleanArray {
        match &self.blocks {
            Some(blocks) => BooleanArray::from(blocks.filter(texts, |text| self.test(text))),
            None => texts.iter().map(|text| Some(self.test(text.unwrap_or_default()))).collect(),
        }
    }

    /// The same where texts can be told by how they begin: the first four bytes are in a view.
    fn test_beginnings(&self, texts: &StringViewArray, beginning: [u8; 4]) -> BooleanArray {
        // A bit tells small letters from capital ones. Other characters that differ in it are told apart by the test.
        const CASE: u32 = 0x2020_2020;
        const OUTSIDE_ASCII: u32 = 0x8080_8080;
        let (views, wanted) = (texts.views().as_ref(), u32::from_le_bytes(beginning) | CASE);
        let mut last = None;
        let tests = BooleanBuffer::collect_bool(views.len(), |row| {
            let start = (views[row] >> 32) as u32;
            (start | CASE == wanted || start & OUTSIDE_ASCII != 0) && self.test_again(texts, row, &mut last)
        });
        BooleanArray::from(tests)
    }

    /// Of a dictionary the same text has the same view: what was found of the last one often holds.
    fn test_again(&self, texts: &StringViewArray, row: usize, last: &mut Option<(u128, bool)>) -> bool {
        let view = texts.views()[row];
        if let Some((_, found)) = last.filter(|(last, _)| *last == view) {
            return found;
        }
        if texts.is_null(row) {
            return self.test("");
        }
        let found = self.test(texts.value(row));
        *last = Some((view, found));
        found
    }

    fn test(&self, text: &str) -> bool {
        match &self.prepared {
            Prepared::None => false,
            Prepared::One(matcher) => matcher.matches(text),
            Prepared::Set(set) if self.test.case_sensitive => set.contains(text),
            Prepared::Set(set) => set.contains(&text.to_lowercase()),
            Prepared::Many(many) if matches!(self.test.needles, Needles::All(_)) => many.all(text),
            Prepared::Many(many) => many.any(text),
        }
    }
}

impl std::fmt::Debug for TextPredicate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.test.fmt(f)
    }
}

impl PartialEq for TextPredicate {
    fn eq(&self, other: &TextPredicate) -> bool {
        self.test == other.test
    }
}

impl Eq for TextPredicate {}

impl Hash for TextPredicate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.test.hash(state);
    }
}

impl ScalarUDFImpl for TextPredicate {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> EngineResult<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> EngineResult<ColumnarValue> {
        let constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let args = kernel::args(&args.args, rows);
        let texts = args.texts(0)?;
        let result: BooleanArray = if self.test.needles == Needles::Argument {
            let needles = args.texts(1)?;
            (0..rows)
                .map(|row| {
                    let matcher = Matcher::new(self.test.op, self.test.case_sensitive, needles.text(row));
                    Some(matcher.matches(texts.text(row)))
                })
                .collect()
        } else if let Texts::Rows(rows) = &texts
            && let Prepared::One(matcher) = &self.prepared
            && let Some(beginning) = matcher.beginning()
        {
            self.test_beginnings(rows, beginning)
        } else if let Texts::Rows(rows) = &texts
            && let Some(repeats) = Repeats::find(rows)
        {
            let distinct = repeats.values(rows)?;
            let tested = self.test_rows(distinct.as_string_view());
            return Ok(ColumnarValue::Array(repeats.spread(&tested)?));
        } else {
            match &texts {
                Texts::Rows(texts) => self.test_rows(texts),
                Texts::Constant(text) => {
                    let is_true = self.test(text.as_deref().unwrap_or_default());
                    std::iter::repeat_n(Some(is_true), rows).collect()
                }
            }
        };
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(result.value(0)))));
        }
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}
