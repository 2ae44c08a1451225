//! The key that signs commands for devices, and how it came to be: each key but the first was signed by the one before,
//! and what that one signed is kept for devices that were away. One file holds all of it and is replaced whole, so that
//! a key is either there with what makes it known, or not at all.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::Ticks;
use sensor_proto::{PollAnswer, PrivateKey, PublicKey, Signed, Succession};
use serde::{Deserialize, Serialize};
use store::write_private_file;

use crate::ActionError;

const VERSION: u32 = 1;
/// Keys that are remembered. A device that knows none of them has to enrol again.
const KEYS_MAX: usize = 1_000;
/// None is forgotten that devices took commands by so short ago.
const KEPT_SECONDS: i64 = 400 * 86_400;
const RETRY_SECONDS: u32 = 86_400;

/// A key that signs or signed commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandKeyRow {
    pub public_key: String,
    /// None of the first, which is as old as the server.
    pub created: Option<Ticks>,
    /// Until when devices take what it signed, once another followed it.
    pub accepted_until: Option<Ticks>,
    /// What it signed to make the next one known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    succession: Option<Signed>,
}

impl CommandKeyRow {
    /// By which messages name the key.
    pub fn name(&self) -> String {
        PublicKey::parse(&self.public_key).map(|key| key.name()).unwrap_or_default()
    }
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    version: u32,
    /// From the oldest to the one that signs.
    keys: Vec<CommandKeyRow>,
    /// Base64 of PKCS #8. Of the keys before, nothing secret is kept.
    private_key: String,
}

/// One state of the ring. Never changed; a new one takes its place.
#[derive(Debug)]
pub(crate) struct Keys {
    rows: Vec<CommandKeyRow>,
    pub signing: PrivateKey,
}

/// The keys of all tenants' commands.
#[derive(Clone, Debug)]
pub struct KeyRing(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    present: RwLock<Arc<Keys>>,
    /// One key is made at a time.
    turn: Mutex<()>,
}

impl KeyRing {
    /// Reads the file, or makes a key and the file. A file of before keys could be changed holds the bytes of its key
    /// alone.
    pub fn open(path: PathBuf) -> io::Result<KeyRing> {
        let keys = match fs::read(&path) {
            Ok(bytes) => Keys::read(&bytes).ok_or_else(|| {
                let message = format!("{} does not hold a key that can be used", path.display());
                io::Error::new(ErrorKind::InvalidData, message)
            })?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (key, bytes) = PrivateKey::generate().map_err(io::Error::other)?;
                let keys = Keys::first(key);
                keys.write(&path, &bytes)?;
                keys
            }
            Err(error) => return Err(error),
        };
        let present = RwLock::new(Arc::new(keys));
        Ok(KeyRing(Arc::new(Inner { path, present, turn: Mutex::default() })))
    }

    pub(crate) fn present(&self) -> Arc<Keys> {
        self.0.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys from the oldest to the one that signs.
    pub fn rows(&self) -> Vec<CommandKeyRow> {
        self.present().rows.clone()
    }

    /// Makes a key that signs from now on. When this returns it is on the disk, with what makes it known. Devices that
    /// know the one before take what that one signed until `old_until`.
    pub(crate) async fn rotate(&self, now: Ticks, old_until: Ticks) -> Result<CommandKeyRow, ActionError> {
        let ring = self.clone();
        // Whoever asked for it may be gone before it is done.
        let made = tokio::task::spawn_blocking(move || ring.rotate_now(now, old_until)).await;
        made.map_err(|error| failed(io::Error::other(error)))?
    }

    fn rotate_now(&self, now: Ticks, old_until: Ticks) -> Result<CommandKeyRow, ActionError> {
        let _turn = self.0.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let present = self.present();
        let oldest = present.rows.first().and_then(|oldest| oldest.accepted_until);
        if present.rows.len() >= KEYS_MAX
            && oldest.is_some_and(|until| until.plus_seconds(KEPT_SECONDS) > now)
        {
            let message = format!("There are {KEYS_MAX} keys that devices may know, and no more are made.");
            return Err(ActionError::Quota { message, retry_after_seconds: RETRY_SECONDS });
        }
        let (next, bytes) = PrivateKey::generate().map_err(|error| failed(io::Error::other(error)))?;
        let next = Arc::new(present.followed_by(next, now, old_until));
        next.write(&self.0.path, &bytes).map_err(failed)?;
        let row = next.rows.last().cloned();
        *self.0.present.write().unwrap_or_else(PoisonError::into_inner) = next;
        row.ok_or_else(|| failed(io::Error::other("there is no key")))
    }
}

fn failed(source: io::Error) -> ActionError {
    ActionError::Io { doing: "keep a key for commands", source }
}

impl Keys {
    fn first(signing: PrivateKey) -> Keys {
        let public_key = signing.public().to_string();
        let row = CommandKeyRow { public_key, created: None, accepted_until: None, succession: None };
        Keys { rows: vec![row], signing }
    }

