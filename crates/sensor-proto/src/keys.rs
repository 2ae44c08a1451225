//! Ed25519 keys, and digests.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::ProtoError;

const PUBLIC_BYTES: usize = 32;

/// A key that signs. It does not show itself.
pub struct PrivateKey(Ed25519KeyPair);

/// What a signature is verified by.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey([u8; PUBLIC_BYTES]);

impl PrivateKey {
    /// A new key, and its PKCS #8 form for the file that keeps it.
    pub fn generate() -> Result<(PrivateKey, Vec<u8>), ProtoError> {
        let unusable = |_| ProtoError::Key { what: "new key" };
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(unusable)?;
        let bytes = document.as_ref().to_vec();
        Ok((PrivateKey::from_pkcs8(&bytes)?, bytes))
    }

    pub fn from_pkcs8(bytes: &[u8]) -> Result<PrivateKey, ProtoError> {
        let pair = Ed25519KeyPair::from_pkcs8(bytes);
        pair.map(PrivateKey).map_err(|_| ProtoError::Key { what: "private key" })
    }

    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; PUBLIC_BYTES];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> String {
        STANDARD.encode(self.0.sign(bytes))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey(of {})", self.public())
    }
}

impl PublicKey {
    /// Reads the base64 of its 32 bytes.
    pub fn parse(text: &str) -> Result<PublicKey, ProtoError> {
        let bytes = STANDARD.decode(text).ok().and_then(|bytes| <[u8; PUBLIC_BYTES]>::try_from(bytes).ok());
        bytes.map(PublicKey).ok_or(ProtoError::Key { what: "public key" })
    }

    /// The first 16 hexadecimal digits of its SHA-256, by which messages name it.
    pub fn name(&self) -> String {
        digest_hex(&self.0)[..16].to_owned()
    }

    pub(crate) fn verify(&self, what: &'static str, bytes: &[u8], signature: &str) -> Result<(), ProtoError> {
        let refused = ProtoError::Signature { what };
        let Ok(signature) = STANDARD.decode(signature) else { return Err(refused) };
        let verified = UnparsedPublicKey::new(&ED25519, &self.0).verify(bytes, &signature);
        verified.map_err(|_| refused)
    }
}

/// The base64 of its bytes.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// SHA-256 as 64 hexadecimal digits.
pub fn digest_hex(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares in a time that does not tell where they differ.
pub fn digests_are_equal(one: &str, other: &str) -> bool {
    verify_slices_are_equal(one.as_bytes(), other.as_bytes()).is_ok()
}
