//! Tokens of issuers that an operator trusts besides the built-in one.
//!
//! The operator says which issuer, for which audience, speaks for which tenant, and what the values of one claim permit.
//! Keys come from the issuer's own discovery document and nowhere else; they are kept for an hour, and are read again
//! when a token names one that is not there, at most twice a minute.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use model::{Clock, Permission, TenantId, Ticks};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tracing::warn;

use crate::authorize::{OutsideIdentity, TokenTimes};
use crate::seconds::Seconds;
use crate::verify::AuthError;

const TOKEN_BYTES_MAX: usize = 16 * 1024;
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
const KEYS_MAX: usize = 64;
/// Keys that are older are read again.
const FRESH_SECONDS: i64 = 3_600;
/// Keys that are older are not believed even when they cannot be read again.
const STALE_SECONDS_MAX: i64 = 24 * 3_600;
/// The least time between two readings.
const RETRY_SECONDS: i64 = 30;
const LEEWAY_SECONDS: i64 = 60;
const NAME_CHARACTERS_MAX: usize = 256;
const SUBJECT_BYTES_MAX: usize = 255;

/// The way to the issuers that an operator configured.
#[async_trait]
pub trait Egress: Send + Sync {
    /// The body of the answer to a GET, where that is a success and no longer than `bytes_max`; else what went wrong.
    async fn get(&self, url: &str, bytes_max: usize) -> Result<Vec<u8>, String>;
}

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
    egress: Arc<dyn Egress>,
    clock: Arc<dyn Clock>,
    present: RwLock<Arc<Keys>>,
    /// When the keys were last asked for. Held while they are, so that one call asks for all.
    asked: Mutex<Option<Ticks>>,
}

#[derive(Default)]
struct Keys {
    keys: Vec<Key>,
    read: Option<Ticks>,
}

struct Key {
    id: Option<String>,
    algorithm: Option<Algorithm>,
    kind: Kind,
    decoding: DecodingKey,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
    Ed25519,
}

