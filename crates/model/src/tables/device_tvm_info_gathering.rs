//! DeviceTvmInfoGathering: Assessment events and states per device.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmInfoGathering",
    summary: "Assessment events and states per device.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("LastSeenTime", Kind::DateTime, "Time: last seen."),
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("OSPlatform", Kind::String, "OS platform."),
        col("AdditionalFields", Kind::Dynamic, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
