//! Profiles: what the events of a tenant say of its machines, and of the users, files, addresses and domains
//! in them.
//!
//! Batches of events are folded column by column into [`Found`], and what was found is taken into the stored
//! profiles in the transaction that moves the follower. Every value of a profile is one that can be taken in
//! again and in any order ([`Merge`]), so profiles depend on the set of events and on nothing else: folding a
//! step again after a crash, or all events again in a [`rebuild`], makes the same bytes.

mod address;
mod days;
mod domain;
mod error;
mod file;
mod follow;
mod found;
mod machine;
mod merge;
mod platform;
mod read;
mod rebuild;
mod rows;
mod sample;
mod stored;
mod user;

use model::DeviceId;

pub use address::{Address, address_id};
pub use days::Days;
pub use domain::{Domain, domain_id};
pub use error::{Error, Result};
pub use file::{Certificate, File, Names, file_id};
pub use follow::{Batches, FOLLOWER, Position, follow, position};
pub use found::{Found, Known};
pub use machine::MachineProfile;
pub use merge::{Latest, Merge, Texts};
pub use read::Reader;
pub use rebuild::{Rebuilt, rebuild};
pub use rows::{Span, is_of_devices};
pub use sample::{DEVICES_MAX, Sample, Sighting};
pub use stored::Profile;
pub use user::{LOGON_TYPES_MAX, Logon, User, user_id, user_name};

/// A user that was at a device, by its id.
#[derive(Clone, Debug, PartialEq)]
pub struct UserAtDevice {
    pub user: String,
    pub logon: Known<Logon>,
}

/// A device that a user was at.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceOfUser {
    pub device: DeviceId,
    pub logon: Known<Logon>,
}
