//! Bytes from outside to messages, inside bounds.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::VERSION;

/// Bytes of one message. Packages and files go beside the messages.
pub const MESSAGE_BYTES_MAX: usize = 512 << 10;

/// What makes bytes a message.
pub trait Message: Serialize + DeserializeOwned {
    /// What errors call it.
    const NAME: &'static str;

    fn version(&self) -> u32;

    /// Says which part is outside its bounds.
    fn check(&self) -> Result<(), String>;
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProtoError {
    #[error("the {message} has {bytes} bytes, more than {MESSAGE_BYTES_MAX}")]
    TooLarge { message: &'static str, bytes: usize },
    #[error("the {message} is not JSON of its form: {reason}")]
    Malformed { message: &'static str, reason: String },
    #[error("the {message} has version {given}, this side speaks {VERSION}")]
    Version { message: &'static str, given: u32 },
    #[error("the {message} is outside its bounds: {reason}")]
    OutOfBounds { message: &'static str, reason: String },
    #[error("the {what} is not signed by the key it should be")]
    Signature { what: &'static str },
    #[error("the {what} is not a usable key")]
    Key { what: &'static str },
}

pub fn decode<M: Message>(bytes: &[u8]) -> Result<M, ProtoError> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(ProtoError::TooLarge { message: M::NAME, bytes: bytes.len() });
    }
    let read: M = serde_json::from_slice(bytes)
        .map_err(|error| ProtoError::Malformed { message: M::NAME, reason: error.to_string() })?;
    if read.version() != VERSION {
        return Err(ProtoError::Version { message: M::NAME, given: read.version() });
    }
    read.check().map_err(|reason| ProtoError::OutOfBounds { message: M::NAME, reason })?;
    Ok(read)
}

pub fn encode<M: Message>(message: &M) -> Vec<u8> {
    // Messages are structs of texts, numbers and lists: they always have a JSON form.
    serde_json::to_vec(message).unwrap_or_default()
}

/// That a text has at most that many bytes.
pub(crate) fn text(name: &str, text: &str, bytes_max: usize) -> Result<(), String> {
    match text.len() <= bytes_max {
        true => Ok(()),
        false => Err(format!("'{name}' has more than {bytes_max} bytes")),
    }
}

/// That a list has at most that many items.
pub(crate) fn list<T>(name: &str, items: &[T], items_max: usize) -> Result<(), String> {
    match items.len() <= items_max {
        true => Ok(()),
        false => Err(format!("'{name}' has more than {items_max} items")),
    }
}

/// That a text is hexadecimal digits in lower case, so many of them.
pub(crate) fn hex(name: &str, text: &str, digits: usize) -> Result<(), String> {
    let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match is_hex && text.len() == digits {
        true => Ok(()),
        false => Err(format!("'{name}' takes {digits} hexadecimal digits in lower case")),
    }
}
