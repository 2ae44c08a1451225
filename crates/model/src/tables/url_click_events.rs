//! UrlClickEvents: Safe Links clicks.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "UrlClickEvents",
    summary: "Safe Links clicks.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("Url", Kind::String, "Full URL."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("AccountUpn", Kind::String, "UPN of the account."),
        col("Workload", Kind::String, "Workload."),
        col("NetworkMessageId", Kind::String, "Message identifier in the mail service."),
        col("ThreatTypes", Kind::String, "Verdict of the filters."),
        col("DetectionMethods", Kind::String, "Methods that gave the verdict."),
        col("IPAddress", Kind::String, "Client or device address."),
        col("IsClickedThrough", Kind::Bool, "Whether the user went on to the URL."),
        col("UrlChain", Kind::String, "Redirect chain."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("AppName", Kind::String, "Name: app."),
        col("AppVersion", Kind::String, "App version."),
        col("SourceId", Kind::String, "Identifier: source."),
        col("TenantId", Kind::String, "Identifier: tenant."),
        col("Type", Kind::String, "Type."),
        col("SourceSystem", Kind::String, "Source system."),
        col("TimeGenerated", Kind::DateTime, "When the row was written in the workspace copy (UTC)."),
    ],
    index: Index::new(),
};
