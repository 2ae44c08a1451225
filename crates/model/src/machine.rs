//! The entity `machine`: a device as the entity API shows it.
//!
//! Source of names and shapes: the compatible API's machine resource type.

use serde::{Deserialize, Serialize};

use crate::ids::DeviceId;
use crate::time::Ticks;

/// A device, calculated from its events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    pub id: DeviceId,
    /// Fully qualified name, lower case.
    pub computer_dns_name: Option<String>,
    pub first_seen: Ticks,
    pub last_seen: Ticks,
    /// `Windows10`, `Windows11`, `Linux`...; `Unknown` until an event says so.
    pub os_platform: String,
    pub os_version: Option<String>,
    pub os_processor: Option<String>,
    pub version: Option<String>,
    pub last_ip_address: Option<String>,
    pub last_external_ip_address: Option<String>,
    pub agent_version: Option<String>,
    pub os_build: Option<i64>,
    pub health_status: HealthStatus,
    pub device_value: DeviceValue,
    pub rbac_group_id: i64,
    pub rbac_group_name: Option<String>,
    pub risk_score: RiskScore,
    pub exposure_level: Option<String>,
    pub is_aad_joined: Option<bool>,
    pub aad_device_id: Option<String>,
    pub machine_tags: Vec<String>,
    pub onboarding_status: String,
    pub os_architecture: Option<String>,
    pub ip_addresses: Vec<IpAddress>,
    pub defender_av_status: Option<String>,
}

/// An address of one of a device's network adapters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IpAddress {
    pub ip_address: String,
    pub mac_address: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub operational_status: Option<String>,
}

/// How well a device reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HealthStatus {
    Active,
    Inactive,
    ImpairedCommunication,
    NoSensorData,
    NoSensorDataImpairedCommunication,
    Unknown,
}

/// What the device is worth to its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceValue {
    Normal,
    Low,
    High,
}

/// The severity of a device's open alerts, summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RiskScore {
    None,
    Informational,
    Low,
    Medium,
    High,
}

impl Machine {
    /// A device just heard of.
    pub fn new(id: DeviceId, seen: Ticks) -> Machine {
        Machine {
            id,
            computer_dns_name: None,
            first_seen: seen,
            last_seen: seen,
            os_platform: "Unknown".to_owned(),
            os_version: None,
            os_processor: None,
            version: None,
            last_ip_address: None,
            last_external_ip_address: None,
            agent_version: None,
            os_build: None,
            health_status: HealthStatus::Active,
            device_value: DeviceValue::Normal,
            rbac_group_id: 0,
            rbac_group_name: None,
            risk_score: RiskScore::None,
            exposure_level: None,
            is_aad_joined: None,
            aad_device_id: None,
            machine_tags: Vec::new(),
            onboarding_status: "Onboarded".to_owned(),
            os_architecture: None,
            ip_addresses: Vec::new(),
            defender_av_status: None,
        }
    }
}
