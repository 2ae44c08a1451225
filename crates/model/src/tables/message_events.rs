//! MessageEvents: Chat messages.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "MessageEvents",
    summary: "Chat messages.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("LastEditedTime", Kind::String, "Time: last edited."),
        col("TeamsMessageId", Kind::String, "Identifier: teams message."),
        col("SenderEmailAddress", Kind::String, "Sender email address."),
        col("SenderDisplayName", Kind::String, "Name: sender display."),
        col("SenderObjectId", Kind::String, "Identifier: sender object."),
        col("SenderType", Kind::String, "Sender type."),
        col("RecipientDetails", Kind::Dynamic, "Recipient details."),
        col("IsOwnedThread", Kind::Bool, "Whether it is owned thread."),
        col("MessageId", Kind::String, "Identifier: message."),
        col("ParentMessageId", Kind::String, "Identifier: parent message."),
        col("GroupId", Kind::String, "Identifier: group."),
        col("GroupName", Kind::String, "Name: group."),
        col("ThreadId", Kind::String, "Identifier: thread."),
        col("ThreadSubtype", Kind::String, "Thread subtype."),
        col("IsExternalThread", Kind::Bool, "Whether it is external thread."),
        col("MessageFormatType", Kind::String, "Message format type."),
        col("MessageFormatSubtype", Kind::String, "Message format subtype."),
        col("MessageVersion", Kind::String, "Message version."),
        col("MessageSubject", Kind::String, "Message subject."),
        col("ThreatTypes", Kind::String, "Verdict of the filters."),
        col("DetectionMethods", Kind::Dynamic, "Methods that gave the verdict."),
        col("ConfidenceLevel", Kind::Dynamic, "Confidence level."),
        col("DeliveryAction", Kind::String, "Delivered, Junked, Blocked or Replaced."),
        col("DeliveryLocation", Kind::String, "Where it was delivered."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("SafetyTip", Kind::String, "Safety tip."),
    ],
    index: Index::new(),
};
