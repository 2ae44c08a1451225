//! Requests to replies, over a real store, lake, issuer and engine.

mod action_extras;
mod actions;
mod authorization;
mod bounds;
mod bulk;
mod clients;
mod cors;
mod coverage;
mod entities;
mod errors;
mod hec;
mod hunting;
mod hunting_stream;
mod ingest;
mod lake;
mod limits;
mod management;
mod otlp;
mod pages;
mod paths;
mod reach;
mod reference;
mod sensor;
mod sign_in;
mod world;
