//! AlertInfo: One row per alert: title, severity, category, source.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "AlertInfo",
    summary: "One row per alert: title, severity, category, source.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("AlertId", Kind::String, "Identifier of the alert."),
        col("Title", Kind::String, "Title."),
        col("Category", Kind::String, "Category (threat indicator or breach activity class)."),
        col("Severity", Kind::String, "Impact level (high, medium, low, informational)."),
        col("ServiceSource", Kind::String, "Product that raised it."),
        col("DetectionSource", Kind::String, "Detection technology that found it."),
        col("AttackTechniques", Kind::String, "MITRE techniques."),
    ],
    index: Index::new(),
};
