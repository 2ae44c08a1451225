//! Query text to rows, over small tables made here.

mod errors;
mod functions;
mod geo;
mod harness;
mod joins;
mod mmdb;
mod operators;
mod pruning;
mod summarize;
mod tables;
mod tabular;
