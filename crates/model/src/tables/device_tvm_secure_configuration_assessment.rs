//! DeviceTvmSecureConfigurationAssessment: Configuration assessment per device.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmSecureConfigurationAssessment",
    summary: "Configuration assessment per device.",
    columns: &[
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("OSPlatform", Kind::String, "OS platform."),
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("ConfigurationId", Kind::String, "Configuration identifier (scid-...)."),
        col("ConfigurationCategory", Kind::String, "Configuration category."),
        col("ConfigurationSubcategory", Kind::String, "Configuration sub-category."),
        col("ConfigurationImpact", Kind::Real, "Weight on the configuration score (1-10)."),
        col("IsCompliant", Kind::Bool, "Whether the setting is right."),
        col("IsApplicable", Kind::Bool, "Whether the setting applies to the device."),
        col("Context", Kind::Dynamic, "Extra configuration or assessment context."),
        col("IsExpectedUserImpact", Kind::Bool, "Whether users would notice the change."),
    ],
    index: Index::new(),
};
