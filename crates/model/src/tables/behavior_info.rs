//! BehaviorInfo: Behaviours found by the cloud-app and UEBA engines.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "BehaviorInfo",
    summary: "Behaviours found by the cloud-app and UEBA engines.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("BehaviorId", Kind::String, "Identifier: behavior."),
        col("Title", Kind::String, "Title."),
        col("Description", Kind::String, "Description."),
        col("Categories", Kind::String, "Categories, JSON array."),
        col("AttackTechniques", Kind::String, "MITRE techniques."),
        col("ServiceSource", Kind::String, "Product that raised it."),
        col("DetectionSource", Kind::String, "Detection technology that found it."),
        col("DataSources", Kind::String, "Data sources."),
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("AccountUpn", Kind::String, "UPN of the account."),
        col("AccountObjectId", Kind::String, "Entra object id of the account."),
        col("StartTime", Kind::DateTime, "Time: start."),
        col("EndTime", Kind::DateTime, "Time: end."),
        col("AdditionalFields", Kind::String, "Extra event data as JSON."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
    ],
    index: Index::new(),
};
