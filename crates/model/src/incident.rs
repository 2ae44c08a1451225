//! The entity `incident`: alerts that belong together.
//!
//! Source of names and shapes: the incidents of the compatible XDR API.

use serde::{Deserialize, Serialize};

use crate::alert::{AlertComment, Classification, Determination, Severity};
use crate::time::Ticks;

/// Alerts that belong together. The alerts name their incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    pub incident_id: i64,
    /// The incident that took this one in.
    pub redirect_incident_id: Option<i64>,
    /// Follows from its alerts.
    pub incident_name: String,
    pub created_time: Ticks,
    pub last_update_time: Ticks,
    pub assigned_to: Option<String>,
    pub classification: Classification,
    pub determination: Determination,
    pub status: IncidentStatus,
    /// The highest of its alerts.
    pub severity: Severity,
    pub tags: Vec<String>,
    pub comments: Vec<AlertComment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IncidentStatus {
    Active,
    InProgress,
    Resolved,
    Redirected,
}

impl Incident {
    /// An incident of no alerts yet.
    pub fn new(incident_id: i64, created_time: Ticks) -> Incident {
        Incident {
            incident_id,
            redirect_incident_id: None,
            incident_name: String::new(),
            created_time,
            last_update_time: created_time,
            assigned_to: None,
            classification: Classification::Unknown,
            determination: Determination::NotAvailable,
            status: IncidentStatus::Active,
            severity: Severity::UnSpecified,
            tags: Vec::new(),
            comments: Vec::new(),
        }
    }
}
