//! EmailPostDeliveryEvents: Actions on mail after delivery.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "EmailPostDeliveryEvents",
    summary: "Actions on mail after delivery.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("NetworkMessageId", Kind::String, "Message identifier in the mail service."),
        col("InternetMessageId", Kind::String, "Public message id set by the sending system."),
        col("Action", Kind::String, "Action."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("ActionTrigger", Kind::String, "Action trigger."),
        col("ActionResult", Kind::String, "Action result."),
        col("RecipientEmailAddress", Kind::String, "Recipient after list expansion."),
        col("DeliveryLocation", Kind::String, "Where it was delivered."),
        col("SourceLocation", Kind::String, "Source location."),
        col("ThreatTypes", Kind::String, "Verdict of the filters."),
        col("DetectionMethods", Kind::String, "Methods that gave the verdict."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
    ],
    index: Index::new(),
};
