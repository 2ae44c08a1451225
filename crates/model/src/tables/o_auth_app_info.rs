//! OAuthAppInfo: OAuth apps known to app governance.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "OAuthAppInfo",
    summary: "OAuth apps known to app governance.",
    columns: &[
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("OAuthAppId", Kind::String, "Identifier: OA uth app."),
        col("ServicePrincipalId", Kind::String, "Identifier: service principal."),
        col("AppName", Kind::String, "Name: app."),
        col("AddedOnTime", Kind::DateTime, "Time: added on."),
        col("LastModifiedTime", Kind::DateTime, "Last change."),
        col("AppStatus", Kind::String, "App status."),
        col("VerifiedPublisher", Kind::Dynamic, "Verified publisher."),
        col("PrivilegeLevel", Kind::String, "Privilege level."),
        col("Permissions", Kind::Dynamic, "Permissions."),
        col("ConsentedUsersCount", Kind::Int, "Number of consented users."),
        col("IsAdminConsented", Kind::Bool, "Whether it is admin consented."),
        col("AppOrigin", Kind::String, "App origin."),
        col("LastUsedTime", Kind::DateTime, "Time: last used."),
        col("AppOwnerTenantId", Kind::String, "Identifier: app owner tenant."),
    ],
    index: Index::new(),
};