    fn read(bytes: &[u8]) -> Option<Keys> {
        if let Ok(key) = PrivateKey::from_pkcs8(bytes) {
            return Some(Keys::first(key));
        }
        // The message of the parser may quote the key.
        let kept: Kept = serde_json::from_slice(bytes).ok().filter(|kept: &Kept| kept.version == VERSION)?;
        let signing = PrivateKey::from_pkcs8(&STANDARD.decode(&kept.private_key).ok()?).ok()?;
        let is_last = kept.keys.last().is_some_and(|last| last.public_key == signing.public().to_string());
        is_last.then_some(Keys { rows: kept.keys, signing })
    }

    /// These keys and the one that follows them.
    fn followed_by(&self, next: PrivateKey, now: Ticks, old_until: Ticks) -> Keys {
        let mut rows = self.rows.clone();
        if let Some(last) = rows.last_mut() {
            last.accepted_until = Some(old_until);
            last.succession = Some(Succession::seal(&self.signing, &next.public(), now, old_until));
        }
        let public_key = next.public().to_string();
        rows.push(CommandKeyRow { public_key, created: Some(now), accepted_until: None, succession: None });
        let forgotten = rows.len().saturating_sub(KEYS_MAX);
        rows.drain(..forgotten);
        Keys { rows, signing: next }
    }

    fn write(&self, path: &Path, private_key: &[u8]) -> io::Result<()> {
        let private_key = STANDARD.encode(private_key);
        let kept = Kept { version: VERSION, keys: self.rows.clone(), private_key };
        write_private_file(path, &serde_json::to_vec(&kept)?)
    }

    /// What makes the keys known that followed the one of that name, as much as one answer takes. Empty where it is the
    /// one that signs, or none that is remembered.
    pub fn after(&self, name: &str) -> Vec<Signed> {
        // Most devices know the last one.
        let Some(at) = self.rows.iter().rposition(|row| row.name() == name) else { return Vec::new() };
        let known = self.rows[at..].iter().filter_map(|row| row.succession.clone());
        known.take(PollAnswer::KEYS_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use sensor_proto::CommandKeys;

    use super::*;

    fn at(hour: i64) -> Ticks {
        Ticks::parse("2026-03-03").unwrap().plus_seconds(hour * 3_600)
    }

    /// The keys of a device that asks until it is told of no more.
    fn caught_up(keys: &Keys, mut device: CommandKeys) -> (CommandKeys, usize) {
        let mut answers = 0;
        loop {
            let more = keys.after(&device.name().unwrap());
            if more.is_empty() {
                return (device, answers);
            }
            answers += 1;
            for signed in more {
                assert!(device.follow(&signed).unwrap());
            }
        }
    }

    #[tokio::test]
    async fn whoever_knows_a_key_learns_the_one_that_signs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("channel.key");
        let ring = KeyRing::open(path.clone()).unwrap();
        let first = CommandKeys::new(&ring.present().signing.public());
        for hour in 0..40 {
            let row = ring.rotate(at(hour), at(hour + 24)).await.unwrap();
            assert_eq!((row.created, row.accepted_until), (Some(at(hour)), None));
            assert_eq!(ring.rows()[usize::try_from(hour).unwrap()].accepted_until, Some(at(hour + 24)));
        }
        let reopened = KeyRing::open(path).unwrap();
        for ring in [&ring, &reopened] {
            let (device, answers) = caught_up(&ring.present(), first.clone());
            assert_eq!(device.name(), Ok(ring.present().signing.public().name()));
            assert_eq!(answers, 2);
        }
        assert_eq!(ring.rows(), reopened.rows());
        assert!(ring.present().after("unknown").is_empty());
    }

    #[tokio::test]
    async fn a_file_that_holds_a_key_alone_is_taken_up_and_a_broken_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("channel.key");
        let (key, bytes) = PrivateKey::generate().unwrap();
        fs::write(&path, &bytes).unwrap();
        let ring = KeyRing::open(path.clone()).unwrap();
        assert_eq!(ring.present().signing.public(), key.public());
        ring.rotate(at(0), at(1)).await.unwrap();
        let (device, _) =
            caught_up(&KeyRing::open(path.clone()).unwrap().present(), CommandKeys::new(&key.public()));
        assert_eq!(device.name(), Ok(ring.present().signing.public().name()));
        let whole = fs::read(&path).unwrap();
        for broken in [&b""[..], b"{}", &whole[..whole.len() - 9]] {
            fs::write(&path, broken).unwrap();
            assert_eq!(KeyRing::open(path.clone()).unwrap_err().kind(), ErrorKind::InvalidData);
        }
    }

    #[tokio::test]
    async fn a_key_that_cannot_be_kept_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys").join("channel.key");
        fs::create_dir(path.parent().unwrap()).unwrap();
        let ring = KeyRing::open(path.clone()).unwrap();
        let before = (ring.rows(), ring.present().signing.public());
        // As after a crash in the middle: another file is half written, and this one cannot be.
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
        assert!(ring.rotate(at(0), at(1)).await.is_err());
        assert_eq!((ring.rows(), ring.present().signing.public()), before);
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(path.with_extension("unfinished"), b"half").unwrap();
        ring.rotate(at(1), at(2)).await.unwrap();
        assert_eq!(KeyRing::open(path).unwrap().rows(), ring.rows());
    }
}
