//! Expressions with the query language's types.
//!
//! How kinds are held while a query runs:
//!
//! | kind | Arrow type |
//! | --- | --- |
//! | `bool`, `int`, `long`, `real` | Boolean, Int32, Int64, Float64 |
//! | `decimal` | Decimal256 with 30 digits behind the point |
//! | `datetime` | Int64, 100 ns ticks since 0001-01-01 |
//! | `timespan` | Int64, 100 ns ticks |
//! | `string`, `guid` | Utf8View; a string is never null |
//! | `dynamic` | Utf8View, compact JSON text or null |

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, cast};
use model::Kind;

/// An engine expression and what it means.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub expr: Expr,
    pub kind: Kind,
}

/// The Arrow type a kind has inside a running query.
pub(crate) fn engine_type(kind: Kind) -> DataType {
    match kind {
        Kind::Bool => DataType::Boolean,
        Kind::Int => DataType::Int32,
        Kind::Long | Kind::DateTime | Kind::TimeSpan => DataType::Int64,
        Kind::Real => DataType::Float64,
        Kind::Decimal => crate::decimal::data_type(),
        Kind::Guid | Kind::String | Kind::Dynamic => DataType::Utf8View,
    }
}

/// The constant an absent value reads as: null, or the empty string.
pub(crate) fn absent(kind: Kind) -> Expr {
    let value = match kind {
        Kind::Bool => ScalarValue::Boolean(None),
        Kind::Int => ScalarValue::Int32(None),
        Kind::Long | Kind::DateTime | Kind::TimeSpan => ScalarValue::Int64(None),
        Kind::Real => ScalarValue::Float64(None),
        Kind::Decimal => crate::decimal::scalar(None),
        Kind::String => ScalarValue::Utf8View(Some(String::new())),
        Kind::Guid | Kind::Dynamic => ScalarValue::Utf8View(None),
    };
    Expr::Literal(value, None)
}

impl Typed {
    pub fn new(expr: Expr, kind: Kind) -> Typed {
        Typed { expr, kind }
    }

    pub fn column(field: &str, kind: Kind) -> Typed {
        Typed::new(Expr::Column(Column::new_unqualified(field)), kind)
    }

    pub fn value(value: ScalarValue, kind: Kind) -> Typed {
        Typed::new(Expr::Literal(value, None), kind)
    }

    pub fn text(text: impl Into<String>) -> Typed {
        Typed::value(ScalarValue::Utf8View(Some(text.into())), Kind::String)
    }

    pub fn long(number: i64) -> Typed {
        Typed::value(ScalarValue::Int64(Some(number)), Kind::Long)
    }

    pub fn real(number: f64) -> Typed {
        Typed::value(ScalarValue::Float64(Some(number)), Kind::Real)
    }

    pub fn bool(value: bool) -> Typed {
        Typed::value(ScalarValue::Boolean(Some(value)), Kind::Bool)
    }

    pub fn absent(kind: Kind) -> Typed {
        Typed::new(absent(kind), kind)
    }

    /// The value, when the expression is a literal.
    pub fn literal(&self) -> Option<&ScalarValue> {
        match &self.expr {
            Expr::Literal(value, _) => Some(value),
            _ => None,
        }
    }

    pub fn literal_text(&self) -> Option<&str> {
        match self.literal()? {
            ScalarValue::Utf8View(Some(text)) => Some(text),
            _ => None,
        }
    }

    /// The JSON of a dynamic value, when the expression is a literal.
    pub fn literal_json(&self) -> Option<&str> {
        self.literal_text().filter(|_| self.kind == Kind::Dynamic)
    }

    pub fn literal_long(&self) -> Option<i64> {
        match self.literal()? {
            ScalarValue::Int64(Some(number)) => Some(*number),
            ScalarValue::Int32(Some(number)) => Some((*number).into()),
            _ => None,
        }
    }

    /// Converts between number kinds.
    pub fn cast_number(self, kind: Kind) -> Typed {
        if self.kind == kind {
            return self;
        }
        if kind == Kind::Decimal {
            return crate::decimal::of(self);
        }
        if self.kind == Kind::Decimal {
            return crate::decimal::to_kind(self, kind);
        }
        let expr = match self.expr {
            Expr::Literal(ScalarValue::Int32(Some(n)), _) if kind == Kind::Long => {
                Expr::Literal(ScalarValue::Int64(Some(n.into())), None)
            }
            Expr::Literal(ScalarValue::Int64(Some(n)), _) if kind == Kind::Real => {
                Expr::Literal(ScalarValue::Float64(Some(n as f64)), None)
            }
            expr => cast(expr, engine_type(kind)),
        };
        Typed::new(expr, kind)
    }
}

impl Typed {
    /// A number as another kind of number; anything else as it is.
    pub fn cast_number_to(self, kind: Kind) -> Typed {
        if is_numeric(self.kind) && is_numeric(kind) { self.cast_number(kind) } else { self }
    }
}

pub(crate) fn is_numeric(kind: Kind) -> bool {
    matches!(kind, Kind::Int | Kind::Long | Kind::Real | Kind::Decimal)
}
