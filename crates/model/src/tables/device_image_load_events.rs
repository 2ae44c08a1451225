//! DeviceImageLoadEvents: DLL loads.

use super::{Index, Kind, Table, col, extension};

pub static TABLE: Table = Table {
    name: "DeviceImageLoadEvents",
    summary: "DLL loads.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("FileName", Kind::String, "Name of the file acted on."),
        col("FolderPath", Kind::String, "Folder (full path) holding the file acted on."),
        col("SHA1", Kind::String, "SHA-1 of the file acted on."),
        col("SHA256", Kind::String, "SHA-256 of the file acted on; often empty."),
        col("MD5", Kind::String, "MD5 of the file acted on."),
        col("FileSize", Kind::Long, "File size in bytes."),
        col(
            "InitiatingProcessAccountDomain",
            Kind::String,
            "Account domain of the process that started the event.",
        ),
        col(
            "InitiatingProcessAccountName",
            Kind::String,
            "Account name of the process that started the event.",
        ),
        col(
            "InitiatingProcessAccountSid",
            Kind::String,
            "Account SID of the process that started the event.",
        ),
        col(
            "InitiatingProcessAccountUpn",
            Kind::String,
            "Account UPN of the process that started the event.",
        ),
        col(
            "InitiatingProcessAccountObjectId",
            Kind::String,
            "Entra object id of the account of the process that started the event.",
        ),
        col(
            "InitiatingProcessIntegrityLevel",
            Kind::String,
            "Integrity level of the process that started the event.",
        ),
        col(
            "InitiatingProcessTokenElevation",
            Kind::String,
            "UAC elevation type of the process that started the event.",
        ),
        col("InitiatingProcessSHA1", Kind::String, "SHA-1 of the process that started the event."),
        col("InitiatingProcessSHA256", Kind::String, "SHA-256 of the process that started the event."),
        col("InitiatingProcessMD5", Kind::String, "MD5 of the process that started the event."),
        col("InitiatingProcessFileName", Kind::String, "File name of the process that started the event."),
        col(
            "InitiatingProcessFileSize",
            Kind::Long,
            "Image size in bytes of the process that started the event.",
        ),
        col(
            "InitiatingProcessVersionInfoCompanyName",
            Kind::String,
            "Version-resource company name of the process that started the event.",
        ),
        col(
            "InitiatingProcessVersionInfoProductName",
            Kind::String,
            "Version-resource product name of the process that started the event.",
        ),
        col(
            "InitiatingProcessVersionInfoProductVersion",
            Kind::String,
            "Version-resource product version of the process that started the event.",
        ),
        col(
            "InitiatingProcessVersionInfoInternalFileName",
            Kind::String,
            "Version-resource internal file name of the process that started the event.",
        ),
        col(
            "InitiatingProcessVersionInfoOriginalFileName",
            Kind::String,
            "Version-resource original file name of the process that started the event.",
        ),
        col(
            "InitiatingProcessVersionInfoFileDescription",
            Kind::String,
            "Version-resource file description of the process that started the event.",
        ),
        col("InitiatingProcessId", Kind::Long, "PID of the process that started the event."),
        col(
            "InitiatingProcessCommandLine",
            Kind::String,
            "Command line of the process that started the event.",
        ),
        col(
            "InitiatingProcessCreationTime",
            Kind::DateTime,
            "Start time of the process that started the event.",
        ),
        col("InitiatingProcessFolderPath", Kind::String, "Image path of the process that started the event."),
        col("InitiatingProcessParentId", Kind::Long, "PID of the parent of the acting process."),
        col(
            "InitiatingProcessParentFileName",
            Kind::String,
            "File name of the parent of the acting process.",
        ),
        col(
            "InitiatingProcessParentCreationTime",
            Kind::DateTime,
            "Start time of the parent of the acting process.",
        ),
        col(
            "ReportId",
            Kind::Long,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("AppGuardContainerId", Kind::String, "Application Guard container identifier."),
        col(
            "InitiatingProcessSessionId",
            Kind::Long,
            "Windows session of the process that started the event.",
        ),
        col(
            "IsInitiatingProcessRemoteSession",
            Kind::Bool,
            "Whether the acting process ran in an RDP session.",
        ),
        col(
            "InitiatingProcessRemoteSessionDeviceName",
            Kind::String,
            "RDP client device of the process that started the event.",
        ),
        col(
            "InitiatingProcessRemoteSessionIP",
            Kind::String,
            "RDP client address of the process that started the event.",
        ),
        col(
            "InitiatingProcessUniqueId",
            Kind::String,
            "Reuse-safe unique id of the process that started the event.",
        ),
        extension("AdditionalFields", Kind::String, "What the source said beyond the columns, as JSON text."),
    ],
    index: Index::new(),
};
