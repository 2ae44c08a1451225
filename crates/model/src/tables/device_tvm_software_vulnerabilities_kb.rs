//! DeviceTvmSoftwareVulnerabilitiesKB: Reference data of vulnerabilities.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmSoftwareVulnerabilitiesKB",
    summary: "Reference data of vulnerabilities.",
    columns: &[
        col("CveId", Kind::String, "CVE identifier."),
        col("CvssScore", Kind::String, "CVSS score."),
        col("IsExploitAvailable", Kind::Bool, "Whether exploit code is public."),
        col("VulnerabilitySeverityLevel", Kind::String, "Severity of the vulnerability."),
        col("LastModifiedTime", Kind::DateTime, "Last change."),
        col("PublishedDate", Kind::DateTime, "Publication date."),
        col("VulnerabilityDescription", Kind::String, "Description of the vulnerability."),
        col("AffectedSoftware", Kind::Dynamic, "Products affected."),
    ],
    index: Index::new(),
};
