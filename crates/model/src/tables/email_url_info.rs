//! EmailUrlInfo: URLs in messages.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "EmailUrlInfo",
    summary: "URLs in messages.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("NetworkMessageId", Kind::String, "Message identifier in the mail service."),
        col("Url", Kind::String, "Full URL."),
        col("UrlDomain", Kind::String, "Domain of the URL."),
        col("UrlLocation", Kind::String, "Part of the message holding the URL."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
    ],
    index: Index::new(),
};
