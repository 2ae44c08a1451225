//! Secrets: a type that does not show itself, and how the secrets of apps and the passwords of users are
//! stored.

use std::fmt;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::error::IdentityError;

/// Text that must not reach a log: it has no `Display`, its `Debug` is redacted, and its memory is cleared.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(Zeroizing::new(text))
    }

    /// A new secret: 40 URL-safe characters that carry 240 random bits.
    pub fn random() -> Result<Secret, IdentityError> {
        let mut bytes = Zeroizing::new([0u8; 30]);
        fill(bytes.as_mut())?;
        let mut text = URL_SAFE_NO_PAD.encode(bytes.as_ref());
        // A value that starts with a dash is taken for an option by many command lines.
        if text.starts_with('-') {
            text.replace_range(..1, "A");
        }
        Ok(Secret::new(text))
    }

    /// The text itself, for the one place that has to show or compare it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// The stored form of an app's secret: `sha256$<salt>$<hash>`.
///
/// A salted SHA-256 and not a password hash: the secrets are ours, random and 240 bits long, so nobody can
/// guess them however fast the hash is, and a slow hash on an endpoint that anybody may call would be a gift
/// to whoever wants to exhaust the server.
pub(crate) fn hash_secret(secret: &Secret) -> Result<String, IdentityError> {
    let mut salt = [0u8; 16];
    fill(&mut salt)?;
    let hash = salted(&salt, secret.expose());
    Ok(format!("sha256${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash)))
}

/// Whether `secret` is the one that was stored, compared in constant time. A stored text that cannot be read
/// matches nothing.
pub(crate) fn secret_matches(stored: &str, secret: &str) -> bool {
    let mut parts = stored.split('$');
    let (Some("sha256"), Some(salt), Some(hash), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Ok(salt), Ok(hash)) = (STANDARD_NO_PAD.decode(salt), STANDARD_NO_PAD.decode(hash)) else {
        return false;
    };
    verify_slices_are_equal(&hash, &salted(&salt, secret)).is_ok()
}

/// Does the work of one comparison and forgets it, so that an unknown app takes as long as a wrong secret.
pub(crate) fn compare_with_nothing(secret: &str) {
    let hash = salted(&[0; 16], secret);
    let _ = std::hint::black_box(verify_slices_are_equal(&hash, &[0; 32]));
}

/// The stored form of a user's password: argon2id as a PHC string. Takes tens of milliseconds by design.
pub(crate) fn hash_password(password: &Secret) -> Result<String, IdentityError> {
    let mut salt = [0u8; 16];
    fill(&mut salt)?;
    let failed = |_| IdentityError::Crypto { doing: "hash a password" };
    let salt = SaltString::encode_b64(&salt).map_err(failed)?;
    let hash = argon2id().hash_password(password.expose().as_bytes(), &salt).map_err(failed)?;
    Ok(hash.to_string())
}

/// Whether `password` is the one whose PHC string was stored. As slow as hashing: not for an async thread.
pub fn password_matches(stored: &str, password: &Secret) -> bool {
    let Ok(hash) = PasswordHash::new(stored) else { return false };
    argon2id().verify_password(password.expose().as_bytes(), &hash).is_ok()
}

/// What a random code, token or cookie is known by in the store: no salt is needed where nobody can guess.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

pub(crate) fn fill(bytes: &mut [u8]) -> Result<(), IdentityError> {
    rand::fill(bytes).map_err(|_| IdentityError::Crypto { doing: "draw random bytes" })
}

fn salted(salt: &[u8], secret: &str) -> [u8; 32] {
    sha256(&[salt, secret.as_bytes()])
}

fn argon2id() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_matches_its_stored_form_and_nothing_else_does() {
        let secret = Secret::random().unwrap();
        let stored = hash_secret(&secret).unwrap();
        assert!(secret_matches(&stored, secret.expose()));
        assert!(!secret_matches(&stored, &secret.expose()[1..]));
        assert!(!secret_matches(&stored, ""));
        assert!(!stored.contains(secret.expose()));
        assert_ne!(stored, hash_secret(&secret).unwrap(), "every hash has its own salt");
    }

    #[test]
    fn a_stored_form_that_cannot_be_read_matches_nothing() {
        for stored in ["", "x", "sha256$", "sha256$$", "md5$AA$AA", "sha256$!$!", "sha256$AA$AA$AA"] {
            assert!(!secret_matches(stored, "x"), "{stored}");
        }
    }

    #[test]
    fn secrets_are_40_url_safe_characters_that_no_command_line_misreads() {
        for _ in 0..500 {
            let secret = Secret::random().unwrap();
            let text = secret.expose();
            assert_eq!(text.len(), 40);
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            assert!(!text.starts_with('-'));
        }
    }

    #[test]
    fn debug_output_does_not_show_the_text() {
        assert!(!format!("{:?}", Secret::new("hunter2".into())).contains("hunter2"));
    }

    #[test]
    fn a_password_is_stored_as_argon2id() {
        let password = Secret::new("correct horse".into());
        let stored = hash_password(&password).unwrap();
        assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
        assert!(password_matches(&stored, &password));
        assert!(!password_matches(&stored, &Secret::new("wrong horse".into())));
        assert!(!password_matches("not a hash", &password));
    }
}
