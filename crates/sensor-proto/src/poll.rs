//! How a device asks for commands.

use model::Ticks;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::command::IsolationMode;
use crate::decode::{Message, list, text};
use crate::signed::Signed;

const AGENT_BYTES_MAX: usize = 128;
const RUNNING_MAX: usize = 64;
const COMMANDS_MAX: usize = 64;
const KEY_NAME_BYTES_MAX: usize = 64;

/// Who asks, in what state it is, and how long it would wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Poll {
    pub version: u32,
    pub agent: String,
    pub state: DeviceState,
    /// Commands that are being carried out.
    #[serde(default)]
    pub running: Vec<Uuid>,
    /// How long the server may keep the answer back when there is nothing to do.
    pub wait_seconds: u32,
    /// The name of the key by which the device knows commands: it is told which followed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_key: Option<String>,
}

/// What orders about a state have made of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceState {
    pub isolation: Applied<Isolation>,
    pub restriction: Applied<Restriction>,
}

/// A state, and the number of the order that it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied<T> {
    pub value: T,
    /// 0 before any order.
    pub sequence: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Isolation {
    #[default]
    None,
    Selective,
    Full,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restriction {
    #[default]
    Off,
    On,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PollAnswer {
    pub version: u32,
    pub now: Ticks,
    /// Each is a [`Command`](crate::Command).
    pub commands: Vec<Signed>,
    /// Those of the commands said to be running that are not wanted any more.
    #[serde(default)]
    pub cancelled: Vec<Uuid>,
    /// The keys that followed the one that the device knows, one after the other: each is a
    /// [`Succession`](crate::Succession). Where there are some, there is nothing else: the device asks again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Signed>,
}

impl PollAnswer {
    /// Keys that one answer makes known.
    pub const KEYS_MAX: usize = 32;
}

impl From<IsolationMode> for Isolation {
    fn from(mode: IsolationMode) -> Isolation {
        match mode {
            IsolationMode::Full => Isolation::Full,
            IsolationMode::Selective => Isolation::Selective,
        }
    }
}

impl Message for Poll {
    const NAME: &'static str = "poll";

    fn version(&self) -> u32 {
        self.version
    }

    fn check(&self) -> Result<(), String> {
        text("agent", &self.agent, AGENT_BYTES_MAX)?;
        text("commandKey", self.command_key.as_deref().unwrap_or_default(), KEY_NAME_BYTES_MAX)?;
        list("running", &self.running, RUNNING_MAX)
    }
}

impl Message for PollAnswer {
    const NAME: &'static str = "answer to a poll";

    fn version(&self) -> u32 {
        self.version
    }

    fn check(&self) -> Result<(), String> {
        list("commands", &self.commands, COMMANDS_MAX)?;
        list("keys", &self.keys, PollAnswer::KEYS_MAX)?;
        list("cancelled", &self.cancelled, RUNNING_MAX)
    }
}
