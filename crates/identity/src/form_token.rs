//! Proof that a form came from a page of ours, made for the browser that sends it.
//!
//! The proof is a MAC over a random cookie and over what the page wrote into the form. A page of somebody else knows
//! neither the cookie nor the key, and a form whose fields were changed does not match.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::issuer::Issuer;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::secret::Secret;
use crate::user_token::new_token;

impl Issuer {
    /// A new cookie for forms.
    pub fn new_form_cookie(&self) -> Result<Secret, OAuthError> {
        new_token().map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    pub fn form_token(&self, cookie: &str, fields: &[&str]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.form_key, &message(cookie, fields)))
    }

    pub fn is_form_token(&self, token: &str, cookie: &str, fields: &[&str]) -> bool {
        let Ok(tag) = URL_SAFE_NO_PAD.decode(token) else { return false };
        !cookie.is_empty() && hmac::verify(&self.form_key, &message(cookie, fields), &tag).is_ok()
    }
}

/// Lengths stand before the texts, so that no two lists of fields are the same message.
fn message(cookie: &str, fields: &[&str]) -> Vec<u8> {
    let texts = std::iter::once(cookie).chain(fields.iter().copied());
    texts.flat_map(|text| [&(text.len() as u64).to_be_bytes()[..], text.as_bytes()].concat()).collect()
}
