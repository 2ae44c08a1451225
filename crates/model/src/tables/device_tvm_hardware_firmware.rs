//! DeviceTvmHardwareFirmware: Hardware and firmware inventory.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmHardwareFirmware",
    summary: "Hardware and firmware inventory.",
    columns: &[
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("ComponentType", Kind::String, "Component type."),
        col("Manufacturer", Kind::String, "Manufacturer."),
        col("ComponentName", Kind::String, "Name: component."),
        col("ComponentFamily", Kind::String, "Component family."),
        col("ComponentVersion", Kind::String, "Component version."),
        col("AdditionalFields", Kind::Dynamic, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
