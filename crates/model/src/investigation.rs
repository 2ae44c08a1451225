//! The entity `investigation`: a device looked into, and what came of it.
//!
//! Source of names and shapes: the compatible API's investigation resource type.

use serde::{Deserialize, Serialize};

use crate::ids::DeviceId;
use crate::time::Ticks;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Investigation {
    /// A number, as text.
    pub id: String,
    pub start_time: Option<Ticks>,
    pub end_time: Option<Ticks>,
    pub state: InvestigationState,
    pub cancelled_by: Option<String>,
    pub status_details: Option<String>,
    pub machine_id: DeviceId,
    pub computer_dns_name: Option<String>,
    pub triggering_alert_id: Option<String>,
}

/// Those of the compatible API's states that an investigation here can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvestigationState {
    /// The device has not been told yet.
    Queued,
    /// The device looks.
    Running,
    /// Nothing was found.
    Benign,
    /// Something was found and removed.
    SuccessfullyRemediated,
    /// Something was found, and not all of it was removed.
    PartiallyRemediated,
    Failed,
    /// The device did not answer in time.
    TerminatedBySystem,
}
