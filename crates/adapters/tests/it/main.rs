//! Source bytes to table rows.

mod arbitrary;
mod archives;
mod fixtures;
