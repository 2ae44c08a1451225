//! What a device keeps: its key, and what it remembers of its orders. One file, replaced whole.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actions::{Answer, Journal};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use client::DeviceIdentity;
use model::{DeviceId, TenantId};
use sensor_proto::{CommandKeys, PrivateKey, PublicKey};
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct State {
    version: u32,
    pub tenant: TenantId,
    pub device: DeviceId,
    /// Base64 of PKCS #8.
    key: String,
    /// Base64 of the one that the enrolment named.
    command_key: String,
    /// Those by which commands are known, once another key followed that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_keys: Option<CommandKeys>,
    pub journal: Journal,
    pub is_offboarded: bool,
    /// What the server is to be told of that, even after a restart.
    #[serde(default)]
    pub farewell: Option<Answer>,
}

/// The file of a device.
pub(super) fn path(folder: &Path, device: &str) -> PathBuf {
    let name: String = device.chars().filter(char::is_ascii_alphanumeric).collect();
    folder.join(format!("{name}.json"))
}

impl State {
    pub fn new(tenant: TenantId, device: DeviceId, pkcs8: &[u8], command_key: &PublicKey) -> State {
        State {
            version: VERSION,
            tenant,
            device,
            key: STANDARD.encode(pkcs8),
            command_key: command_key.to_string(),
            command_keys: None,
            journal: Journal::new(),
            is_offboarded: false,
            farewell: None,
        }
    }

    pub fn read(folder: &Path, device: &str) -> Result<Option<State>, String> {
        let path = path(folder, device);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: {error}", path.display())),
        };
        // The message of the parser may quote the key.
        let state: Option<State> = serde_json::from_slice(&bytes).ok();
        let state = state.filter(|state| state.version == VERSION);
        state.map(Some).ok_or_else(|| format!("{} does not hold what a device keeps", path.display()))
    }

    /// It is on the disk when this returns.
    pub fn write(&self, folder: &Path) -> Result<(), String> {
        let path = path(folder, self.device.as_str());
        let part = path.with_extension("part");
        let written = || -> std::io::Result<()> {
            fs::create_dir_all(folder)?;
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt;
                options.mode(0o600);
            }
            let mut file = options.open(&part)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.sync_all()?;
            fs::rename(&part, &path)?;
            fs::File::open(folder)?.sync_all()
        };
        written().map_err(|error| format!("{}: {error}", path.display()))
    }

    /// The keys by which commands are known.
    pub fn keys(&self) -> Result<CommandKeys, String> {
        match &self.command_keys {
            Some(keys) => Ok(keys.clone()),
            None => {
                let key = PublicKey::parse(&self.command_key).map_err(|error| error.to_string())?;
                Ok(CommandKeys::new(&key))
            }
        }
    }

    pub fn identity(&self) -> Result<DeviceIdentity, String> {
        let key = STANDARD.decode(&self.key).map_err(|_| "the key is not base64".to_owned())?;
        Ok(DeviceIdentity {
            tenant: self.tenant,
            device: self.device.clone(),
            key: Arc::new(PrivateKey::from_pkcs8(&key).map_err(|error| error.to_string())?),
        })
    }
}
