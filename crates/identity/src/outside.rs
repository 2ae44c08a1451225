//! Tokens of issuers that an operator trusts besides the built-in one.
//!
//! The operator says which issuer, for which audience, speaks for which tenant, and what the values of one claim permit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::{Clock, Permission, TenantId};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::authorize::{OutsideIdentity, TokenTimes};
use crate::published::{Egress, Published};
use crate::seconds::Seconds;
use crate::verify::AuthError;

const LEEWAY_SECONDS: i64 = 60;
const NAME_CHARACTERS_MAX: usize = 256;
const SUBJECT_BYTES_MAX: usize = 255;

/// An issuer that an operator trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideIssuer {
    /// As its tokens and its discovery document write it.
    pub issuer: String,
    /// A token has to be for one of them.
    pub audiences: Vec<String>,
    /// The tenant that its tokens are of.
    pub tenant: TenantId,
    /// The claim that says what a caller may do, such as `roles`, `groups` or `scp`.
    pub claim: String,
    /// What a value of it permits.
    pub permissions: BTreeMap<String, BTreeSet<Permission>>,
}

/// What a token of an outside issuer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OutsideCaller {
    pub tenant: TenantId,
    pub name: String,
    pub identity: OutsideIdentity,
    pub permissions: BTreeSet<Permission>,
    pub times: TokenTimes,
}

pub(crate) struct Outside {
    trusted: OutsideIssuer,
    clock: Arc<dyn Clock>,
    published: Published,
}

#[derive(Clone, Deserialize)]
struct Claims {
    iss: String,
    aud: Audience,
    exp: Seconds,
    #[serde(default)]
    nbf: Option<Seconds>,
    sub: String,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Outside {
    pub(crate) fn new(trusted: OutsideIssuer, egress: Arc<dyn Egress>, clock: Arc<dyn Clock>) -> Outside {
        let published = Published::new(trusted.issuer.clone(), egress, Arc::clone(&clock));
        Outside { trusted, clock, published }
    }

    pub(crate) fn issuer(&self) -> &str {
        self.published.issuer()
    }

    pub(crate) fn is_named_by(&self, token: &str) -> bool {
        self.published.is_named_by(token)
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<OutsideCaller, AuthError> {
        self.judge(self.published.claims(token).await?)
    }

    fn judge(&self, claims: Claims) -> Result<OutsideCaller, AuthError> {
        let now = self.clock.now().unix_seconds();
        if claims.iss != self.trusted.issuer {
            return Err(AuthError::WrongIssuer);
        }
        let audience = match &claims.aud {
            Audience::One(one) => one,
            Audience::Several(several) => match several.as_slice() {
                [one] => one,
                _ => return Err(AuthError::WrongAudience),
            },
        };
        if !self.trusted.audiences.contains(audience) {
            return Err(AuthError::WrongAudience);
        }
        if claims.exp.0 <= now {
            return Err(AuthError::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf.0 > now.saturating_add(LEEWAY_SECONDS)) {
            return Err(AuthError::NotYetValid);
        }
        let values = values(claims.rest.get(&self.trusted.claim));
        let permitted = values.iter().filter_map(|value| self.trusted.permissions.get(value));
        let permissions = permitted.flatten().copied().collect();
        if !is_subject(&claims.sub) {
            return Err(AuthError::Malformed);
        }
        let name = claims.azp.or(claims.client_id).unwrap_or_else(|| claims.sub.clone());
        let name = name.chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS_MAX).collect();
        let identity = OutsideIdentity { issuer: claims.iss, subject: claims.sub };
        let times = TokenTimes::of_seconds(claims.nbf.map_or(now, |nbf| nbf.0), claims.exp.0);
        Ok(OutsideCaller { tenant: self.trusted.tenant, name, identity, permissions, times })
    }
}

/// OpenID Connect Core, 2: at most 255 characters of ASCII.
pub(crate) fn is_subject(text: &str) -> bool {
    (1..=SUBJECT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The values of a claim that is text with blanks between, or a list.
pub(crate) fn values(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(words)) => words.split_ascii_whitespace().map(str::to_owned).collect(),
        Some(Value::Array(values)) => {
            values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        }
        _ => Vec::new(),
    }
}
