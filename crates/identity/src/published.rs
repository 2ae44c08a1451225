//! What an outside issuer publishes: its discovery document, and the keys that its signatures are judged by.
//!
//! Both come from the issuer's own address and nowhere else. They are kept for an hour, and are read again when a token
//! names a key that is not there, at most twice a minute.

use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use model::{Clock, Ticks};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::warn;

use crate::secret::Secret;
use crate::verify::AuthError;

const TOKEN_BYTES_MAX: usize = 16 * 1024;
pub(crate) const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
const KEYS_MAX: usize = 64;
/// What is older is read again.
const FRESH_SECONDS: i64 = 3_600;
/// What is older is not believed even when it cannot be read again.
const STALE_SECONDS_MAX: i64 = 24 * 3_600;
/// The least time between two readings.
const RETRY_SECONDS: i64 = 30;

/// A request to an issuer that an operator configured.
#[derive(Debug)]
pub struct EgressRequest<'a> {
    pub url: &'a str,
    /// The value of the `Authorization` header.
    pub authorization: Option<Secret>,
    /// The body of a POST, form-encoded; none is a GET.
    pub form: Option<Secret>,
}

impl<'a> EgressRequest<'a> {
    pub fn get(url: &'a str) -> EgressRequest<'a> {
        EgressRequest { url, authorization: None, form: None }
    }
}

/// The way to the issuers that an operator configured.
#[async_trait]
pub trait Egress: Send + Sync {
    /// The body of the answer, where that is a success and no longer than `bytes_max`; else what went wrong.
    async fn send(&self, request: EgressRequest<'_>, bytes_max: usize) -> Result<Vec<u8>, String>;
}

/// The documents of one issuer, as they were last read.
pub(crate) struct Published {
    issuer: String,
    egress: Arc<dyn Egress>,
    clock: Arc<dyn Clock>,
    present: RwLock<Arc<Documents>>,
    /// When they were last asked for. Held while they are, so that one call asks for all.
    asked: Mutex<Option<Ticks>>,
}

/// The discovery document, and the keys it leads to.
#[derive(Default)]
pub(crate) struct Documents {
    pub discovery: Discovery,
    keys: Vec<Key>,
    read: Option<Ticks>,
}

/// What is used of a discovery document (OpenID Connect Discovery, 3).
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Discovery {
    issuer: String,
    jwks_uri: String,
    #[serde(default)]
    pub authorization_endpoint: Option<String>,
    #[serde(default)]
    pub token_endpoint: Option<String>,
    #[serde(default)]
    pub userinfo_endpoint: Option<String>,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// RFC 9207, 3.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
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
struct KeySet {
    keys: Vec<Value>,
}

impl Published {
    pub fn new(issuer: String, egress: Arc<dyn Egress>, clock: Arc<dyn Clock>) -> Published {
        Published { issuer, egress, clock, present: RwLock::default(), asked: Mutex::default() }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn egress(&self) -> &dyn Egress {
        self.egress.as_ref()
    }

    /// Whether a token says that it is of this issuer. Nothing is believed by that but whose keys to judge it by.
    pub fn is_named_by(&self, token: &str) -> bool {
        #[derive(Deserialize)]
        struct Named {
            iss: String,
        }
        let payload = token.split('.').nth(1).filter(|_| token.len() <= TOKEN_BYTES_MAX);
        let payload = payload.and_then(|payload| URL_SAFE_NO_PAD.decode(payload).ok());
        let named = payload.and_then(|payload| serde_json::from_slice::<Named>(&payload).ok());
        named.is_some_and(|named| named.iss == self.issuer)
    }

    /// The claims of a token that the issuer signed. They are yet to be judged.
    pub async fn claims<C: DeserializeOwned + Clone>(&self, token: &str) -> Result<C, AuthError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| AuthError::Malformed)?;
        let kind = kind_of(header.alg).ok_or(AuthError::WrongAlgorithm)?;
        let is_usual = |typ: &String| typ.eq_ignore_ascii_case("JWT") || typ.eq_ignore_ascii_case("at+jwt");
        if header.crit.is_some() || !header.typ.as_ref().is_none_or(is_usual) {
            return Err(AuthError::Malformed);
        }
        let documents = self.documents(header.kid.as_deref()).await?;
        let fits = |key: &&Key| {
            key.kind == kind
                && key.algorithm.is_none_or(|algorithm| algorithm == header.alg)
                && (header.kid.is_none() || key.id == header.kid)
        };
        let mut fitting = documents.keys.iter().filter(fits);
        // A token that names no key is judged by the only one that fits.
        let (Some(key), None) = (fitting.next(), fitting.next()) else { return Err(AuthError::UnknownKey) };
        signed(token, header.alg, &key.decoding)
    }

    /// The documents, read again where they are old or do not have the key that is named.
    pub async fn documents(&self, key: Option<&str>) -> Result<Arc<Documents>, AuthError> {
        let now = self.clock.now();
        let present = self.present();
        let is_within =
            |known: &Documents, seconds| known.read.is_some_and(|read| now < read.plus_seconds(seconds));
        let has = |known: &Documents| {
            key.is_none_or(|id| known.keys.iter().any(|key| key.id.as_deref() == Some(id)))
        };
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
            match self.read(now).await {
                Ok(documents) => {
                    *self.present.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(documents);
                }
                Err(error) => {
                    warn!(issuer = %self.issuer, %error, "the documents of an issuer cannot be read")
                }
            }
        }
        let present = self.present();
        if is_within(&present, STALE_SECONDS_MAX) { Ok(present) } else { Err(AuthError::AccessUnavailable) }
    }

    async fn read(&self, now: Ticks) -> Result<Documents, String> {
        let issuer = self.issuer.trim_end_matches('/');
        let address = format!("{issuer}/.well-known/openid-configuration");
        let discovery = self.egress.send(EgressRequest::get(&address), DOCUMENT_BYTES_MAX).await?;
        let discovery: Discovery = serde_json::from_slice(&discovery).map_err(|error| error.to_string())?;
        if discovery.issuer != self.issuer {
            return Err(format!("the document at {address} is of another issuer"));
        }
        let keys = self.egress.send(EgressRequest::get(&discovery.jwks_uri), DOCUMENT_BYTES_MAX).await?;
        let keys: KeySet = serde_json::from_slice(&keys).map_err(|error| error.to_string())?;
        let keys = keys.keys.into_iter().take(KEYS_MAX).filter_map(key).collect();
        Ok(Documents { discovery, keys, read: Some(now) })
    }

    fn present(&self) -> Arc<Documents> {
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

fn signed<C: DeserializeOwned + Clone>(
    token: &str,
    algorithm: Algorithm,
    key: &DecodingKey,
) -> Result<C, AuthError> {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    match jsonwebtoken::decode::<C>(token, key, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) => Err(match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => AuthError::BadSignature,
            jsonwebtoken::errors::ErrorKind::InvalidAlgorithm => AuthError::WrongAlgorithm,
            _ => AuthError::Malformed,
        }),
    }
}
