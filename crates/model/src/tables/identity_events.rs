//! IdentityEvents: Identity events from several providers.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "IdentityEvents",
    summary: "Identity events from several providers.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("AccountId", Kind::String, "Account identifier as the app reports it."),
        col("AccountType", Kind::String, "Kind of account."),
        col("AccountDisplayName", Kind::String, "Address-book name of the account."),
        col("AccountUpn", Kind::String, "UPN of the account."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("ActionResult", Kind::String, "Action result."),
        col("ActionFailureReason", Kind::String, "Action failure reason."),
        col("IPAddress", Kind::String, "Client or device address."),
        col("UserAgent", Kind::String, "User agent string."),
        col("TargetObjects", Kind::Dynamic, "Target objects."),
        col("Application", Kind::String, "Application behind the action."),
        col("ApplicationInstanceId", Kind::String, "Identifier: application instance."),
        col("ApplicationEventId", Kind::String, "Identifier: application event."),
        col("ApplicationSessionId", Kind::String, "Identifier: application session."),
        col("RawEventData", Kind::Dynamic, "Whole raw record as JSON."),
        col("AdditionalFields", Kind::Dynamic, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
