//! FileMaliciousContentInfo: Malicious files found in cloud storage.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "FileMaliciousContentInfo",
    summary: "Malicious files found in cloud storage.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("Workload", Kind::String, "Workload."),
        col("FileName", Kind::String, "Name of the file acted on."),
        col("FolderPath", Kind::String, "Folder (full path) holding the file acted on."),
        col("FileSize", Kind::Long, "File size in bytes."),
        col("SHA256", Kind::String, "SHA-256 of the file acted on; often empty."),
        col("FileOwnerDisplayName", Kind::String, "Name: file owner display."),
        col("FileOwnerUpn", Kind::String, "File owner UPN."),
        col("DocumentId", Kind::String, "Identifier: document."),
        col("ThreatTypes", Kind::Dynamic, "Verdict of the filters."),
        col("ThreatNames", Kind::String, "Detection names."),
        col("DetectionMethods", Kind::String, "Methods that gave the verdict."),
        col("LastModifyingAccountUpn", Kind::String, "Last modifying account UPN."),
        col("LastModifiedTime", Kind::DateTime, "Last change."),
        col("FileCreationTime", Kind::DateTime, "Time: file creation."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
    ],
    index: Index::new(),
};
