//! Expressions and literals.

use super::{Ident, Pipeline};
use crate::Span;

/// An expression and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    pub kind: ExprKind,
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// What stands here is not an expression; a diagnostic says why.
    Error,
    Literal(Literal),
    /// A column, table, `let` name, parameter, `$left` or `$right`.
    Name(Ident),
    /// A name with `*` in it, among the tables of `union`, `search` and `find`.
    Wildcard(String),
    /// `*`: every column.
    Star,
    /// `base.member`, `base.['member']`
    Path {
        base: Box<Expr>,
        member: Ident,
    },
    /// `base[index]`
    Index {
        base: Box<Expr>,
        index: Box<Expr>,
    },
    Call(Call),
    /// `base.name(args)`, as in `cluster("c").database("d")`
    PathCall {
        base: Box<Expr>,
        call: Call,
    },
    Unary {
        op: UnaryOp,
        operand: Box<Expr>,
    },
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// Two or more operands.
    And(Vec<Expr>),
    /// Two or more operands.
    Or(Vec<Expr>),
    /// `left in (list)` and its kin. A list of one may be a table or a dynamic array.
    In {
        op: InOp,
        left: Box<Expr>,
        list: Vec<Expr>,
    },
    /// `expr between (low .. high)`
    Between {
        negated: bool,
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
    },
    /// `typeof(long)`
    TypeOf(ScalarType),
    /// A pipeline in parentheses or as an argument: it has operators, or a source that is not an
    /// expression.
    Pipeline(Box<Pipeline>),
}

/// `name(args)`
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    pub name: Ident,
    pub args: Vec<Arg>,
}

/// An argument: `value` or `name = value`; the value may be `*` or a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    pub name: Option<Ident>,
    pub value: Expr,
}

/// A constant. `None` is the null of the type, as in `int(null)`.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    Bool(Option<bool>),
    Int(Option<i32>),
    Long(Option<i64>),
    Real(Option<f64>),
    /// The digits as written, such as `-1.50` or `1e-3`.
    Decimal(Option<String>),
    /// Ticks of 100 ns since 0001-01-01.
    DateTime(Option<i64>),
    /// Ticks of 100 ns.
    Timespan(Option<i64>),
    Guid(Option<u128>),
    String {
        value: String,
        /// Written with `h`: to be hidden in logs.
        is_obfuscated: bool,
    },
    /// JSON text without spaces; typed literals inside have become JSON strings.
    Dynamic(String),
}

/// The types of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ScalarType {
    Bool,
    Int,
    Long,
    Real,
    Decimal,
    DateTime,
    Timespan,
    Guid,
    String,
    Dynamic,
}

impl ScalarType {
    /// The names of all types, old spellings included.
    pub const NAMES: &[&str] = &[
        "bool", "boolean", "int", "long", "real", "double", "decimal", "datetime", "date", "timespan",
        "time", "guid", "uuid", "uniqueid", "string", "dynamic",
    ];

    /// The type with this name, which may be an old spelling.
    pub fn from_name(name: &str) -> Option<ScalarType> {
        Some(match name {
            "bool" | "boolean" => ScalarType::Bool,
            "int" | "int32" => ScalarType::Int,
            "long" | "int64" => ScalarType::Long,
            "real" | "double" => ScalarType::Real,
            "decimal" => ScalarType::Decimal,
            "datetime" | "date" => ScalarType::DateTime,
            "timespan" | "time" => ScalarType::Timespan,
            "guid" | "uuid" | "uniqueid" => ScalarType::Guid,
            "string" => ScalarType::String,
            "dynamic" => ScalarType::Dynamic,
            _ => return None,
        })
    }

    /// The canonical name.
    pub fn name(self) -> &'static str {
        match self {
            ScalarType::Bool => "bool",
            ScalarType::Int => "int",
            ScalarType::Long => "long",
            ScalarType::Real => "real",
            ScalarType::Decimal => "decimal",
            ScalarType::DateTime => "datetime",
            ScalarType::Timespan => "timespan",
            ScalarType::Guid => "guid",
            ScalarType::String => "string",
            ScalarType::Dynamic => "dynamic",
        }
    }
}

/// A sign in front of an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    Negate,
    Plus,
}

impl UnaryOp {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            UnaryOp::Negate => "-",
            UnaryOp::Plus => "+",
        }
    }
}

