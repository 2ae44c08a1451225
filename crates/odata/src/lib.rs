//! Parses OData query options (`$filter`, `$orderby`, `$top` and friends) into typed values.
//!
//! An entity declares its properties once, as an [`EntityType`]; [`parse`] checks what a client sent against
//! it. A [`Query`] that comes back names only declared properties, each compared with a value of its kind, so
//! whoever turns it into SQL has no bad input left to think about.
//!
//! The grammar is OData's, read the way existing clients write it: names and keywords in any letter case,
//! blanks missing around quotes, `+` for a blank, lists in square brackets, dates without a time. What cannot
//! be read is an [`ODataError`] that says where and what would be valid; nothing is dropped in silence except
//! options that are not OData's.
//!
//! Two rules are for the storage to keep:
//!
//! - Text is compared without regard to letter case, in every operator and function. That is why `tolower(x)`
//!   and `toupper(x)` are read as plain `x`.
//! - Inside [`Filter::Any`] the collection's property stands for one element of it.
//!
//! The crate is pure: no I/O, no clock, no SQL. Work and memory are bounded by the constants in [`limits`].

mod datetime;
mod entity;
mod error;
mod filter;
mod lexer;
pub mod limits;
mod literal;
mod options;
mod parser;

pub use datetime::{format as format_datetime, parse as parse_datetime};
pub use entity::{EntityType, Kind, Property};
pub use error::ODataError;
pub use filter::{CompareOp, Filter, TextFn, Value};
pub use limits::{Limits, OverMax};
pub use options::{Order, Query, parse};
