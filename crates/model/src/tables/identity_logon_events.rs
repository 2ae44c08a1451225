//! IdentityLogonEvents: Authentication against directories and online services.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "IdentityLogonEvents",
    summary: "Authentication against directories and online services.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("Application", Kind::String, "Application behind the action."),
        col(
            "LogonType",
            Kind::String,
            "Kind of logon session (Interactive, RemoteInteractive, Network, Batch, Service...).",
        ),
        col("Protocol", Kind::String, "Protocol in use."),
        col("FailureReason", Kind::String, "Why the action failed."),
        col("AccountName", Kind::String, "User name of the account."),
        col("AccountDomain", Kind::String, "Domain of the account."),
        col("AccountUpn", Kind::String, "UPN of the account."),
        col("AccountSid", Kind::String, "SID of the account."),
        col("AccountObjectId", Kind::String, "Entra object id of the account."),
        col("AccountDisplayName", Kind::String, "Address-book name of the account."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("DeviceType", Kind::String, "Device type."),
        col("OSPlatform", Kind::String, "OS platform."),
        col("IPAddress", Kind::String, "Client or device address."),
        col("Port", Kind::Int, "Port."),
        col("DestinationDeviceName", Kind::String, "Destination device."),
        col("DestinationIPAddress", Kind::String, "Destination address."),
        col("DestinationPort", Kind::Int, "Destination port."),
        col("TargetDeviceName", Kind::String, "Target device FQDN."),
        col("TargetAccountDisplayName", Kind::String, "Display name of the target account."),
        col("Location", Kind::String, "Location."),
        col("Isp", Kind::String, "Isp."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("AdditionalFields", Kind::Dynamic, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
