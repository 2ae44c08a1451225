//! DeviceTvmSoftwareEvidenceBeta: Where software was found on a device.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmSoftwareEvidenceBeta",
    summary: "Where software was found on a device.",
    columns: &[
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("SoftwareVendor", Kind::String, "Software vendor."),
        col("SoftwareName", Kind::String, "Software name."),
        col("SoftwareVersion", Kind::String, "Software version."),
        col("RegistryPaths", Kind::Dynamic, "Registry paths."),
        col("DiskPaths", Kind::Dynamic, "Disk paths."),
        col("LastSeenTime", Kind::String, "Time: last seen."),
    ],
    index: Index::new(),
};
