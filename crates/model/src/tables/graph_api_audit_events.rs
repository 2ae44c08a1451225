//! GraphAPIAuditEvents: Requests to the Graph API.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "GraphAPIAuditEvents",
    summary: "Requests to the Graph API.",
    columns: &[
        col("IdentityProvider", Kind::String, "Identity provider."),
        col("ApiVersion", Kind::String, "Api version."),
        col("ApplicationId", Kind::String, "Application identifier."),
        col("ClientRequestId", Kind::String, "Identifier: client request."),
        col("OperationId", Kind::String, "Identifier: operation."),
        col("AccountObjectId", Kind::String, "Entra object id of the account."),
        col("Location", Kind::String, "Location."),
        col("RequestDuration", Kind::String, "Request duration."),
        col("RequestMethod", Kind::String, "Request method."),
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("ResponseStatusCode", Kind::String, "Response status code."),
        col("Scopes", Kind::String, "Scopes."),
        col("EntityType", Kind::String, "Kind of entity (file, process, device, user, ...)."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("RequestUri", Kind::String, "Request uri."),
        col("UniqueTokenIdentifier", Kind::String, "Unique token identifier."),
        col("RequestId", Kind::String, "Identifier: request."),
        col("IpAddress", Kind::String, "IP address."),
        col("ServicePrincipalId", Kind::String, "Identifier: service principal."),
        col("TargetWorkload", Kind::String, "Target workload."),
        col("ResponseSize", Kind::Long, "Response size."),
        col("TenantId", Kind::String, "Identifier: tenant."),
        col("Type", Kind::String, "Type."),
        col("SourceSystem", Kind::String, "Source system."),
        col("TimeGenerated", Kind::DateTime, "When the row was written in the workspace copy (UTC)."),
    ],
    index: Index::new(),
};
