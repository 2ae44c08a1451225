//! MessagePostDeliveryEvents: Actions on chat messages after delivery.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "MessagePostDeliveryEvents",
    summary: "Actions on chat messages after delivery.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("TeamsMessageId", Kind::String, "Identifier: teams message."),
        col("Action", Kind::String, "Action."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("ActionTrigger", Kind::String, "Action trigger."),
        col("ActionResult", Kind::String, "Action result."),
        col("SenderEmailAddress", Kind::String, "Sender email address."),
        col("RecipientDetails", Kind::Dynamic, "Recipient details."),
        col("ThreatTypes", Kind::String, "Verdict of the filters."),
        col("ConfidenceLevel", Kind::Dynamic, "Confidence level."),
        col("DetectionMethods", Kind::String, "Methods that gave the verdict."),
        col("LatestDeliveryLocation", Kind::String, "Latest delivery location."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("IsExternalThread", Kind::Bool, "Whether it is external thread."),
        col("SafetyTip", Kind::String, "Safety tip."),
    ],
    index: Index::new(),
};
