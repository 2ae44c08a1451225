//! The Kusto query language: text in, syntax tree and diagnostics out.
//!
//! [`parse`] does not fail. It returns the tree of what it understood and a diagnostic for each thing
//! it did not. The crate knows the language's grammar, but no tables, columns or functions.

pub mod ast;
mod diagnostic;
pub mod literals;
mod span;

pub use diagnostic::{Diagnostic, nearest};
pub use span::{LineIndex, Position, Span, position};

/// What [`parse`] made of a text.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub query: ast::Query,
    pub diagnostics: Vec<Diagnostic>,
}