#[derive(Deserialize)]
struct Document {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
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
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Outside {
    pub(crate) fn new(trusted: OutsideIssuer, egress: Arc<dyn Egress>, clock: Arc<dyn Clock>) -> Outside {
        Outside { trusted, egress, clock, present: RwLock::default(), asked: Mutex::default() }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.trusted.issuer
    }

    /// Whether a token says that it is of this issuer. Nothing is believed by that but whose keys to judge it by.
    pub(crate) fn is_named_by(&self, token: &str) -> bool {
        #[derive(Deserialize)]
        struct Named {
            iss: String,
        }
        let payload = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_BYTES_MAX);
        let payload = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        let named = payload.and_then(|payload| serde_json::from_slice::<Named>(&payload).ok());
        named.is_some_and(|named| named.iss == self.trusted.issuer)
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<OutsideCaller, AuthError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::Malformed)?;
        let kind = kind_of(header.alg).ok_or(AuthError::WrongAlgorithm)?;
        let is_usual = |typ: &String| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt");
        if header.crit.is_some() || !header.typ.as_ref().is_none_or(is_usual) {
            return Err(AuthError::Malformed);
        }
        let keys = self.keys(header.kid.as_deref()).await?;
        let fits = |key: &&Key| {
            key.kind == kind
                && key.algorithm.is_none_or(|algorithm| algorithm == header.alg)
                && (header.kid.is_none() || key.id == header.kid)
        };
        let mut fitting = keys.keys.iter().filter(fits);
        // A token that names no key is judged by the only one that fits.
        let (Some(key), None) = (fitting.next(), fitting.next()) else { return Err(AuthError::UnknownKey) };
        self.judge(signed(token, header.alg, &key.decoding)?)
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
        let values = match claims.rest.get(&self.trusted.claim) {
            Some(Value::String(words)) => words.split_ascii_whitespace().map(str::to_owned).collect(),
            Some(Value::Array(values)) => {
                values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        let permitted = values.iter().filter_map(|value| self.trusted.permissions.get(value));
        let permissions = permitted.flatten().copied().collect();
        // OpenID Connect Core, 2: at most 255 characters of ASCII.
        let is_subject =
            (1..=SUBJECT_BYTES_MAX).contains(&claims.sub.len()) && !claims.sub.chars().any(char::is_control);
        if !is_subject {
            return Err(AuthError::Malformed);
        }
        let name = claims.azp.or(claims.client_id).unwrap_or_else(|| claims.sub.clone());
        let name = name.chars().filter(|c| !c.is_control()).take(NAME_CHARACTERS_MAX).collect();
        let identity = OutsideIdentity { issuer: claims.iss, subject: claims.sub };
        let times = TokenTimes::of_seconds(claims.nbf.map_or(now, |nbf| nbf.0), claims.exp.0);
        Ok(OutsideCaller { tenant: self.trusted.tenant, name, identity, permissions, times })
    }

    /// The keys, read again where they are old or do not have the one that is named.
    async fn keys(&self, id: Option<&str>) -> Result<Arc<Keys>, AuthError> {
        let now = self.clock.now();
        let present = self.present();
        let is_within = |keys: &Keys, seconds| keys.read.is_some_and(|read| now < read.plus_seconds(seconds));
        let has = |keys: &Keys| id.is_none_or(|id| keys.keys.iter().any(|key| key.id.as_deref() == Some(id)));
        if is_within(&present, FRESH_SECONDS) && has(&present) {
            return Ok(present);
        }
        let mut asked = self.asked.lock().await;
        // Another call may have read them while this one waited.
        let present = self.present();
        if is_within(&present, FRESH_SECONDS) && has(&present) {
            return Ok(present);
        }
        if asked.is_none_or(|asked| now >= asked.plus_seconds(RETRY_SECONDS) || now < asked) {
            *asked = Some(now);
            match self.read().await {
                Ok(keys) => {
                    let keys = Arc::new(Keys { keys, read: Some(now) });
                    *self.present.write().unwrap_or_else(PoisonError::into_inner) = keys;
                }
                Err(error) => {
                    warn!(issuer = %self.trusted.issuer, %error, "the keys of an issuer cannot be read")
                }
            }
        }
        let present = self.present();
        if is_within(&present, STALE_SECONDS_MAX) { Ok(present) } else { Err(AuthError::AccessUnavailable) }
    }

    async fn read(&self) -> Result<Vec<Key>, String> {
        let issuer = self.trusted.issuer.trim_end_matches('/');
        let address = format!("{issuer}/.well-known/openid-configuration");
        let document = self.egress.get(&address, DOCUMENT_BYTES_MAX).await?;
        let document: Document = serde_json::from_slice(&document).map_err(|error| error.to_string())?;
        if document.issuer != self.trusted.issuer {
            return Err(format!("the document at {address} is of another issuer"));
        }
        let published = self.egress.get(&document.jwks_uri, DOCUMENT_BYTES_MAX).await?;
        let published: Published = serde_json::from_slice(&published).map_err(|error| error.to_string())?;
        Ok(published.keys.into_iter().take(KEYS_MAX).filter_map(key).collect())
    }

    fn present(&self) -> Arc<Keys> {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A published key, where it is public, for signatures, and long enough.
fn key(published: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(published).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|to| *to != PublicKeyUse::Signature) {
        return None;
    }
    let kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            let bytes = URL_SAFE_NO_PAD.decode(&rsa.n).ok()?;
            let length = bytes.iter().skip_while(|byte| **byte == 0).count();
            (256..=1024).contains(&length).then_some(Kind::Rsa)?
        }
        AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
            jsonwebtoken::jwk::EllipticCurve::P256 => Kind::P256,
            jsonwebtoken::jwk::EllipticCurve::P384 => Kind::P384,
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(_) => Kind::Ed25519,
        _ => return None,
    };
    // One for another use, such as encryption, is no key of ours.
    let algorithm = jwk.common.key_algorithm.map(Algorithm::try_from).transpose().ok()?;
    let decoding = DecodingKey::from_jwk(&jwk).ok()?;
    Some(Key { id: jwk.common.key_id, algorithm, kind, decoding })
}

fn kind_of(algorithm: Algorithm) -> Option<Kind> {
    use Algorithm::*;
    match algorithm {
        RS256 | RS384 | RS512 | PS256 | PS384 | PS512 => Some(Kind::Rsa),
        ES256 => Some(Kind::P256),
        ES384 => Some(Kind::P384),
        EdDSA => Some(Kind::Ed25519),
        _ => None,
    }
}

fn signed(token: &str, algorithm: Algorithm, key: &DecodingKey) -> Result<Claims, AuthError> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    match jsonwebtoken::decode::<Claims>(token, key, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) => Err(match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => AuthError::BadSignature,
            jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => AuthError::WrongAlgorithm,
            _ => AuthError::Malformed,
        }),
    }
}
