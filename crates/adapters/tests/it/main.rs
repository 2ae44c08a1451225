//! Source bytes to table rows.

mod arbitrary;
mod archives;
mod evtx;
mod fixtures;
mod samples;
