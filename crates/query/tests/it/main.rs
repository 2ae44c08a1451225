//! Query text to rows, over small tables made here.

mod errors;
mod functions;
mod harness;
mod joins;
mod operators;
mod pruning;
mod summarize;
mod tables;
