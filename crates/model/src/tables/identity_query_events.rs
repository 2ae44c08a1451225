//! IdentityQueryEvents: Queries for directory objects.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "IdentityQueryEvents",
    summary: "Queries for directory objects.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("Application", Kind::String, "Application behind the action."),
        col("QueryType", Kind::String, "Query type."),
        col("QueryTarget", Kind::String, "Object queried."),
        col("Query", Kind::String, "Query text."),
        col("Protocol", Kind::String, "Protocol in use."),
        col("AccountName", Kind::String, "User name of the account."),
        col("AccountDomain", Kind::String, "Domain of the account."),
        col("AccountUpn", Kind::String, "UPN of the account."),
        col("AccountSid", Kind::String, "SID of the account."),
        col("AccountObjectId", Kind::String, "Entra object id of the account."),
        col("AccountDisplayName", Kind::String, "Address-book name of the account."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("IPAddress", Kind::String, "Client or device address."),
        col("Port", Kind::Int, "Port."),
        col("DestinationDeviceName", Kind::String, "Destination device."),
        col("DestinationIPAddress", Kind::String, "Destination address."),
        col("DestinationPort", Kind::Int, "Destination port."),
        col("TargetDeviceName", Kind::String, "Target device FQDN."),
        col("TargetAccountUpn", Kind::String, "UPN of the target account."),
        col("TargetAccountDisplayName", Kind::String, "Display name of the target account."),
        col("Location", Kind::String, "Location."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("AdditionalFields", Kind::Dynamic, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
