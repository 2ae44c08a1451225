//! Expressions and literals as text.

use std::fmt::{self, Display, Formatter};

use super::{call_name, dotted_name, list, name, separated};
use crate::ast::{Arg, Call, Expr, ExprKind, Literal};
use crate::literals::{
    TICKS_PER_DAY, TICKS_PER_HOUR, TICKS_PER_MILLISECOND, TICKS_PER_MINUTE, TICKS_PER_SECOND,
    format_datetime, format_guid, format_timespan, parse_bool, quote,
};
use crate::parser::Level;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Error => f.write_str("?"),
            ExprKind::Literal(literal) => literal.fmt(f),
            ExprKind::Name(ident) => f.write_str(&name(ident)),
            ExprKind::Wildcard(pattern) => f.write_str(pattern),
            ExprKind::Star => f.write_str("*"),
            ExprKind::Path { base, member } => write!(f, "{}.{}", postfix_base(base), name(member)),
            ExprKind::Index { base, index } => write!(f, "{}[{index}]", postfix_base(base)),
            ExprKind::Call(call) => call.fmt(f),
            ExprKind::PathCall { base, call } => write!(f, "{}.{call}", postfix_base(base)),
            ExprKind::Unary { op, operand } => {
                write!(f, "{}{}", op.symbol(), at_level(operand, Level::Operand))
            }
            ExprKind::Binary { op, left, right } => {
                let level = Level::of(*op);
                write!(f, "{} {} {}", at_level(left, level), op.symbol(), at_level(right, level.tighter()))
            }
            ExprKind::And(operands) => f.write_str(&chain(operands, Level::And, " and ")),
            ExprKind::Or(operands) => f.write_str(&chain(operands, Level::Or, " or ")),
            ExprKind::In { op, left, list: items } => {
                write!(f, "{} {} ({})", at_level(left, Level::Equality), op.symbol(), elements(items))
            }
            ExprKind::Between { negated, expr, low, high } => {
                let not = if *negated { "!" } else { "" };
                write!(f, "{} {not}between ({low} .. {high})", at_level(expr, Level::Equality))
            }
            ExprKind::TypeOf(ty) => write!(f, "typeof({})", ty.name()),
            ExprKind::Pipeline(pipeline) => write!(f, "({pipeline})"),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", call_name(&self.name), arguments(&self.args))
    }
}

impl Display for Arg {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(ident) => write!(f, "{} = {}", name(ident), self.value),
            None => self.value.fmt(f),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Bool(Some(value)) => write!(f, "{value}"),
            Literal::Int(Some(value)) => write!(f, "int({value})"),
            Literal::Long(Some(value @ 0..)) => write!(f, "{value}"),
            Literal::Long(Some(value)) => write!(f, "long({value})"),
            Literal::Real(Some(value)) if value.is_finite() && value.is_sign_positive() => {
                write!(f, "{value:?}")
            }
            Literal::Real(Some(value)) => write!(f, "real({value:?})"),
            Literal::Decimal(Some(value)) => write!(f, "decimal({value})"),
            Literal::DateTime(Some(ticks)) => write!(f, "datetime({})", format_datetime(*ticks)),
            Literal::Timespan(Some(ticks)) => f.write_str(&timespan(*ticks)),
            Literal::Guid(Some(guid)) => write!(f, "guid({})", format_guid(*guid)),
            Literal::String { value, is_obfuscated } => {
                let prefix = if *is_obfuscated { "h" } else { "" };
                write!(f, "{prefix}{}", quote(value))
            }
            Literal::Dynamic(json) => write!(f, "dynamic({json})"),
            Literal::Bool(None) => f.write_str("bool(null)"),
            Literal::Int(None) => f.write_str("int(null)"),
            Literal::Long(None) => f.write_str("long(null)"),
            Literal::Real(None) => f.write_str("real(null)"),
            Literal::Decimal(None) => f.write_str("decimal(null)"),
            Literal::DateTime(None) => f.write_str("datetime(null)"),
            Literal::Timespan(None) => f.write_str("timespan(null)"),
            Literal::Guid(None) => f.write_str("guid(null)"),
        }
    }
}

/// The arguments of a call. A pipeline needs no parentheses when it is alone.
pub(super) fn arguments(args: &[Arg]) -> String {
    match args {
        [Arg { name: None, value }] => elements(std::slice::from_ref(value)),
        args => list(args),
    }
}

fn elements(items: &[Expr]) -> String {
    match items {
        [Expr { kind: ExprKind::Pipeline(pipeline), .. }] => pipeline.to_string(),
        items => list(items),
    }
}

/// A length of time in the greatest unit that divides it.
fn timespan(ticks: i64) -> String {
    const UNITS: &[(i64, &str)] = &[
        (TICKS_PER_DAY, "d"),
        (TICKS_PER_HOUR, "h"),
        (TICKS_PER_MINUTE, "m"),
        (TICKS_PER_SECOND, "s"),
        (TICKS_PER_MILLISECOND, "ms"),
        (1, "tick"),
    ];
    match UNITS.iter().find(|(length, _)| ticks >= 0 && ticks % length == 0) {
        Some((length, unit)) => format!("{}{unit}", ticks / length),
        None => format!("timespan({})", format_timespan(ticks)),
    }
}

/// An expression where only operators that bind at least so tightly may stand bare.
pub(super) fn at_level(expr: &Expr, level: Level) -> String {
    let own = match &expr.kind {
        ExprKind::Or(_) => Level::Or,
        ExprKind::And(_) => Level::And,
        ExprKind::In { .. } | ExprKind::Between { .. } => Level::Equality,
        ExprKind::Binary { op, .. } => Level::of(*op),
        _ => Level::Operand,
    };
    if own < level { format!("({expr})") } else { expr.to_string() }
}

fn chain(operands: &[Expr], level: Level, separator: &str) -> String {
    separated(operands.iter().map(|operand| at_level(operand, level.tighter())), separator)
}

/// What stands before `.member` or `[index]`.
fn postfix_base(base: &Expr) -> String {
    match &base.kind {
        ExprKind::Unary { .. } => format!("({base})"),
        _ => at_level(base, Level::Operand),
    }
}

/// A table among those of `join` or `union`; anything but a name, call or pipeline is in parentheses.
pub(super) fn table(expr: &Expr) -> String {
    let mut first = expr;
    while let ExprKind::Path { base, .. } | ExprKind::Index { base, .. } | ExprKind::PathCall { base, .. } =
        &first.kind
    {
        first = base;
    }
    let is_bare = matches!(
        first.kind,
        ExprKind::Name(_) | ExprKind::Call(_) | ExprKind::Pipeline(_) | ExprKind::Wildcard(_)
    );
    if is_bare { expr.to_string() } else { format!("({expr})") }
}

/// The value of a setting, where every plain word is a name.
pub(super) fn parameter_value(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(ident) if ident.name == "dynamic" || parse_bool(&ident.name).is_some() => {
            format!("[{}]", quote(&ident.name))
        }
        ExprKind::Name(ident) => dotted_name(ident),
        _ => at_level(expr, Level::Operand),
    }
}
