//! What signing users in needs to keep: how apps do it, consents of users, sign-ins and their tokens, codes on their
//! way, second factors.
//!
//! Codes, tokens and cookies are known by their SHA-256 alone. A row that is taken once (a code, a refresh token, the
//! id of an assertion) is taken by one statement, so that of two calls at the same time one gets it.

mod app;
mod codes;
mod factors;
mod sweep;
mod tokens;

pub use app::{AppCertificate, AppSignIn, DelegatedGrant, PartnerApp};
pub use codes::{AuthorizationCode, CodeTaken, DeviceAnswer, DeviceCode, DeviceState};
pub use factors::{FederatedUser, UserFactor};
pub use tokens::{RefreshTaken, SignIn};

/// The SHA-256 of a code, token or cookie.
pub type Hash = [u8; 32];

/// Words as they are stored: with blanks between.
fn words_text(words: &[String]) -> String {
    words.join(" ")
}

fn words(text: &str) -> Vec<String> {
    text.split_ascii_whitespace().map(str::to_owned).collect()
}
