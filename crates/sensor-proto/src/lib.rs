//! The device channel: what a server and a device say to each other, and how each knows the other said it.
//!
//! - A device enrols once: it sends [`Enrol`], signed by a key it has just made, with a token that works once.
//! - Every later request of it carries a [`RequestSignature`] over method, path, time and digest of the body.
//! - A [`Command`] is for one device, has a number that only grows, expires, and is signed by the server.
//! - The key that signs commands is followed by another with a [`Succession`], which the one before signed.
//! - A [`Receipt`] is signed by the device's key, so that what happened can be shown without either of them.
//!
//! Every message is JSON with a version. Decoders take bytes from anywhere: they are bounded by
//! [`MESSAGE_BYTES_MAX`] and by what each message says of its parts, and tell what is wrong. Unknown members
//! are ignored, so that a newer peer can add some.

mod command;
mod decode;
mod enrol;
mod keys;
mod poll;
mod receipt;
mod request;
mod signed;
mod succession;

pub use command::{Command, IsolationMode, LiveCommand, Order, ScanMode, Topic};
pub use decode::{MESSAGE_BYTES_MAX, Message, ProtoError, decode, encode};
pub use enrol::{Enrol, Enrolled};
pub use keys::{PrivateKey, PublicKey, digest_hex, digests_are_equal};
pub use poll::{Applied, DeviceState, Isolation, Poll, PollAnswer, Restriction};
pub use receipt::{CommandResult, Finding, Outcome, Receipt, Receipts, Upload};
pub use request::{REQUEST_SCHEME, RequestSignature};
pub use signed::{Purpose, Signed};
pub use succession::{CommandKeys, Succession};

/// The version that every message of this crate carries.
pub const VERSION: u32 = 1;
