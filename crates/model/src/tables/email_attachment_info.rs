//! EmailAttachmentInfo: Attachments of messages.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "EmailAttachmentInfo",
    summary: "Attachments of messages.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("NetworkMessageId", Kind::String, "Message identifier in the mail service."),
        col("SenderFromAddress", Kind::String, "Sender in the From header."),
        col("SenderDisplayName", Kind::String, "Name: sender display."),
        col("SenderObjectId", Kind::String, "Identifier: sender object."),
        col("RecipientEmailAddress", Kind::String, "Recipient after list expansion."),
        col("RecipientObjectId", Kind::String, "Identifier: recipient object."),
        col("FileName", Kind::String, "Name of the file acted on."),
        col("FileType", Kind::String, "File type."),
        col("SHA256", Kind::String, "SHA-256 of the file acted on; often empty."),
        col("FileSize", Kind::Long, "File size in bytes."),
        col("ThreatTypes", Kind::String, "Verdict of the filters."),
        col("ThreatNames", Kind::String, "Detection names."),
        col("DetectionMethods", Kind::String, "Methods that gave the verdict."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
    ],
    index: Index::new(),
};