/// Operators with a left and a right operand. `NotX` is the negation of `X`; `Cs` is case-sensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `=~`
    EqualNoCase,
    /// `!~`
    NotEqualNoCase,
    Has,
    NotHas,
    HasCs,
    NotHasCs,
    HasPrefix,
    NotHasPrefix,
    HasPrefixCs,
    NotHasPrefixCs,
    HasSuffix,
    NotHasSuffix,
    HasSuffixCs,
    NotHasSuffixCs,
    Contains,
    NotContains,
    ContainsCs,
    NotContainsCs,
    StartsWith,
    NotStartsWith,
    StartsWithCs,
    NotStartsWithCs,
    EndsWith,
    NotEndsWith,
    EndsWithCs,
    NotEndsWithCs,
    MatchesRegex,
    Like,
    NotLike,
    LikeCs,
    NotLikeCs,
    /// `column : "term"`, in `search` and `find` only
    SearchTerm,
}

impl BinaryOp {
    /// Every operator with its canonical spelling.
    pub const ALL: &[(BinaryOp, &str)] = &[
        (BinaryOp::Add, "+"),
        (BinaryOp::Subtract, "-"),
        (BinaryOp::Multiply, "*"),
        (BinaryOp::Divide, "/"),
        (BinaryOp::Modulo, "%"),
        (BinaryOp::Equal, "=="),
        (BinaryOp::NotEqual, "!="),
        (BinaryOp::Less, "<"),
        (BinaryOp::LessOrEqual, "<="),
        (BinaryOp::Greater, ">"),
        (BinaryOp::GreaterOrEqual, ">="),
        (BinaryOp::EqualNoCase, "=~"),
        (BinaryOp::NotEqualNoCase, "!~"),
        (BinaryOp::Has, "has"),
        (BinaryOp::NotHas, "!has"),
        (BinaryOp::HasCs, "has_cs"),
        (BinaryOp::NotHasCs, "!has_cs"),
        (BinaryOp::HasPrefix, "hasprefix"),
        (BinaryOp::NotHasPrefix, "!hasprefix"),
        (BinaryOp::HasPrefixCs, "hasprefix_cs"),
        (BinaryOp::NotHasPrefixCs, "!hasprefix_cs"),
        (BinaryOp::HasSuffix, "hassuffix"),
        (BinaryOp::NotHasSuffix, "!hassuffix"),
        (BinaryOp::HasSuffixCs, "hassuffix_cs"),
        (BinaryOp::NotHasSuffixCs, "!hassuffix_cs"),
        (BinaryOp::Contains, "contains"),
        (BinaryOp::NotContains, "!contains"),
        (BinaryOp::ContainsCs, "contains_cs"),
        (BinaryOp::NotContainsCs, "!contains_cs"),
        (BinaryOp::StartsWith, "startswith"),
        (BinaryOp::NotStartsWith, "!startswith"),
        (BinaryOp::StartsWithCs, "startswith_cs"),
        (BinaryOp::NotStartsWithCs, "!startswith_cs"),
        (BinaryOp::EndsWith, "endswith"),
        (BinaryOp::NotEndsWith, "!endswith"),
        (BinaryOp::EndsWithCs, "endswith_cs"),
        (BinaryOp::NotEndsWithCs, "!endswith_cs"),
        (BinaryOp::MatchesRegex, "matches regex"),
        (BinaryOp::Like, "like"),
        (BinaryOp::NotLike, "notlike"),
        (BinaryOp::LikeCs, "likecs"),
        (BinaryOp::NotLikeCs, "notlikecs"),
        (BinaryOp::SearchTerm, ":"),
    ];

    /// The canonical spelling.
    pub fn symbol(self) -> &'static str {
        Self::ALL.iter().find(|(op, _)| *op == self).map_or("", |(_, symbol)| symbol)
    }
}

/// Operators whose right side is a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InOp {
    In,
    NotIn,
    InNoCase,
    NotInNoCase,
    HasAny,
    HasAll,
}

impl InOp {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            InOp::In => "in",
            InOp::NotIn => "!in",
            InOp::InNoCase => "in~",
            InOp::NotInNoCase => "!in~",
            InOp::HasAny => "has_any",
            InOp::HasAll => "has_all",
        }
    }
}
