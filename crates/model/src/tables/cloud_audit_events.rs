//! CloudAuditEvents: Control-plane audit events of cloud platforms.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "CloudAuditEvents",
    summary: "Control-plane audit events of cloud platforms.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("DataSource", Kind::String, "Data source."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("OperationName", Kind::String, "Name: operation."),
        col("ResourceId", Kind::String, "Identifier of the target resource."),
        col("IPAddress", Kind::String, "Client or device address."),
        col("IsAnonymousProxy", Kind::Bool, "Whether it is anonymous proxy."),
        col("CountryCode", Kind::String, "Two-letter country."),
        col("City", Kind::String, "City."),
        col("Isp", Kind::String, "Isp."),
        col("UserAgent", Kind::String, "User agent string."),
        col("RawEventData", Kind::Dynamic, "Whole raw record as JSON."),
        col("AdditionalFields", Kind::Dynamic, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
