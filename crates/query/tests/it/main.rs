//! Query text to rows, over small tables made here.

mod complete;
mod enrich;
mod errors;
mod functions;
mod geo;
mod graphs;
mod harness;
mod hostile;
mod joins;
mod mmdb;
mod operators;
mod plugins;
mod properties;
mod pruning;
mod sketches;
mod streams;
mod summarize;
mod tables;
mod tabular;
mod windows;
