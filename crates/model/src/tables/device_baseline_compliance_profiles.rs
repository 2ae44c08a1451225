//! DeviceBaselineComplianceProfiles: Baseline profiles used by the assessment.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceBaselineComplianceProfiles",
    summary: "Baseline profiles used by the assessment.",
    columns: &[
        col("ProfileId", Kind::String, "Identifier: profile."),
        col("ProfileName", Kind::String, "Name: profile."),
        col("ProfileDescription", Kind::String, "Profile description."),
        col("OSPlatform", Kind::Dynamic, "OS platform."),
        col("OSVersion", Kind::String, "OS version."),
        col("BaseBenchmark", Kind::String, "Base benchmark."),
        col("BenchmarkVersion", Kind::String, "Benchmark version."),
        col("BenchmarkProfileLevel", Kind::String, "Benchmark profile level."),
        col("Status", Kind::Bool, "Status."),
        col("CreatedBy", Kind::String, "Created by."),
        col("CreatedOn", Kind::DateTime, "Time: created."),
        col("LastUpdatedBy", Kind::String, "Last updated by."),
        col("LastUpdatedOn", Kind::DateTime, "Time: last updated."),
    ],
    index: Index::new(),
};
