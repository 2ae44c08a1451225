//! How a device becomes known.

use model::{DeviceId, TenantId, Ticks};
use serde::{Deserialize, Serialize};

use crate::decode::{Message, text};

const TOKEN_BYTES_MAX: usize = 256;
const NAME_BYTES_MAX: usize = 255;
const KEY_BYTES_MAX: usize = 64;
const AGENT_BYTES_MAX: usize = 128;

/// What a device says once, signed by the key that it will sign with from then on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrol {
    pub version: u32,
    /// Works once.
    pub token: String,
    /// The fully qualified name of the device.
    pub device_name: String,
    /// The id under which it sends events; made from its name when it has none.
    pub device_id: Option<DeviceId>,
    /// Base64 of an Ed25519 key.
    pub public_key: String,
    /// Program and version.
    pub agent: String,
}

/// The answer: who the device is, and by what key to know commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enrolled {
    pub version: u32,
    pub tenant_id: TenantId,
    pub device_id: DeviceId,
    /// Base64 of the Ed25519 key that signs commands.
    pub command_key: String,
    pub now: Ticks,
}

impl Message for Enrol {
    const NAME: &'static str = "enrolment";

    fn version(&self) -> u32 {
        self.version
    }

    fn check(&self) -> Result<(), String> {
        text("token", &self.token, TOKEN_BYTES_MAX)?;
        text("deviceName", &self.device_name, NAME_BYTES_MAX)?;
        text("publicKey", &self.public_key, KEY_BYTES_MAX)?;
        text("agent", &self.agent, AGENT_BYTES_MAX)?;
        if self.device_name.trim().is_empty() || self.device_name.chars().any(char::is_control) {
            return Err("'deviceName' takes a name without control characters".to_owned());
        }
        match &self.device_id {
            Some(id) if DeviceId::parse(id.as_str()).as_ref() != Some(id) => {
                Err("'deviceId' takes 40 hexadecimal digits in lower case".to_owned())
            }
            _ => Ok(()),
        }
    }
}

impl Message for Enrolled {
    const NAME: &'static str = "answer to an enrolment";

    fn version(&self) -> u32 {
        self.version
    }

    fn check(&self) -> Result<(), String> {
        text("commandKey", &self.command_key, KEY_BYTES_MAX)
    }
}

/// The token is a secret.
impl std::fmt::Debug for Enrol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enrol").field("device_name", &self.device_name).finish_non_exhaustive()
    }
}
