//! DeviceBaselineComplianceAssessment: Baseline compliance result per device and setting.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceBaselineComplianceAssessment",
    summary: "Baseline compliance result per device and setting.",
    columns: &[
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("OSPlatform", Kind::String, "OS platform."),
        col("OSVersion", Kind::String, "OS version."),
        col("ConfigurationId", Kind::String, "Configuration identifier (scid-...)."),
        col("ProfileId", Kind::String, "Identifier: profile."),
        col("IsCompliant", Kind::Bool, "Whether the setting is right."),
        col("IsApplicable", Kind::Bool, "Whether the setting applies to the device."),
        col("Source", Kind::Dynamic, "Source."),
        col("RecommendedValue", Kind::Dynamic, "Recommended value."),
        col("CurrentValue", Kind::Dynamic, "Current value."),
        col("IsExempt", Kind::Bool, "Whether it is exempt."),
    ],
    index: Index::new(),
};
