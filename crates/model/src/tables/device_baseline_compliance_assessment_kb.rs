//! DeviceBaselineComplianceAssessmentKB: Reference data of baseline settings.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceBaselineComplianceAssessmentKB",
    summary: "Reference data of baseline settings.",
    columns: &[
        col("ConfigurationId", Kind::String, "Configuration identifier (scid-...)."),
        col("ConfigurationName", Kind::String, "Name: configuration."),
        col("ConfigurationDescription", Kind::String, "Configuration description."),
        col("ConfigurationRationale", Kind::String, "Configuration rationale."),
        col("ConfigurationCategory", Kind::String, "Configuration category."),
        col("BenchmarkProfileLevels", Kind::Dynamic, "Benchmark profile levels."),
        col("CCEReference", Kind::String, "CCE reference."),
        col("RemediationOptions", Kind::String, "Remediation options."),
        col("ConfigurationBenchmark", Kind::String, "Configuration benchmark."),
        col("Source", Kind::Dynamic, "Source."),
        col("RecommendedValue", Kind::Dynamic, "Recommended value."),
    ],
    index: Index::new(),
};
