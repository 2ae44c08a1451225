//! Tokens whose signatures were found right, so that a client that sends one token many times costs one check of it.
//!
//! A signature is the dear part of a call, and the only one that does not change: whether its key still counts, whether
//! the token is in its time, and what its holder may do are asked at each call.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::claims::Claims;
use crate::secret::sha256;

/// Tokens that are remembered: some four megabytes.
const TOKENS_MAX: usize = 4_096;

/// What a token says, and the key that signed it.
pub(crate) struct CheckedToken {
    pub kid: String,
    pub claims: Claims,
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
