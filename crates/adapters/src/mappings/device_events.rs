//! DeviceEvents: everything that has no table of its own, by where it comes from.

mod others;
mod security;
mod sysmon;

pub(super) use others::MAPPINGS as OTHERS;
pub(super) use security::MAPPINGS as SECURITY;
pub(super) use sysmon::MAPPINGS as SYSMON;

const TABLE: &str = "DeviceEvents";
