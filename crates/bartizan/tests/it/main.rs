//! The program from outside.

mod commands;
mod kill;
mod server;
mod start;
