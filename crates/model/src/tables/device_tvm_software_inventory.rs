//! DeviceTvmSoftwareInventory: Installed software per device.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmSoftwareInventory",
    summary: "Installed software per device.",
    columns: &[
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("OSPlatform", Kind::String, "OS platform."),
        col("OSVersion", Kind::String, "OS version."),
        col("OSArchitecture", Kind::String, "OS architecture."),
        col("SoftwareVendor", Kind::String, "Software vendor."),
        col("SoftwareName", Kind::String, "Software name."),
        col("SoftwareVersion", Kind::String, "Software version."),
        col("EndOfSupportStatus", Kind::String, "Lifecycle stage."),
        col("EndOfSupportDate", Kind::DateTime, "End-of-support date."),
        col("ProductCodeCpe", Kind::String, "CPE of the product or version."),
    ],
    index: Index::new(),
};
