//! MessageUrlInfo: URLs in chat messages.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "MessageUrlInfo",
    summary: "URLs in chat messages.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("TeamsMessageId", Kind::String, "Identifier: teams message."),
        col("Url", Kind::String, "Full URL."),
        col("UrlDomain", Kind::String, "Domain of the URL."),
        col("ThreatTypes", Kind::String, "Verdict of the filters."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
    ],
    index: Index::new(),
};
