//! AADSpnSignInEventsBeta: Entra service-principal and managed-identity sign-ins (replaced by EntraIdSpnSignInEvents).

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "AADSpnSignInEventsBeta",
    summary: "Entra service-principal and managed-identity sign-ins (replaced by EntraIdSpnSignInEvents).",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("Application", Kind::String, "Application behind the action."),
        col("ApplicationId", Kind::String, "Application identifier."),
        col("IsManagedIdentity", Kind::Bool, "Whether it is managed identity."),
        col("ErrorCode", Kind::Int, "Error code."),
        col("CorrelationId", Kind::String, "Identifier: correlation."),
        col("ServicePrincipalName", Kind::String, "Name: service principal."),
        col("ServicePrincipalId", Kind::String, "Identifier: service principal."),
        col("ResourceDisplayName", Kind::String, "Name: resource display."),
        col("ResourceId", Kind::String, "Identifier of the target resource."),
        col("ResourceTenantId", Kind::String, "Identifier: resource tenant."),
        col("IPAddress", Kind::String, "Client or device address."),
        col("Country", Kind::String, "Country."),
        col("State", Kind::String, "State."),
        col("City", Kind::String, "City."),
        col("Latitude", Kind::String, "Latitude."),
        col("Longitude", Kind::String, "Longitude."),
        col("RequestId", Kind::String, "Identifier: request."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
    ],
    index: Index::new(),
};
