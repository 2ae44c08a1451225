//! DeviceTvmCertificateInfo: Certificates found on devices.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmCertificateInfo",
    summary: "Certificates found on devices.",
    columns: &[
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("Thumbprint", Kind::String, "Thumbprint."),
        col("Path", Kind::String, "Path."),
        col("SerialNumber", Kind::String, "Serial number."),
        col("IssuedTo", Kind::Dynamic, "Issued to."),
        col("IssuedBy", Kind::Dynamic, "Issued by."),
        col("FriendlyName", Kind::String, "Name: friendly."),
        col("SignatureAlgorithm", Kind::String, "Signature algorithm."),
        col("KeySize", Kind::String, "Key size."),
        col("ExpirationDate", Kind::String, "Time: expiration."),
        col("IssueDate", Kind::String, "Time: issue."),
        col("SubjectType", Kind::String, "Subject type."),
        col("KeyUsage", Kind::String, "Key usage."),
        col("ExtendedKeyUsage", Kind::String, "Extended key usage."),
    ],
    index: Index::new(),
};
