//! Requests to replies, over a real store, lake, issuer and engine.

mod authorization;
mod bulk;
mod entities;
mod errors;
mod hec;
mod hunting;
mod ingest;
mod lake;
mod otlp;
mod paths;
mod sign_in;
mod world;
