//! What a device says about an order it was given.

use model::{DeviceId, TenantId, Ticks};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decode::{Message, hex, list, text};
use crate::signed::Signed;

const RECEIPTS_MAX: usize = 64;
const RESULTS_MAX: usize = 32;
const FINDINGS_MAX: usize = 200;
const ERRORS_MAX: usize = 20;
const MESSAGE_BYTES_MAX: usize = 2 << 10;
const NAME_BYTES_MAX: usize = 1 << 10;

/// What became of one order, on one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub version: u32,
    /// Of the command.
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub device_id: DeviceId,
    /// Of the command.
    pub sequence: u64,
    pub at: Ticks,
    pub outcome: Outcome,
    /// Whether nothing of it happened to a real computer.
    #[serde(default)]
    pub is_simulated: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Outcome {
    /// One command of a live response is done; the others go on.
    Progress {
        result: CommandResult,
    },
    Succeeded {
        detail: String,
        /// The package, once it is uploaded.
        #[serde(default)]
        package: Option<Upload>,
        #[serde(default)]
        findings: Vec<Finding>,
    },
    Failed {
        error: i64,
        message: String,
    },
}

/// What became of one command of a live response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandResult {
    pub index: u32,
    pub started: Ticks,
    pub ended: Ticks,
    pub has_failed: bool,
    pub errors: Vec<String>,
    /// What can be downloaded; none for a file that was stored.
    pub result: Option<Upload>,
}

/// Something that was uploaded before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Upload {
    pub name: String,
    pub sha256: String,
    pub bytes: u64,
}

/// Something that a scan found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    pub threat: String,
    pub path: String,
    pub sha1: String,
    pub is_removed: bool,
}

/// What one request carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipts {
    pub version: u32,
    /// Each is a [`Receipt`].
    pub receipts: Vec<Signed>,
}

impl Outcome {
    /// Whether the order is over.
    pub fn is_final(&self) -> bool {
        !matches!(self, Outcome::Progress { .. })
    }

    pub fn succeeded(detail: impl Into<String>) -> Outcome {
        Outcome::Succeeded { detail: detail.into(), package: None, findings: Vec::new() }
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Outcome::Progress { result } => {
                if result.index as usize >= RESULTS_MAX {
                    return Err(format!("'index' takes less than {RESULTS_MAX}"));
                }
                list("errors", &result.errors, ERRORS_MAX)?;
                result.errors.iter().try_for_each(|error| text("errors", error, MESSAGE_BYTES_MAX))?;
                result.result.as_ref().map_or(Ok(()), Upload::check)
            }
            Outcome::Succeeded { detail, package, findings } => {
                text("detail", detail, MESSAGE_BYTES_MAX)?;
                list("findings", findings, FINDINGS_MAX)?;
                for finding in findings {
                    text("threat", &finding.threat, NAME_BYTES_MAX)?;
                    text("path", &finding.path, 4 * NAME_BYTES_MAX)?;
                    hex("sha1", &finding.sha1, 40)?;
                }
                package.as_ref().map_or(Ok(()), Upload::check)
            }
            Outcome::Failed { message, .. } => text("message", message, MESSAGE_BYTES_MAX),
        }
    }
}

impl Upload {
    fn check(&self) -> Result<(), String> {
        text("name", &self.name, NAME_BYTES_MAX)?;
        hex("sha256", &self.sha256, 64)
    }
}

impl Message for Receipt {
    const NAME: &'static str = "receipt";

    fn version(&self) -> u32 {
        self.version
    }

    fn check(&self) -> Result<(), String> {
        self.outcome.check()
    }
}

impl Message for Receipts {
    const NAME: &'static str = "list of receipts";

    fn version(&self) -> u32 {
        self.version
    }

    fn check(&self) -> Result<(), String> {
        list("receipts", &self.receipts, RECEIPTS_MAX)
    }
}
