//! What a server tells one device to do.

use model::machine_action::ActionKind;
use model::{DeviceId, TenantId, Ticks};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::VERSION;
use crate::decode::{Message, hex, list, text};

const COMMANDS_MAX: usize = 32;
const NAME_BYTES_MAX: usize = 255;
const ARGUMENT_BYTES_MAX: usize = 4 << 10;
const PATH_BYTES_MAX: usize = 4 << 10;

/// One order for one device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    pub version: u32,
    pub id: Uuid,
    pub tenant_id: TenantId,
    pub device_id: DeviceId,
    /// Grows from order to order of the device. Of two orders about the same state the higher one holds.
    pub sequence: u64,
    pub issued: Ticks,
    /// From then on the order is not begun any more.
    pub expires: Ticks,
    pub order: Order,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Order {
    /// Cut the device off from everything but this channel.
    Isolate {
        mode: IsolationMode,
    },
    Release,
    /// Let only programs of the system and of trusted makers start.
    Restrict,
    Unrestrict,
    Scan {
        mode: ScanMode,
    },
    CollectPackage {
        bytes_max: u64,
    },
    LiveResponse {
        commands: Vec<LiveCommand>,
        result_bytes_max: u64,
    },
    /// Stop the processes of a file and put the file away.
    StopAndQuarantine {
        sha1: String,
    },
    /// Forget the key, and say nothing any more.
    Offboard,
    /// Look for what is malicious, and remove it.
    Investigate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IsolationMode {
    Full,
    /// Programs for mail and meetings keep their connections.
    Selective,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScanMode {
    Quick,
    Full,
}

/// One command of a live response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum LiveCommand {
    /// Store a file of the library on the device.
    PutFile { file_name: String, sha256: String, bytes: u64 },
    /// Run a script of the library.
    RunScript { script_name: String, arguments: String, sha256: String, bytes: u64 },
    /// Send a file of the device.
    GetFile { path: String },
}

/// Orders of one topic are carried out one after the other; those of different topics do not wait for each other, so
/// that a long scan does not hold up an isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Topic {
    Isolation,
    Restriction,
    Scan,
    Package,
    LiveResponse,
    Quarantine,
    Onboarding,
    Investigation,
}

impl Order {
    pub fn topic(&self) -> Topic {
        match self {
            Order::Isolate { .. } | Order::Release => Topic::Isolation,
            Order::Restrict | Order::Unrestrict => Topic::Restriction,
            Order::Scan { .. } => Topic::Scan,
            Order::CollectPackage { .. } => Topic::Package,
            Order::LiveResponse { .. } => Topic::LiveResponse,
            Order::StopAndQuarantine { .. } => Topic::Quarantine,
            Order::Offboard => Topic::Onboarding,
            Order::Investigate => Topic::Investigation,
        }
    }

    /// The type of the machine action it is the order of; an investigation is none.
    pub fn action(&self) -> Option<ActionKind> {
        Some(match self {
            Order::Isolate { .. } => ActionKind::Isolate,
            Order::Release => ActionKind::Unisolate,
            Order::Restrict => ActionKind::RestrictCodeExecution,
            Order::Unrestrict => ActionKind::UnrestrictCodeExecution,
            Order::Scan { .. } => ActionKind::RunAntiVirusScan,
            Order::CollectPackage { .. } => ActionKind::CollectInvestigationPackage,
            Order::LiveResponse { .. } => ActionKind::LiveResponse,
            Order::StopAndQuarantine { .. } => ActionKind::StopAndQuarantineFile,
            Order::Offboard => ActionKind::Offboard,
            Order::Investigate => return None,
        })
    }

    /// Whether doing both would be doing the same.
    pub fn is_same_kind(&self, other: &Order) -> bool {
        match (self, other) {
            (Order::StopAndQuarantine { sha1: one }, Order::StopAndQuarantine { sha1: other }) => {
                one == other
            }
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }

    fn check(&self) -> Result<(), String> {
        match self {
            Order::StopAndQuarantine { sha1 } => hex("sha1", sha1, 40),
            Order::LiveResponse { commands, .. } => {
                list("commands", commands, COMMANDS_MAX)?;
                commands.iter().try_for_each(LiveCommand::check)
            }
            _ => Ok(()),
        }
    }
}

impl LiveCommand {
    fn check(&self) -> Result<(), String> {
        match self {
            LiveCommand::PutFile { file_name, sha256, .. } => {
                text("fileName", file_name, NAME_BYTES_MAX)?;
                hex("sha256", sha256, 64)
            }
            LiveCommand::RunScript { script_name, arguments, sha256, .. } => {
                text("scriptName", script_name, NAME_BYTES_MAX)?;
                text("arguments", arguments, ARGUMENT_BYTES_MAX)?;
                hex("sha256", sha256, 64)
            }
            LiveCommand::GetFile { path } => text("path", path, PATH_BYTES_MAX),
        }
    }
}

impl Message for Command {
    const NAME: &'static str = "command";

    fn version(&self) -> u32 {
        self.version
    }

    fn check(&self) -> Result<(), String> {
        if DeviceId::parse(self.device_id.as_str()).as_ref() != Some(&self.device_id) {
            return Err("'deviceId' takes 40 hexadecimal digits in lower case".to_owned());
        }
        self.order.check()
    }
}

impl Command {
    pub const VERSION: u32 = VERSION;
}
