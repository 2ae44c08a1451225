//! What a tenant says about actions: what is protected, what needs a second person, and how much there may be.

use model::machine::Machine;
use model::machine_action::ActionKind;
use serde::{Deserialize, Serialize};

use crate::ActionError;

pub const TAGS_MAX: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// A machine with one of these tags takes no action that changes it.
    pub protected_tags: Vec<String>,
    /// Actions of these types wait until somebody else has approved them.
    pub approval: Vec<ActionKind>,
    /// Investigations, which remove what they find, wait in the same way.
    pub investigations_need_approval: bool,
    /// Actions of the tenant in an hour.
    pub actions_per_hour: u64,
    /// Live responses of the tenant at the same time.
    pub live_responses: u64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            protected_tags: Vec::new(),
            approval: Vec::new(),
            investigations_need_approval: false,
            actions_per_hour: 5_000,
            live_responses: 25,
        }
    }
}

impl Policy {
    /// Refuses an action that a tag of the machine protects it from. Going back to normal and looking is allowed.
    pub(crate) fn check_tags(&self, machine: &Machine, kind: Option<ActionKind>) -> Result<(), ActionError> {
        let is_harmless = match kind {
            None => false,
            Some(
                ActionKind::Unisolate
                | ActionKind::UnrestrictCodeExecution
                | ActionKind::CollectInvestigationPackage
                | ActionKind::RunAntiVirusScan,
            ) => true,
            Some(
                ActionKind::Isolate
                | ActionKind::RestrictCodeExecution
                | ActionKind::Offboard
                | ActionKind::LiveResponse
                | ActionKind::StopAndQuarantineFile,
            ) => false,
        };
        let is_protected = |tag: &&String| {
            self.protected_tags.iter().any(|protected| protected.to_lowercase() == tag.to_lowercase())
        };
        match machine.machine_tags.iter().find(is_protected) {
            Some(tag) if !is_harmless => Err(ActionError::Protected { tag: tag.clone() }),
            _ => Ok(()),
        }
    }

    pub(crate) fn needs_approval(&self, kind: Option<ActionKind>) -> bool {
        kind.map_or(self.investigations_need_approval, |kind| self.approval.contains(&kind))
    }

    /// Refuses what is more than may be, when there were `made` in the last hour and `live` are open.
    pub(crate) fn check_quota(
        &self,
        kind: Option<ActionKind>,
        (made, live): (u64, u64),
    ) -> Result<(), ActionError> {
        if made >= self.actions_per_hour {
            let message = format!("There were {made} actions in the last hour; more are not taken now.");
            return Err(ActionError::Quota { message, retry_after_seconds: 300 });
        }
        if kind == Some(ActionKind::LiveResponse) && live >= self.live_responses {
            let message = format!("{live} live responses are open; more are not taken now.");
            return Err(ActionError::Quota { message, retry_after_seconds: 60 });
        }
        Ok(())
    }
}
