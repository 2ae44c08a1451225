//! DeviceFileCertificateInfo: Certificates of signed files seen.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceFileCertificateInfo",
    summary: "Certificates of signed files seen.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("DeviceName", Kind::String, "FQDN of the device."),
        col("SHA1", Kind::String, "SHA-1 of the file acted on."),
        col("IsSigned", Kind::Bool, "Whether the file is signed."),
        col("SignatureType", Kind::String, "Embedded or catalogue signature."),
        col("Signer", Kind::String, "Signer name."),
        col("SignerHash", Kind::String, "Hash that names the signer."),
        col("Issuer", Kind::String, "Issuing CA."),
        col("IssuerHash", Kind::String, "Hash that names the issuing CA."),
        col("CertificateSerialNumber", Kind::String, "Certificate serial number."),
        col("CrlDistributionPointUrls", Kind::String, "CRL URLs."),
        col("CertificateCreationTime", Kind::DateTime, "Certificate creation time."),
        col("CertificateExpirationTime", Kind::DateTime, "Certificate expiry."),
        col("CertificateCountersignatureTime", Kind::DateTime, "Countersignature time."),
        col("IsTrusted", Kind::Bool, "Whether the signature is trusted."),
        col("IsRootSignerMicrosoft", Kind::Bool, "Whether the root signer is the OS vendor."),
        col(
            "ReportId",
            Kind::Long,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
    ],
    index: Index::new(),
};
