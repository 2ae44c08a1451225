//! The syntax tree of a query: statements, pipelines and where their rows come from.
//!
//! Spans are byte ranges of the parsed text. Parentheses leave no trace: `(T | where a) | count` and
//! `T | where a | count` give the same tree. Where the text could not be understood the tree holds
//! [`ExprKind::Error`], [`Source::Missing`] or [`OperatorKind::Unknown`], each with a diagnostic.

mod expr;
mod graph;
mod operator;

pub use expr::*;
pub use graph::*;
pub use operator::*;

use crate::Span;

/// A name as it is used, without the brackets and quotes of `['my col']`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    pub name: String,
    pub span: Span,
}

/// Everything in one text: its statements in order.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Query {
    pub statements: Vec<Statement>,
}

/// What stands between the semicolons.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    Let(Let),
    Set(Set),
    Parameters(Parameters),
    Alias(Alias),
    /// A query, or the scalar result of a function body.
    Expression(Pipeline),
}

impl Statement {
    /// Where it stands.
    pub fn span(&self) -> Span {
        match self {
            Statement::Let(statement) => statement.span,
            Statement::Set(statement) => statement.span,
            Statement::Parameters(statement) => statement.span,
            Statement::Alias(statement) => statement.span,
            Statement::Expression(pipeline) => pipeline.span,
        }
    }
}

/// `let name = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    pub name: Ident,
    pub value: LetValue,
    pub span: Span,
}

/// What a name is bound to. Whether a pipeline without operators is a scalar or a table is for the
/// binder to say.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "there are few, and a box would be in every reader's way")]
pub enum LetValue {
    Pipeline(Pipeline),
    Function(Function),
}

/// `(a: string, b: long = 5) { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Written with `view` in front.
    pub is_view: bool,
    pub params: Vec<Param>,
    /// Statements; the last one is [`Statement::Expression`] unless the body is incomplete.
    pub body: Vec<Statement>,
    pub span: Span,
}

/// A parameter of a function or query.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    pub name: Ident,
    pub kind: ParamKind,
    pub span: Span,
}

/// What a parameter takes.
#[derive(Clone, Debug, PartialEq)]
pub enum ParamKind {
    Scalar {
        ty: ScalarType,
        default: Option<Expr>,
    },
    /// `T: (a: string)`; no columns for `T: (*)`, which takes any table.
    Table {
        columns: Option<Vec<ColumnDecl>>,
    },
}

/// `name: type` in a table's declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDecl {
    pub name: Ident,
    pub ty: ScalarType,
    pub span: Span,
}

/// `set name = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    pub name: Ident,
    pub value: Option<Expr>,
    pub span: Span,
}

/// `declare query_parameters(name: type = default, ...)`
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    pub params: Vec<Param>,
    pub span: Span,
}

/// `alias database name = value`
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    pub name: Ident,
    pub value: Expr,
    pub span: Span,
}

/// Rows and what is done to them: `source | operator | operator`. With no operators and an
/// expression as its source it may as well be a scalar.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    pub source: Source,
    pub operators: Vec<Operator>,
    pub span: Span,
}

/// Where the rows of a pipeline come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A table, a `let` name, a call such as `materialize(...)`; or any scalar expression.
    Expr(Expr),
    Print(Print),
    Range(Range),
    DataTable(DataTable),
    ExternalData(ExternalData),
    Union(Union),
    Search(Search),
    Find(Find),
    /// Nothing was written.
    Missing,
}

/// `print a = 1, "x"`
#[derive(Clone, Debug, PartialEq)]
pub struct Print {
    pub columns: Vec<Column>,
    pub span: Span,
}

/// `range name from low to high step step`
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    pub name: Ident,
    pub from: Expr,
    pub to: Expr,
    pub step: Expr,
    pub span: Span,
}

/// `datatable(name: type, ...) [value, ...]`
#[derive(Clone, Debug, PartialEq)]
pub struct DataTable {
    pub columns: Vec<ColumnDecl>,
    /// Row after row; the number of values divides by the number of columns, or there is a
    /// diagnostic.
    pub values: Vec<Expr>,
    pub span: Span,
}

/// `externaldata(name: type, ...) ["uri", ...] with (format = "csv")`
#[derive(Clone, Debug, PartialEq)]
pub struct ExternalData {
    pub columns: Vec<ColumnDecl>,
    pub uris: Vec<Expr>,
    pub properties: Vec<Parameter>,
    pub span: Span,
}

/// A column to compute: `expr`, `name = expr` or `(first, second) = expr`.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Empty when the name is automatic.
    pub names: Vec<Ident>,
    pub expr: Expr,
    pub span: Span,
}

/// `name = value` where an operator or statement takes settings, such as `hint.strategy = shuffle`.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// With its dots, such as `hint.strategy`.
    pub name: Ident,
    /// A literal or a bare name.
    pub value: Expr,
}
