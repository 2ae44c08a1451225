//! Who is calling? Reads and checks bearer tokens.
//!
//! Nothing is read from the database for a token whose key and tenant are known, and the verdict on one
//! token is not kept. A consent that is taken back is therefore noticed when the token expires; shortening
//! that to a minute needs the grants in the snapshot too.

use jsonwebtoken::errors::ErrorKind as JwtErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use model::{AppId, ErrorKind, Permission, TenantId};

use crate::authorize::{Caller, CallerKind};
use crate::claims::{self, Claims, TokenVersion};
use crate::config::normal_audience;
use crate::issuer::Issuer;

const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// How far the clock that issued may be ahead of the one that verifies. Expiry has no leeway.
const NOT_BEFORE_LEEWAY_SECONDS: i64 = 60;

/// Why a caller is not known. The text is fit for the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    #[error("the Authorization header with a bearer token is missing")]
    Missing,
    #[error("the bearer token is too long")]
    TooLong,
    #[error("the bearer token is malformed")]
    Malformed,
    #[error("the bearer token is not signed by RS256")]
    WrongAlgorithm,
    #[error("the bearer token is signed by an unknown key")]
    UnknownKey,
    #[error("the signature of the bearer token is not valid")]
    BadSignature,
    #[error("the bearer token has expired")]
    Expired,
    #[error("the bearer token is not valid yet")]
    NotYetValid,
    #[error("the bearer token is for another audience")]
    WrongAudience,
    #[error("the bearer token is of another issuer")]
    WrongIssuer,
    #[error("the bearer token is of an unknown tenant")]
    UnknownTenant,
    #[error("the Authorization header cannot be read; it takes Bearer, Splunk or Basic credentials")]
    MalformedCredentials,
    #[error("the client id and secret are not valid")]
    WrongSecret,
    #[error("the secret of the client has expired")]
    ExpiredSecret,
    #[error("the client id and secret cannot be checked now")]
    Unavailable,
}

impl AuthError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            AuthError::Unavailable => ErrorKind::Unavailable,
            _ => ErrorKind::Unauthorized,
        }
    }
}

/// The token in the value of an `Authorization` header.
pub fn bearer_token(authorization: Option<&str>) -> Result<&str, AuthError> {
    let (scheme, token) = authorization.and_then(|h| h.trim().split_once(' ')).ok_or(AuthError::Missing)?;
    if scheme.eq_ignore_ascii_case("Bearer") { Ok(token.trim()) } else { Err(AuthError::Missing) }
}

impl Issuer {
    /// The caller whose token this is, once signature, issuer, audience, times and tenant are checked.
    pub async fn verify(&self, bearer: &str) -> Result<Caller, AuthError> {
        if bearer.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::TooLong);
        }
        let kid = kid(bearer)?;
        let mut snapshot = self.ring.snapshot();
        if snapshot.key(&kid).is_none() {
            snapshot = self.ring.refresh_if_due().await;
        }
        let key = snapshot.key(&kid).ok_or(AuthError::UnknownKey)?;
        let claims = signed_claims(bearer, key.verifying())?;
        self.check(&claims)?;
        let tenant = TenantId(claims.tid);
        if snapshot.tenant(tenant).is_none() {
            let snapshot = self.ring.refresh_if_due().await;
            snapshot.tenant(tenant).ok_or(AuthError::UnknownTenant)?;
        }
        caller(claims)
    }

    fn check(&self, claims: &Claims) -> Result<(), AuthError> {
        let now = self.clock.now().unix_seconds();
        if claims.exp <= now {
            return Err(AuthError::Expired);
        }
        if claims.nbf > now + NOT_BEFORE_LEEWAY_SECONDS {
            return Err(AuthError::NotYetValid);
        }
        if claims.iss != claims::issuer(&self.config.issuer_base, TenantId(claims.tid), claims.ver) {
            return Err(AuthError::WrongIssuer);
        }
        if !self.audiences.contains(&normal_audience(&claims.aud)) {
            return Err(AuthError::WrongAudience);
        }
        Ok(())
    }
}

/// The id of the key that a token says it is signed with.
fn kid(bearer: &str) -> Result<String, AuthError> {
    let header = jsonwebtoken::decode_header(bearer).map_err(|_| AuthError::Malformed)?;
    if header.alg != Algorithm::RS256 {
        return Err(AuthError::WrongAlgorithm);
    }
    // RFC 7515, 4.1.11: who does not understand an extension that is marked so must refuse the token.
    if header.crit.is_some() {
        return Err(AuthError::Malformed);
    }
    header.kid.ok_or(AuthError::UnknownKey)
}

/// The claims of a token that `key` signed. What they say is left to the caller, who has the clock.
fn signed_claims(bearer: &str, key: &DecodingKey) -> Result<Claims, AuthError> {
    let mut validation = Validation::new(Algorithm::RS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    match jsonwebtoken::decode::<Claims>(bearer, key, &validation) {
        Ok(token) => Ok(token.claims),
        Err(error) => Err(match error.kind() {
            JwtErrorKind::InvalidSignature => AuthError::BadSignature,
            JwtErrorKind::InvalidAlgorithm => AuthError::WrongAlgorithm,
            _ => AuthError::Malformed,
        }),
    }
}

fn caller(claims: Claims) -> Result<Caller, AuthError> {
    let app = match claims.ver {
        TokenVersion::V1 => claims.appid,
        TokenVersion::V2 => claims.azp,
    };
    let permissions = claims.roles.iter().filter_map(|role| Permission::from_application_name(role));
    Ok(Caller {
        tenant: TenantId(claims.tid),
        app: Some(AppId(app.ok_or(AuthError::Malformed)?)),
        name: claims.app_displayname,
        permissions: permissions.collect(),
        kind: CallerKind::Application,
    })
}
