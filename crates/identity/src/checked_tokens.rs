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

/// Tokens that are remembered: some four megabytes.
const TOKENS_MAX: usize = 4_096;

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

/// The hash of a whole token, signature included.
pub(crate) type TokenHash = [u8; 32];

#[derive(Default)]
pub(crate) struct CheckedTokens(RwLock<HashMap<TokenHash, Arc<CheckedToken>>>);

impl CheckedTokens {
    pub fn hash(token: &str) -> TokenHash {
        sha256(&[token.as_bytes()])
    }

    pub fn get(&self, hash: &TokenHash) -> Option<Arc<CheckedToken>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned()
    }

    pub fn put(&self, hash: TokenHash, token: Arc<CheckedToken>) {
        let mut tokens = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Whoever is still sending theirs is back after one check.
        if tokens.len() >= TOKENS_MAX {
            tokens.clear();
        }
        tokens.insert(hash, token);
    }
}
