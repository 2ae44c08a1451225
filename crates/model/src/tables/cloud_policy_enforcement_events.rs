//! CloudPolicyEnforcementEvents: Policy gate decisions for cloud workloads.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "CloudPolicyEnforcementEvents",
    summary: "Policy gate decisions for cloud workloads.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("DataSource", Kind::String, "Data source."),
        col("SubscriptionId", Kind::String, "Identifier: subscription."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("AzureResourceId", Kind::String, "Azure resource id."),
        col("AwsResourceName", Kind::String, "AWS ARN."),
        col("GcpFullResourceName", Kind::String, "GCP resource name."),
        col("Region", Kind::String, "Region."),
        col("ResourceKind", Kind::String, "Resource kind."),
        col("ResourceName", Kind::String, "Name: resource."),
        col("KubernetesNamespace", Kind::String, "Kubernetes namespace."),
        col("Reason", Kind::String, "Reason."),
        col("AdditionalFields", Kind::String, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
