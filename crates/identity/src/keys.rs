//! Signing keys: how one is made, kept at rest and used.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::error::IdentityError;
use crate::secret;

/// The first byte of a sealed key: the layout `version, nonce (12), ciphertext, tag (16)`.
const SEALED_VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;

/// The key under which private signing keys are stored. It lives outside the database.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    pub fn new(bytes: [u8; 32]) -> SealingKey {
        SealingKey(Zeroizing::new(bytes))
    }

    pub fn random() -> Result<SealingKey, IdentityError> {
        let mut bytes = Zeroizing::new([0; 32]);
        secret::fill(bytes.as_mut())?;
        Ok(SealingKey(bytes))
    }

    /// The 32 bytes, for the one file that keeps them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Encrypts what belongs to `name`; the result opens under the same name only.
    pub(crate) fn seal(&self, name: &str, plain: &[u8]) -> Result<Vec<u8>, IdentityError> {
        let failed = |_| IdentityError::Crypto { doing: "seal a secret" };
        let key = RandomizedNonceKey::new(&AES_256_GCM, self.0.as_ref()).map_err(failed)?;
        // The plain text is encrypted where it lies; with this capacity the vector never moves and leaves
        // no copy behind.
        let mut body = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
        body.extend_from_slice(plain);
        let nonce = key.seal_in_place_append_tag(Aad::from(name.as_bytes()), &mut body).map_err(failed)?;
        Ok([&[SEALED_VERSION][..], nonce.as_ref(), &body].concat())
    }

    pub(crate) fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&SEALED_VERSION, rest) = sealed.split_first()? else { return None };
        let (nonce, body) = rest.split_at_checked(NONCE_BYTES)?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, self.0.as_ref()).ok()?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut plain = Zeroizing::new(body.to_vec());
        let length = key.open_in_place(nonce, Aad::from(name.as_bytes()), &mut plain).ok()?.len();
        plain.truncate(length);
        Some(plain)
    }
}

impl SealingKey {
    /// A key for authenticating what this server hands out and gets back, one for each purpose.
    pub(crate) fn mac_key(&self, purpose: &str) -> hmac::Key {
        let root = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_ref());
        hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, purpose.as_bytes()).as_ref())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(redacted)")
    }
}

/// An RSA key pair that signs tokens by RS256.
pub(crate) struct SigningKey {
    /// The RFC 7638 thumbprint of the public key.
    kid: String,
    pair: RsaKeyPair,
    /// Parsed once: that costs half as much as a check of a signature.
    verifying: ParsedPublicKey,
    jwk: Jwk,
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

impl SigningKey {
    /// Makes a new 2048-bit key. Takes a good part of a second.
    pub(crate) fn generate() -> Result<SigningKey, IdentityError> {
        let failed = |_| IdentityError::Crypto { doing: "make a signing key" };
        SigningKey::from_pair(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?)
    }

    pub(crate) fn open(kid: &str, sealed: &[u8], with: &SealingKey) -> Result<SigningKey, IdentityError> {
        let sealed_otherwise = || IdentityError::Sealed { kid: kid.to_owned() };
        let pkcs8 = with.open(kid, sealed).ok_or_else(sealed_otherwise)?;
        let pair = RsaKeyPair::from_pkcs8(&pkcs8)
            .map_err(|_| IdentityError::Crypto { doing: "read a signing key" })?;
        SigningKey::from_pair(pair)
    }

    pub(crate) fn seal(&self, with: &SealingKey) -> Result<Vec<u8>, IdentityError> {
        let failed = |_| IdentityError::Crypto { doing: "write a signing key" };
        // The DER type clears its memory when dropped.
        let pkcs8: Pkcs8V1Der<'_> = self.pair.as_der().map_err(failed)?;
        with.seal(&self.kid, pkcs8.as_ref())
    }

    fn from_pair(pair: RsaKeyPair) -> Result<SigningKey, IdentityError> {
        let failed = |_| IdentityError::Crypto { doing: "read a public key" };
        let public = DecodingKey::from_rsa_der(pair.public_key().as_ref());
        let mut jwk = Jwk::from_decoding_key(&public, Some(Algorithm::RS256)).map_err(failed)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(failed)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let verifying = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key())
            .map_err(|_| IdentityError::Crypto { doing: "read a public key" })?;
        Ok(SigningKey { kid, pair, verifying, jwk })
    }

    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether this key signed the message.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifying.verify_sig(message, signature).is_ok()
    }

    pub(crate) fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The compact form of a token with these claims.
    ///
    /// Signed with the parsed key, since the library's `encode` would parse and check the private key for
    /// every token.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, IdentityError> {
        let failed = || IdentityError::Crypto { doing: "sign a token" };
        let header = Header { typ: "JWT", alg: "RS256", kid: &self.kid };
        let header = serde_json::to_vec(&header).map_err(|_| failed())?;
        let claims = serde_json::to_vec(claims).map_err(|_| failed())?;
        let mut token = URL_SAFE_NO_PAD.encode(header);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
            .map_err(|_| failed())?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_bytes_open_with_their_key_and_name_only() {
        let (key, other) = (SealingKey::new([1; 32]), SealingKey::new([2; 32]));
        let plain = b"a private key, or so it seems";
        let sealed = key.seal("kid-1", plain).unwrap();
        assert!(!sealed.windows(9).any(|part| part == b"a private"));
        assert_eq!(key.open("kid-1", &sealed).unwrap().as_slice(), plain);
        assert_ne!(sealed, key.seal("kid-1", plain).unwrap(), "every sealing has its own nonce");
        assert!(other.open("kid-1", &sealed).is_none());
        assert!(key.open("kid-2", &sealed).is_none());
    }

    #[test]
    fn damaged_or_short_bytes_do_not_open() {
        let key = SealingKey::new([1; 32]);
        let sealed = key.seal("kid", b"plain").unwrap();
        for length in 0..sealed.len() {
            assert!(key.open("kid", &sealed[..length]).is_none(), "{length}");
        }
        for position in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[position] ^= 1;
            assert!(key.open("kid", &damaged).is_none(), "{position}");
        }
    }

    #[test]
    fn debug_output_does_not_show_keys() {
        assert_eq!(format!("{:?}", SealingKey::new([7; 32])), "SealingKey(redacted)");
    }
}
