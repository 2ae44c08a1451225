//! The life of orders: every interleaving of six steps, and random walks.

mod interleavings;
mod service;
mod simulation;
mod walks;
