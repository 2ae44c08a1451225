//! DeviceTvmBrowserExtensions: Browser extensions found on devices.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmBrowserExtensions",
    summary: "Browser extensions found on devices.",
    columns: &[
        col("DeviceId", Kind::String, "Service-wide 40-hex identifier of the device."),
        col("BrowserName", Kind::String, "Name: browser."),
        col("ExtensionId", Kind::String, "Identifier: extension."),
        col("ExtensionName", Kind::String, "Name: extension."),
        col("ExtensionDescription", Kind::String, "Extension description."),
        col("ExtensionVersion", Kind::String, "Extension version."),
        col("ExtensionRisk", Kind::String, "Extension risk."),
        col("ExtensionVendor", Kind::String, "Extension vendor."),
        col("IsActivated", Kind::String, "Whether it is activated."),
        col("InstallationTime", Kind::DateTime, "Time: installation."),
    ],
    index: Index::new(),
};
