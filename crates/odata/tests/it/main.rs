//! Tests of the public API: text in, tree or error out.

mod datetime;
mod entities;
mod filter;
mod options;
mod properties;
