//! IdentityDirectoryEvents: Changes and system events on domain controllers.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "IdentityDirectoryEvents",
    summary: "Changes and system events on domain controllers.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("Application", Kind::String, "Application behind the action."),
        col("TargetAccountUpn", Kind::String, "UPN of the target account."),
        col("TargetAccountDisplayName", Kind::String, "Display name of the target account."),
        col("TargetDeviceName", Kind::String, "Target device FQDN."),
        col("DestinationDeviceName", Kind::String, "Destination device."),
        col("DestinationIPAddress", Kind::String, "Destination address."),
        col("DestinationPort", Kind::Int, "Destination port."),
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
        col("Location", Kind::String, "Location."),
        col("ISP", Kind::String, "Internet provider of the address."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("AdditionalFields", Kind::Dynamic, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
