//! CloudProcessEvents: Process events from cloud workloads (containers).

use super::{Index, Kind, Table, col};

pub static TABLE: Table = Table {
    name: "CloudProcessEvents",
    summary: "Process events from cloud workloads (containers).",
    columns: &[
        col("Timestamp", Kind::DateTime, "When the service recorded the row (UTC)."),
        col("AzureResourceId", Kind::String, "Azure resource id."),
        col("AwsResourceName", Kind::String, "AWS ARN."),
        col("GcpFullResourceName", Kind::String, "GCP resource name."),
        col("ContainerImageName", Kind::String, "Name: container image."),
        col("KubernetesNamespace", Kind::String, "Kubernetes namespace."),
        col("KubernetesPodName", Kind::String, "Name: kubernetes pod."),
        col("KubernetesResource", Kind::String, "Kubernetes resource."),
        col("ContainerName", Kind::String, "Name: container."),
        col("ContainerId", Kind::String, "Identifier: container."),
        col("ActionType", Kind::String, "Kind of activity behind the row."),
        col("FileName", Kind::String, "Name of the file acted on."),
        col("FolderPath", Kind::String, "Folder (full path) holding the file acted on."),
        col("ProcessId", Kind::Long, "PID of the created process."),
        col("ProcessName", Kind::String, "Name: process."),
        col("ParentProcessName", Kind::String, "Name: parent process."),
        col("ParentProcessId", Kind::String, "Identifier: parent process."),
        col("ProcessCommandLine", Kind::String, "Command line of the created process."),
        col("ProcessCreationTime", Kind::DateTime, "Start time of the process."),
        col("ProcessCurrentWorkingDirectory", Kind::String, "Process current working directory."),
        col("AccountName", Kind::String, "User name of the account."),
        col("LogonId", Kind::Long, "Logon session identifier, unique on one device between restarts."),
        col("InitiatingProcessId", Kind::String, "PID of the process that started the event."),
        col("ImageDigest", Kind::String, "Image digest."),
        col("AgentId", Kind::String, "Identifier: agent."),
        col("Region", Kind::String, "Region."),
        col("HostName", Kind::String, "Name: host."),
        col("AdditionalFields", Kind::String, "Extra event data as JSON."),
    ],
    index: Index::new(),
};
