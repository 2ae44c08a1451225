//! DeviceTvmSoftwareVulnerabilities: Vulnerabilities per device and software.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmSoftwareVulnerabilities",
    summary: "Vulnerabilities per device and software.",
    columns: &[
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("OSPlatform", Kind::String, "OS platform."),
        col("OSVersion", Kind::String, "OS version."),
        col("OSArchitecture", Kind::String, "OS architecture."),
        col("SoftwareVendor", Kind::String, "Software vendor."),
        col("SoftwareName", Kind::String, "Software name."),
        col("SoftwareVersion", Kind::String, "Software version."),
        col("CveId", Kind::String, "CVE identifier."),
        col("VulnerabilitySeverityLevel", Kind::String, "Severity of the vulnerability."),
        col("RecommendedSecurityUpdate", Kind::String, "Update that fixes it."),
        col("RecommendedSecurityUpdateId", Kind::String, "KB or bulletin number of the fix."),
        col("CveTags", Kind::Dynamic, "CVE tags (for example ZeroDay, NoSecurityUpdate)."),
    ],
    index: Index::new(),
};
