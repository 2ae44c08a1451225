//! The life of orders: every interleaving of six steps, and random walks.

mod command_keys;
mod contents;
mod enrolment;
mod interleavings;
mod jobs;
mod service;
mod simulation;
mod walks;
mod world;
