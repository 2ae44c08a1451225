//! The lake from outside: what is acknowledged is there once, whatever happens in between.

mod constants;
mod crash;
mod delete;
mod delta;
mod faulty;
mod follow;
mod harness;
mod lifecycle;
mod remote;
mod simulation;
mod terms;
mod times;
mod upkeep;
