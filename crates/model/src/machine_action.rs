//! The entity `machineAction`: a command for a device, with its state and result.
//!
//! Source of names and shapes: the compatible API's machine action resource type.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ids::{ActionId, DeviceId};
use crate::time::Ticks;

/// What was asked of a device, by whom, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineAction {
    pub id: ActionId,
    #[serde(rename = "type")]
    pub kind: ActionKind,
    pub title: Option<String>,
    /// `Full` or `Selective` of an isolation, `Quick` or `Full` of a scan.
    pub scope: Option<String>,
    /// The user's principal name or the app's name.
    pub requestor: String,
    pub requestor_comment: String,
    pub request_source: Option<String>,
    pub status: ActionStatus,
    pub machine_id: DeviceId,
    pub computer_dns_name: Option<String>,
    pub creation_date_time_utc: Ticks,
    pub last_update_date_time_utc: Ticks,
    pub cancellation_requestor: Option<String>,
    pub cancellation_comment: Option<String>,
    pub cancellation_date_time_utc: Option<Ticks>,
    /// The device's number of an error; 0 without one.
    pub error_h_result: i64,
    /// What the caller calls the action.
    pub external_id: Option<String>,
    pub related_file_info: Option<RelatedFile>,
    /// The commands of a live response; empty for everything else.
    pub commands: Vec<LiveResponseResult>,
    /// What the device or the queue said about how it ended.
    pub troubleshoot_info: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ActionKind {
    RunAntiVirusScan,
    Offboard,
    LiveResponse,
    CollectInvestigationPackage,
    Isolate,
    Unisolate,
    StopAndQuarantineFile,
    RestrictCodeExecution,
    UnrestrictCodeExecution,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ActionStatus {
    /// Accepted, and not sent to the device.
    Pending,
    /// Sent to the device.
    InProgress,
    Succeeded,
    Failed,
    TimeOut,
    Cancelled,
}

/// The file that an action is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RelatedFile {
    pub file_identifier: String,
    /// `Sha1` or `Sha256`.
    pub file_identifier_type: String,
}

/// One command of a live response and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveResponseResult {
    pub index: u32,
    pub start_time: Option<Ticks>,
    pub end_time: Option<Ticks>,
    pub command_status: CommandStatus,
    pub errors: Vec<String>,
    /// `{"type", "params": [{"key", "value"}]}`.
    pub command: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandStatus {
    Created,
    Completed,
    Failed,
}

impl ActionKind {
    pub const ALL: [ActionKind; 9] = [
        ActionKind::RunAntiVirusScan,
        ActionKind::Offboard,
        ActionKind::LiveResponse,
        ActionKind::CollectInvestigationPackage,
        ActionKind::Isolate,
        ActionKind::Unisolate,
        ActionKind::StopAndQuarantineFile,
        ActionKind::RestrictCodeExecution,
        ActionKind::UnrestrictCodeExecution,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            ActionKind::RunAntiVirusScan => "RunAntiVirusScan",
            ActionKind::Offboard => "Offboard",
            ActionKind::LiveResponse => "LiveResponse",
            ActionKind::CollectInvestigationPackage => "CollectInvestigationPackage",
            ActionKind::Isolate => "Isolate",
            ActionKind::Unisolate => "Unisolate",
            ActionKind::StopAndQuarantineFile => "StopAndQuarantineFile",
            ActionKind::RestrictCodeExecution => "RestrictCodeExecution",
            ActionKind::UnrestrictCodeExecution => "UnrestrictCodeExecution",
        }
    }

    /// The kind of that name, in any letter case.
    pub fn find(name: &str) -> Option<ActionKind> {
        ActionKind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

impl ActionStatus {
    /// Whether nothing more happens to the action.
    pub fn is_final(self) -> bool {
        !matches!(self, ActionStatus::Pending | ActionStatus::InProgress)
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            ActionStatus::Pending => "Pending",
            ActionStatus::InProgress => "InProgress",
            ActionStatus::Succeeded => "Succeeded",
            ActionStatus::Failed => "Failed",
            ActionStatus::TimeOut => "TimeOut",
            ActionStatus::Cancelled => "Cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_on_the_wire() {
        for kind in ActionKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
            assert_eq!(ActionKind::find(&kind.name().to_uppercase()), Some(kind));
        }
        assert_eq!(serde_json::to_value(ActionStatus::TimeOut).unwrap(), ActionStatus::TimeOut.name());
    }
}
