//! The client against a scripted server.

mod connection;
mod requests;
mod server;
