//! DeviceTvmSecureConfigurationAssessmentKB: Reference data of configurations.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmSecureConfigurationAssessmentKB",
    summary: "Reference data of configurations.",
    columns: &[
        col("ConfigurationId", Kind::String, "Configuration identifier (scid-...)."),
        col("ConfigurationImpact", Kind::Real, "Weight on the configuration score (1-10)."),
        col("ConfigurationName", Kind::String, "Name: configuration."),
        col("ConfigurationDescription", Kind::String, "Configuration description."),
        col("RiskDescription", Kind::String, "Risk description."),
        col("ConfigurationCategory", Kind::String, "Configuration category."),
        col("ConfigurationSubcategory", Kind::String, "Configuration sub-category."),
        col("ConfigurationBenchmarks", Kind::Dynamic, "Configuration benchmarks."),
        col("Tags", Kind::Dynamic, "Tags."),
        col("RemediationOptions", Kind::String, "Remediation options."),
    ],
    index: Index::new(),
};
