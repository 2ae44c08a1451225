//! Hunting: query text to rows.
//!
//! [`kql`] parses; this crate binds the tree to the query language's types and names, lowers it to an engine
//! plan over the tables it is handed, and runs it inside bounds. It opens no file and knows no tenant: whoever
//! implements [`Tables`] hands out exactly what the caller may see.

mod activity;
mod admission;
mod aggregates;
mod bind;
mod blocks;
mod captures;
mod complete;
mod constant;
mod convert;
mod cpu;
mod decimal;
mod digest;
mod empty;
mod engine;
mod error;
mod expand;
mod external;
mod functions;
mod geo;
mod graph;
mod grouped;
mod interchange;
mod json;
mod kernel;
mod memory;
mod meter;
mod metered;
mod numbering;
mod one_of;
mod operators;
mod patterns;
mod portions;
mod reading;
mod recorded;
mod reference;
mod regexes;
mod relation;
mod render;
mod repeats;
mod running;
mod saved;
mod scan;
mod sequences;
mod sketch;
mod text;
mod ticks;
mod turns;
mod typed;
mod views;
mod whole;
mod window;
mod windows;

pub use admission::Asker;
pub use aggregates::{AGGREGATES, Aggregate, ROW_CHOICES};
pub use bind::Tables;
pub use complete::{Completion, Editing, Item, ItemKind};
pub use empty::EmptyTables;
pub use engine::{Answer, Asked, Engine, EngineConfig, Stats};
pub use error::QueryError;
pub use external::ExternalFiles;
pub use functions::{Example, Function, find as find_function};
pub use geo::GeoDatabase;
pub use interchange::{interchange, interchange_schema};
pub use meter::Meter;
pub use operators::text_condition;
pub use reading::Scanned;
pub use recorded::MemoryTables;
pub use reference::reference;
pub use render::RowWriter;
pub use running::{Part, Running};
pub use saved::SavedFunction;
pub use window::{Position, Refresh, Windows};
pub use windows::{WINDOWS, Window};

/// Every scalar function, by name.
pub fn functions() -> &'static [&'static Function] {
    functions::FUNCTIONS
}
