//! The term index of a data file: which blocks of rows hold a term, for about an eighth of the file's size, and for two
//! small reads a question.
//!
//! It knows the terms of all text, as `has` sees them, and whole values of the columns that are looked up. It does
//! not know which column a term is in: that would cost more than it spares, as a rare term is rare in all of them.
//! The answer is never short of a block; it may have one too many, so rows are filtered again.
//! See `docs/design/0009-term-index.md` for the choice and the measurements.

mod bits;
mod blocks;
mod build;
mod collect;
mod format;
mod needle;
mod read;
mod seen;

pub use blocks::BlockSet;
pub use build::TermIndexBuilder;
pub use needle::{Needle, TextMatch};
pub use read::TermIndex;

/// Rows of a block, unless a file is told otherwise. Smaller blocks make answers finer and the index larger.
pub const ROWS_PER_BLOCK: u32 = 4_096;
