//! The form body of a token request, and the credentials in it or beside it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode;

use crate::oauth_error::OAuthProblem;
use crate::secret::Secret;

const PAIRS_MAX: usize = 64;
/// An assertion with a chain of certificates in it is the longest.
const FIELD_BYTES_MAX: usize = 24 * 1024;

/// The fields that may come once only. Any other field is ignored.
static KNOWN_FIELDS: &[&str] = &[
    "grant_type",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "resource",
    "scope",
    "code_verifier",
    "redirect_uri",
    "refresh_token",
    "username",
    "password",
    "token",
    "response_type",
    "response_mode",
    "code_challenge",
    "code_challenge_method",
    "state",
    "nonce",
    "prompt",
    "max_age",
    "csrf",
    "next",
    "origin",
    "ticket",
    "user_code",
    "decision",
];

/// The fields of an `application/x-www-form-urlencoded` body. Values may be secrets, so they do not show
/// themselves.
#[derive(Clone)]
pub struct Form {
    pairs: Vec<(String, Secret)>,
}

impl Form {
    /// Reads a body whatever its content type says, as some clients send none. Bytes that are not UTF-8 are
    /// replaced; what is past the limits is noticed when the form is used.
    pub fn parse(body: &[u8]) -> Form {
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).take(PAIRS_MAX + 1);
        let pairs = pairs.map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = form_text(halves.next().unwrap_or_default());
            (name, Secret::new(form_text(halves.next().unwrap_or_default())))
        });
        Form { pairs: pairs.collect() }
    }

    pub fn from_pairs(pairs: Vec<(String, String)>) -> Form {
        Form { pairs: pairs.into_iter().map(|(name, value)| (name, Secret::new(value))).collect() }
    }

    /// Refuses a form that is too large or says a known thing twice.
    pub(crate) fn check(&self) -> Result<(), OAuthProblem> {
        if self.pairs.len() > PAIRS_MAX {
            return Err(OAuthProblem::TooLarge { problem: "too many fields" });
        }
        if self.pairs.iter().any(|(name, value)| name.len().max(value.expose().len()) > FIELD_BYTES_MAX) {
            return Err(OAuthProblem::TooLarge { problem: "a field is too long" });
        }
        for name in KNOWN_FIELDS {
            if self.pairs.iter().filter(|(given, _)| given == name).count() > 1 {
                return Err(OAuthProblem::DuplicatedParameter { name });
            }
        }
        Ok(())
    }

    /// The value of a field. An empty one counts as missing.
    pub fn get(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(given, _)| given == name);
        pair.map(|(_, value)| value.expose()).filter(|value| !value.is_empty())
    }

    pub(crate) fn required(&self, name: &'static str) -> Result<&str, OAuthProblem> {
        self.get(name).ok_or(OAuthProblem::MissingParameter { name })
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

/// What a client proves itself by.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub client_id: String,
    pub secret: Secret,
}

impl Credentials {
    /// From a `Basic` header or from the form. The header may be repeated by the `client_id` of the form, as
    /// some clients do, but not by a second secret. A header of another scheme is not for us.
    pub(crate) fn find(form: &Form, authorization: Option<&str>) -> Result<Credentials, OAuthProblem> {
        let Some(header) = authorization.and_then(basic_value) else {
            let client_id = form.required("client_id")?.to_owned();
            let secret = form.get("client_secret").ok_or(OAuthProblem::MissingSecret)?;
            return Ok(Credentials { client_id, secret: Secret::new(secret.to_owned()) });
        };
        let credentials = read_basic(header).ok_or(OAuthProblem::MalformedAuthorization)?;
        if form.get("client_id").is_some_and(|id| !id.eq_ignore_ascii_case(&credentials.client_id)) {
            return Err(OAuthProblem::DuplicatedParameter { name: "client_id" });
        }
        if form.get("client_secret").is_some() {
            return Err(OAuthProblem::DuplicatedParameter { name: "client_secret" });
        }
        if credentials.client_id.is_empty() {
            return Err(OAuthProblem::MissingParameter { name: "client_id" });
        }
        if credentials.secret.expose().is_empty() {
            return Err(OAuthProblem::MissingSecret);
        }
        Ok(credentials)
    }
}

fn basic_value(header: &str) -> Option<&str> {
    let (scheme, value) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("Basic").then(|| value.trim())
}

/// RFC 6749, 2.3.1: both halves are form-encoded before they are joined.
fn read_basic(value: &str) -> Option<Credentials> {
    if value.len() > 2 * FIELD_BYTES_MAX {
        return None;
    }
    let bytes = zeroize::Zeroizing::new(STANDARD.decode(value).ok()?);
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    Some(Credentials {
        client_id: form_text(&bytes[..colon]),
        secret: Secret::new(form_text(&bytes[colon + 1..])),
    })
}

fn form_text(bytes: &[u8]) -> String {
    let spaced: Vec<u8> = bytes.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let spaced = zeroize::Zeroizing::new(spaced);
    percent_decode(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_clients_send() {
        let form = Form::parse(b"grant_type=client_credentials&client_secret=a%2Bb+c%3D=&&x&empty=");
        assert_eq!(form.get("grant_type"), Some("client_credentials"));
        assert_eq!(form.get("client_secret"), Some("a+b c=="));
        assert_eq!(form.get("x"), None);
        assert_eq!(form.get("empty"), None);
        assert!(form.check().is_ok());
    }

    #[test]
    fn debug_output_has_names_and_no_values() {
        let shown = format!("{:?}", Form::parse(b"client_secret=hunter2"));
        assert!(shown.contains("client_secret") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_basic_header_is_decoded_twice() {
        let header = format!("basic {}", STANDARD.encode("an%2Did:a%3Ab:c+d"));
        let found = Credentials::find(&Form::parse(b""), Some(&header)).unwrap();
        assert_eq!((found.client_id.as_str(), found.secret.expose()), ("an-id", "a:b:c d"));
    }

    proptest! {
        #[test]
        fn any_body_and_any_header_are_read_or_refused(
            body in proptest::collection::vec(any::<u8>(), 0..200),
            header in "(Basic )?.{0,40}",
        ) {
            let form = Form::parse(&body);
            let _ = form.check();
            let _ = Credentials::find(&form, Some(&header));
        }
    }
}
