//! Webhooks with receivers that are real HTTP servers.

mod deliveries;
mod receiver;
mod world;
