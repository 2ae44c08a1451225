//! DeviceTvmBrowserExtensionsKB: Reference data of extension permissions.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "DeviceTvmBrowserExtensionsKB",
    summary: "Reference data of extension permissions.",
    columns: &[
        col("BrowserName", Kind::String, "Name: browser."),
        col("ExtensionId", Kind::String, "Identifier: extension."),
        col("ExtensionName", Kind::String, "Name: extension."),
        col("ExtensionDescription", Kind::String, "Extension description."),
        col("ExtensionVersion", Kind::Dynamic, "Extension version."),
        col("ExtensionRisk", Kind::String, "Extension risk."),
        col("PermissionId", Kind::String, "Identifier: permission."),
        col("PermissionName", Kind::String, "Name: permission."),
        col("PermissionDescription", Kind::String, "Permission description."),
        col("PermissionRisk", Kind::String, "Permission risk."),
        col("IsPermissionRequired", Kind::String, "Whether it is permission required."),
    ],
    index: Index::new(),
};
