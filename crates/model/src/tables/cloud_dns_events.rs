//! CloudDnsEvents: DNS events from cloud workloads.

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "CloudDnsEvents",
    summary: "DNS events from cloud workloads.",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col(
            "ReportId",
            Kind::String,
            "Per-device repeating counter; with DeviceName/DeviceId and Timestamp it names one event (one alert source event).",
        ),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("AzureResourceId", Kind::String, "Azure resource id."),
        col("AwsResourceName", Kind::String, "AWS ARN."),
        col("GcpFullResourceName", Kind::String, "GCP resource name."),
        col("KubernetesResource", Kind::String, "Kubernetes resource."),
        col("KubernetesNamespace", Kind::String, "Kubernetes namespace."),
        col("KubernetesPodName", Kind::String, "Name: kubernetes pod."),
        col("ContainerName", Kind::String, "Name: container."),
        col("ContainerId", Kind::String, "Identifier: container."),
        col("ImageName", Kind::String, "Name: image."),
        col("ProcessName", Kind::String, "Name: process."),
        col("ProcessId", Kind::Long, "PID of the created process."),
        col("DnsEventType", Kind::String, "DNS event type."),
        col("DnsEventSubType", Kind::String, "DNS event sub type."),
        col("DnsQuery", Kind::String, "DNS query."),
        col("DnsQueryTypeName", Kind::String, "Name: DNS query type."),
        col("DnsResponseCodeName", Kind::String, "Name: DNS response code."),
        col("DnsNetworkDuration", Kind::Long, "DNS network duration."),
        col("TransactionIdHex", Kind::String, "Transaction identifier hex."),
        col("AdditionalFields", Kind::Dynamic, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
