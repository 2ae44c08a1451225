//! The entity `alert`: a finding that someone should look at, with the evidence for it.
//!
//! Source of names, enumerations and shapes: the compatible API's alert resource type.

use serde::{Deserialize, Serialize};

use crate::ids::{AlertId, DeviceId, TenantId};
use crate::time::Ticks;

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    pub id: AlertId,
    pub incident_id: Option<i64>,
    pub investigation_id: Option<i64>,
    pub assigned_to: Option<String>,
    pub severity: Severity,
    pub status: AlertStatus,
    pub classification: Option<Classification>,
    pub determination: Option<Determination>,
    pub investigation_state: Option<String>,
    pub detection_source: String,
    /// The id of the rule that made it.
    pub detector_id: Option<String>,
    pub category: String,
    pub threat_family_name: Option<String>,
    pub title: String,
    pub description: String,
    pub alert_creation_time: Ticks,
    pub first_event_time: Option<Ticks>,
    pub last_event_time: Option<Ticks>,
    pub last_update_time: Ticks,
    pub resolved_time: Option<Ticks>,
    pub machine_id: DeviceId,
    pub computer_dns_name: Option<String>,
    pub rbac_group_name: Option<String>,
    pub aad_tenant_id: TenantId,
    pub threat_name: Option<String>,
    /// What to do about it, in the words of whoever made it.
    #[serde(default)]
    pub recommended_action: Option<String>,
    /// ATT&CK technique ids, such as `T1053.005`.
    pub mitre_techniques: Vec<String>,
    pub related_user: Option<RelatedUser>,
    pub comments: Vec<AlertComment>,
    /// Empty in answers unless expanded.
    pub evidence: Vec<AlertEvidence>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    UnSpecified,
    Informational,
    Low,
    Medium,
    High,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlertStatus {
    Unknown,
    New,
    InProgress,
    Resolved,
}

/// The verdict of the analyst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Classification {
    Unknown,
    TruePositive,
    InformationalExpectedActivity,
    FalsePositive,
}

/// Why the verdict is what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Determination {
    NotAvailable,
    MultiStagedAttack,
    MaliciousUserActivity,
    CompromisedUser,
    Malware,
    Phishing,
    UnwantedSoftware,
    SecurityTesting,
    LineOfBusinessApplication,
    ConfirmedUserActivity,
    Clean,
    InsufficientData,
    Other,
    Apt,
    SecurityPersonnel,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelatedUser {
    pub user_name: String,
    pub domain_name: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertComment {
    pub comment: String,
    /// The user's principal name or the app's name.
    pub created_by: String,
    pub created_time: Ticks,
}

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntityType {
    User,
    Process,
    File,
    Ip,
    Url,
    Registry,
}

/// An entity tied to an alert. Every property is present, null where it does not apply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertEvidence {
    pub entity_type: EntityType,
    pub evidence_creation_time: Option<Ticks>,
    pub sha1: Option<String>,
    pub sha256: Option<String>,
    pub file_name: Option<String>,
    pub file_path: Option<String>,
    pub process_id: Option<i64>,
    pub process_command_line: Option<String>,
    pub process_creation_time: Option<Ticks>,
    pub parent_process_id: Option<i64>,
    pub parent_process_creation_time: Option<Ticks>,
    pub parent_process_file_name: Option<String>,
    pub parent_process_file_path: Option<String>,
    pub ip_address: Option<String>,
    pub url: Option<String>,
    pub registry_key: Option<String>,
    pub registry_hive: Option<String>,
    pub registry_value_type: Option<String>,
    pub registry_value: Option<String>,
    pub account_name: Option<String>,
    pub domain_name: Option<String>,
    pub user_sid: Option<String>,
    pub aad_user_id: Option<String>,
    pub user_principal_name: Option<String>,
    pub detection_status: Option<String>,
}

impl AlertEvidence {
    /// Evidence of a kind, with nothing filled in yet.
    pub fn new(entity_type: EntityType) -> AlertEvidence {
        AlertEvidence {
            entity_type,
            evidence_creation_time: None,
            sha1: None,
            sha256: None,
            file_name: None,
            file_path: None,
            process_id: None,
            process_command_line: None,
            process_creation_time: None,
            parent_process_id: None,
            parent_process_creation_time: None,
            parent_process_file_name: None,
            parent_process_file_path: None,
            ip_address: None,
            url: None,
            registry_key: None,
            registry_hive: None,
            registry_value_type: None,
            registry_value: None,
            account_name: None,
            domain_name: None,
            user_sid: None,
            aad_user_id: None,
            user_principal_name: None,
            detection_status: None,
        }
    }
}
