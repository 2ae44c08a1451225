//! Bounds of actions.

use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the acceptance of an action to its end, whether the device is there or not.
    pub deadline: Duration,
    /// How long a device may be kept waiting for something to do.
    pub poll_wait: Duration,
    /// How often a waiting device's queue is looked at all the same.
    pub look_again: Duration,
    /// How often late orders are looked for.
    pub tick: Duration,
    /// How long a link to a package works.
    pub link_life: Duration,
    /// Bytes of one package.
    pub package_bytes: u64,
    /// Bytes of one result of a live response.
    pub result_bytes: u64,
    /// Bytes of all packages and results of a tenant.
    pub package_bytes_tenant: u64,
    /// How long packages and results are kept.
    pub package_life: Duration,
    /// Bytes of one file of the library.
    pub library_file_bytes: u64,
    /// Bytes of the library of a tenant.
    pub library_bytes_tenant: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            deadline: Duration::from_secs(3 * 86_400),
            poll_wait: Duration::from_secs(25),
            look_again: Duration::from_secs(5),
            tick: Duration::from_secs(2),
            link_life: Duration::from_secs(30 * 60),
            package_bytes: 64 << 20,
            result_bytes: 32 << 20,
            package_bytes_tenant: 4 << 30,
            package_life: Duration::from_secs(30 * 86_400),
            library_file_bytes: 20 << 20,
            library_bytes_tenant: 2 << 30,
        }
    }
}
