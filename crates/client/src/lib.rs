//! The client of the public API, as the command line and the sandbox use it: tokens, retries, ingest,
//! hunting and plain JSON requests; and the device's side of the device channel.
//!
//! It reads no environment: programs pass what they found there as [`Overrides`].

mod connection;
mod device;
mod error;
mod hunt;
mod ingest;
mod retry;
mod send;
mod token;

pub use connection::{Connection, Overrides};
pub use device::{DeviceChannel, DeviceIdentity};
pub use error::ClientError;
pub use hunt::{Field, HuntAnswer};
pub use ingest::{IngestAnswer, Refusal};
pub use retry::RetryPolicy;
pub use send::{Client, Settings, path_of};

pub type Result<T> = std::result::Result<T, ClientError>;
