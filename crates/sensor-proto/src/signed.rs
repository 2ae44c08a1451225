//! A message and the signature over its bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::decode::{MESSAGE_BYTES_MAX, Message, ProtoError, decode, encode};
use crate::{PrivateKey, PublicKey};

/// What a signature is for. One made for a purpose is worth nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Enrol,
    Command,
    Receipt,
    Request,
    Succession,
}

/// The bytes of a message as they were signed, so that no way of writing JSON has to be agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Base64 of the message.
    pub payload: String,
    /// Which key signed; see [`PublicKey::name`].
    pub key: String,
    /// Base64.
    pub signature: String,
}

impl Purpose {
    fn name(self) -> &'static str {
        match self {
            Purpose::Enrol => "enrolment",
            Purpose::Command => "command",
            Purpose::Receipt => "receipt",
            Purpose::Request => "request",
            Purpose::Succession => "succession",
        }
    }

    /// What is signed in place of `bytes`.
    fn framed(self, bytes: &[u8]) -> Vec<u8> {
        let head = format!("bartizan device channel 1 {}\n{}\n", self.name(), bytes.len());
        [head.as_bytes(), bytes].concat()
    }

    pub(crate) fn sign(self, key: &PrivateKey, bytes: &[u8]) -> String {
        key.sign(&self.framed(bytes))
    }

    pub(crate) fn verify(self, key: &PublicKey, bytes: &[u8], signature: &str) -> Result<(), ProtoError> {
        key.verify(self.name(), &self.framed(bytes), signature)
    }
}

impl Signed {
    pub fn seal<M: Message>(message: &M, purpose: Purpose, key: &PrivateKey) -> Signed {
        let bytes = encode(message);
        let signature = purpose.sign(key, &bytes);
        Signed { payload: STANDARD.encode(bytes), key: key.public().name(), signature }
    }

    /// The message, if that key signed it for that purpose.
    pub fn open<M: Message>(&self, purpose: Purpose, key: &PublicKey) -> Result<M, ProtoError> {
        let bytes = self.bytes(M::NAME)?;
        purpose.verify(key, &bytes, &self.signature)?;
        decode(&bytes)
    }

    /// The message without looking at the signature: to find the key by which to open it.
    pub fn peek<M: Message>(&self) -> Result<M, ProtoError> {
        decode(&self.bytes(M::NAME)?)
    }

    fn bytes(&self, message: &'static str) -> Result<Vec<u8>, ProtoError> {
        if self.payload.len() > MESSAGE_BYTES_MAX * 4 / 3 + 4 {
            return Err(ProtoError::TooLarge { message, bytes: self.payload.len() });
        }
        let malformed = |_| ProtoError::Malformed { message, reason: "its payload is not base64".to_owned() };
        STANDARD.decode(&self.payload).map_err(malformed)
    }
}
