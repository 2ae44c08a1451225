//! How the key that signs commands is followed by another: the old one signs the new one, so that a device that knows
//! the old one knows the new one as well, however long it was away.

use model::Ticks;
use serde::{Deserialize, Serialize};

use crate::decode::{Message, ProtoError, text};
use crate::{PrivateKey, PublicKey, Purpose, Signed, VERSION};

const KEY_BYTES_MAX: usize = 64;

/// That one key is followed by another, said by the one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Succession {
    pub version: u32,
    /// Base64 of the Ed25519 key that signs commands from then on.
    pub command_key: String,
    pub issued: Ticks,
    /// Commands that the old key signed are taken until then. It makes no other key known any more at once.
    pub old_until: Ticks,
}

/// The keys by which a device knows commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandKeys {
    present: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old: Option<OldKey>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OldKey {
    key: String,
    until: Ticks,
}

impl Succession {
    /// Says by the old key that the new one follows it.
    pub fn seal(old: &PrivateKey, new: &PublicKey, issued: Ticks, old_until: Ticks) -> Signed {
        let succession = Succession { version: VERSION, command_key: new.to_string(), issued, old_until };
        Signed::seal(&succession, Purpose::Succession, old)
    }
}

impl CommandKeys {
    /// The key that an enrolment names.
    pub fn new(key: &PublicKey) -> CommandKeys {
        CommandKeys { present: key.to_string(), old: None }
    }

    /// The name of the present key, which a device says when it asks for commands.
    pub fn name(&self) -> Result<String, ProtoError> {
        Ok(PublicKey::parse(&self.present)?.name())
    }

    /// Takes the next key, if the present one signed it. Says whether there is another key now: it has to be stored
    /// before anything is done that it signed. The key before the present one has no say: what it signs is passed over.
    pub fn follow(&mut self, signed: &Signed) -> Result<bool, ProtoError> {
        let present = PublicKey::parse(&self.present)?;
        if signed.key != present.name() {
            return Ok(false);
        }
        let succession: Succession = signed.open(Purpose::Succession, &present)?;
        let next = PublicKey::parse(&succession.command_key)?;
        if next == present {
            return Ok(false);
        }
        let old = OldKey { key: self.present.clone(), until: succession.old_until };
        *self = CommandKeys { present: next.to_string(), old: Some(old) };
        Ok(true)
    }

    /// The message, if the present key signed it, or the one before while that is good.
    pub fn open<M: Message>(&self, signed: &Signed, purpose: Purpose, now: Ticks) -> Result<M, ProtoError> {
        let old = self.old.as_ref().filter(|old| now < old.until).map(|old| old.key.as_str());
        let old = old.map(PublicKey::parse).transpose()?.filter(|old| old.name() == signed.key);
        let key = old.map_or_else(|| PublicKey::parse(&self.present), Ok)?;
        signed.open(purpose, &key)
    }
}

impl Message for Succession {
    const NAME: &'static str = "succession of keys";

    fn version(&self) -> u32 {
        self.version
    }

    fn check(&self) -> Result<(), String> {
        text("commandKey", &self.command_key, KEY_BYTES_MAX)
    }
}
