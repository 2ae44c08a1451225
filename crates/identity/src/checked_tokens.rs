//! Tokens whose signatures were found right, so that a client that sends one token many times costs one check of it.
//!
//! A signature is the dear part of a call, and the only one that does not change: whether its key still counts, whether
//! the token is in its time, and what its holder may do are asked at each call.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use model::Permission;

use crate::access::Access;
use crate::claims::Claims;
use crate::secret::sha256;
use crate::verify::AuthError;

/// Tokens that are remembered.
const TOKENS_MAX: usize = 4_096;
/// The bytes of their messages.
const BYTES_MAX: usize = 8 << 20;

/// What a token says, and the key that signed it.
pub(crate) struct CheckedToken {
    pub kid: String,
    pub claims: Claims,
    /// Whether it is of this issuer and for this audience.
    pub is_ours: Result<(), AuthError>,
    allowed: Mutex<Option<(Arc<Access>, Vec<Permission>)>>,
}

impl CheckedToken {
    pub fn new(kid: String, claims: Claims, is_ours: Result<(), AuthError>) -> CheckedToken {
        CheckedToken { kid, claims, is_ours, allowed: Mutex::default() }
    }

    /// What the token says, as far as it is granted now: worked out once for each reading of what is granted.
    pub fn allowed<I>(&self, said: I, access: &Arc<Access>) -> Vec<Permission>
    where
        I: Iterator<Item = Permission>,
    {
        let mut allowed = self.allowed.lock().unwrap_or_else(PoisonError::into_inner);
        match &*allowed {
            Some((known, permissions)) if Arc::ptr_eq(known, access) => permissions.clone(),
            _ => {
                let permissions = access.still_granted(said);
                *allowed = Some((access.clone(), permissions.clone()));
                permissions
            }
        }
    }
}

/// Found by the hash of the signature, which is what makes a token secret. What was signed is kept as it was sent and
/// compared whole: it is long, and a hash of it would be most of the work.
#[derive(Default)]
pub(crate) struct CheckedTokens(RwLock<State>);

#[derive(Default)]
struct State {
    known: HashMap<[u8; 32], Known>,
    bytes: usize,
}

struct Known {
    message: Box<str>,
    token: Arc<CheckedToken>,
}

impl CheckedTokens {
    pub fn get(&self, token: &str) -> Option<Arc<CheckedToken>> {
        let (message, signature) = token.rsplit_once('.')?;
        let hash = sha256(&[signature.as_bytes()]);
        let state = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = state.known.get(&hash)?;
        (*known.message == *message).then(|| known.token.clone())
    }

    pub fn put(&self, token: &str, checked: Arc<CheckedToken>) {
        let Some((message, signature)) = token.rsplit_once('.') else { return };
        let hash = sha256(&[signature.as_bytes()]);
        let mut state = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever is still sending theirs is back after one check.
        if state.known.len() >= TOKENS_MAX || state.bytes + message.len() > BYTES_MAX {
            *state = State::default();
        }
        state.bytes += message.len();
        let before = state.known.insert(hash, Known { message: message.into(), token: checked });
        state.bytes -= before.map_or(0, |before| before.message.len());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn checked(kid: &str) -> Arc<CheckedToken> {
        let id = Uuid::nil();
        let claims = json!({
            "aud": "", "iss": "", "iat": 0, "nbf": 0, "exp": 0, "app_displayname": "", "idtyp": "app", "oid": id,
            "sub": "", "tid": id, "uti": "", "ver": "2.0",
        });
        Arc::new(CheckedToken::new(kid.to_owned(), serde_json::from_value(claims).unwrap(), Ok(())))
    }

    #[test]
    fn a_token_is_known_when_all_of_it_is_as_it_was() {
        let tokens = CheckedTokens::default();
        tokens.put("head.claims.signature", checked("one"));
        tokens.put("head.others.other", checked("other"));
        for (token, expected) in [
            ("head.claims.signature", Some("one")),
            ("head.others.other", Some("other")),
            // The signature of one under what another says.
            ("head.others.signature", None),
            ("head.claims.other", None),
            ("head.claims.signaturf", None),
            ("head.claim.signature", None),
            ("head.claims.", None),
            ("signature", None),
            ("", None),
        ] {
            let found = tokens.get(token);
            assert_eq!(found.as_ref().map(|known| known.kid.as_str()), expected, "{token}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let tokens = CheckedTokens::default();
        let long = "c".repeat(BYTES_MAX / 3);
        for at in 0..5 {
            tokens.put(&format!("{long}.{at}"), checked("kid"));
            // The same again takes no more room.
            tokens.put(&format!("{long}.{at}"), checked("kid"));
            assert!(tokens.get(&format!("{long}.{at}")).is_some());
            assert!(tokens.0.read().unwrap().bytes <= BYTES_MAX);
        }
        let kept = (0..5).filter(|at| tokens.get(&format!("{long}.{at}")).is_some()).count();
        assert_eq!(kept, 1);
        for at in 0..=TOKENS_MAX {
            tokens.put(&format!("m.{at}"), checked("kid"));
        }
        assert!(tokens.0.read().unwrap().known.len() <= TOKENS_MAX);
    }
}
