//! Orders for devices, from the call that asks for one to the receipt of the device.
//!
//! [`Queue`] is the life of the orders of one device and [`Journal`] what the device remembers of them: both are
//! values without input or output. [`Actions`] keeps queues in the store together with the actions they stand for,
//! and speaks the server's side of the device channel.

mod approval;
mod channel;
mod contents;
mod error;
mod jobs;
mod journal;
mod key_ring;
mod limits;
mod policy;
mod queue;
mod results;
mod service;
mod waiters;

pub use channel::KnownDevice;
pub use error::ActionError;
pub use jobs::{JOB_DEVICES_MAX, Job, JobCaller, JobResult, Requestors};
pub use journal::{Admission, Answer, Journal, SUPERSEDED};
pub use key_ring::{CommandKeyRow, KeyRing};
pub use limits::Limits;
pub use policy::{Policy, TAGS_MAX};
pub use queue::{Change, Entry, Given, OPEN_MAX, Queue, Refusal, Why};
pub use results::{AskedCommand, Followed, NewFile};
pub use service::{Actions, Plan, Request, TenantActions};
