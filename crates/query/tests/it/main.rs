//! Query text to rows, over small tables made here.

mod enrich;
mod errors;
mod functions;
mod geo;
mod harness;
mod joins;
mod mmdb;
mod operators;
mod pruning;
mod sketches;
mod summarize;
mod tables;
mod tabular;
mod windows;
