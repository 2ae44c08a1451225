//! Hunting: query text to rows.
//!
//! [`kql`] parses; this crate binds the tree to the query language's types and names, lowers it to an engine
//! plan over the tables it is handed, and runs it inside bounds. It opens no file and knows no tenant: whoever
//! implements [`Tables`] hands out exactly what the caller may see.

mod aggregates;
mod bind;
mod captures;
mod constant;
mod convert;
mod digest;
mod empty;
mod engine;
mod error;
mod expand;
mod external;
mod functions;
mod geo;
mod json;
mod kernel;
mod operators;
mod regexes;
mod relation;
mod render;
mod scan;
mod sketch;
mod text;
mod ticks;
mod typed;
mod whole;
mod windows;

pub use aggregates::{AGGREGATES, Aggregate, ROW_CHOICES};
pub use bind::Tables;
pub use empty::EmptyTables;
pub use engine::{Answer, Engine, EngineConfig, Stats};
pub use error::QueryError;
pub use functions::{Example, Function, find as find_function};
pub use geo::GeoDatabase;
pub use operators::text_condition;
pub use windows::{WINDOWS, Window};

/// Every scalar function, by name.
pub fn functions() -> &'static [&'static Function] {
    functions::FUNCTIONS
}
