//! The Kusto query language: text in, syntax tree and diagnostics out.
//!
//! [`parse`] does not fail. It returns the tree of what it understood and a diagnostic for each thing
//! it did not. The crate knows the language's grammar, but no tables, columns or functions.
//!
//! ```
//! let parsed = kql::parse("DeviceInfo | where OSPlatform has 'linux' | cuont");
//! assert_eq!(parsed.diagnostics[0].message, "unknown operator `cuont`");
//! assert_eq!(parsed.diagnostics[0].suggestions, ["count"]);
//! ```

pub mod ast;
mod diagnostic;
mod lexer;
pub mod literals;
mod parser;
mod printer;
mod span;

pub use diagnostic::{Diagnostic, nearest};
pub use lexer::{Token, TokenKind, tokens};
pub use parser::{DEPTH_MAX, HEIGHT_MAX, TEXT_BYTES_MAX, parse};
pub use printer::print;
pub use span::{LineIndex, Position, Span, position};

/// What [`parse`] made of a text.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub query: ast::Query,
    pub diagnostics: Vec<Diagnostic>,
}
