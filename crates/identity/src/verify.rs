//! Who is calling? Reads and checks bearer tokens.
//!
//! Of a token it is kept that its signature was right, and nothing else. What the token says is cut down to what the store
//! says now of the app's grant, the user and the sign-in, which is remembered for some seconds: what was taken back is
//! noticed within a minute, however long the token lives.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use model::{AppId, ErrorKind, Permission, TenantId, Ticks};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::access::UserAccess;
use crate::authorize::{Caller, CallerKind, SignedIn, TokenTimes};
use crate::checked_tokens::CheckedToken;
use crate::claims::{self, Claims, TokenKind, TokenVersion};
use crate::config::normal_audience;
use crate::issuer::Issuer;
use crate::keys::SigningKey;
use crate::outside::OutsideCaller;
use crate::ring::Snapshot;

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
    #[error("the app of the bearer token is not known any more")]
    UnknownApp,
    #[error("the user of the bearer token is not known or cannot sign in")]
    UnknownUser,
    #[error("the user of the bearer token has signed out")]
    SignedOut,
    #[error("the bearer token was taken back")]
    TakenBack,
    #[error("what the caller may do cannot be looked up now")]
    AccessUnavailable,
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
            AuthError::Unavailable | AuthError::AccessUnavailable => ErrorKind::Unavailable,
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
        if let Some(outside) = self.outside.iter().find(|outside| outside.is_named_by(bearer)) {
            return self.outside_caller(Box::pin(outside.verify(bearer)).await?);
        }
        let checked = self.verified(bearer).await?;
        self.caller(&checked).await
    }

    /// An access token, once signature, issuer, audience, times and tenant are checked.
    pub(crate) async fn verified(&self, bearer: &str) -> Result<Arc<CheckedToken>, AuthError> {
        if bearer.len() > TOKEN_BYTES_MAX {
            return Err(AuthError::TooLong);
        }
        let mut snapshot = self.ring.snapshot();
        let known = self.checked.get(bearer).filter(|known| snapshot.key(&known.kid).is_some());
        let token = match known {
            Some(known) => known,
            None => {
                let kid = kid(bearer)?;
                if snapshot.key(&kid).is_none() {
                    snapshot = Box::pin(self.ring.refresh_if_due()).await;
                }
                let key = snapshot.key(&kid).ok_or(AuthError::UnknownKey)?;
                let claims = signed_claims(bearer, key)?;
                let is_ours = self.check_place(&claims);
                let token = Arc::new(CheckedToken::new(kid, claims, is_ours));
                self.checked.put(bearer, token.clone());
                token
            }
        };
        let claims = &token.claims;
        self.check_times(claims)?;
        token.is_ours?;
        let tenant = TenantId(claims.tid);
        if snapshot.tenant(tenant).is_none() {
            let snapshot = Box::pin(self.ring.refresh_if_due()).await;
            snapshot.tenant(tenant).ok_or(AuthError::UnknownTenant)?;
        }
        let is_of_user = claims.idtyp == TokenKind::User;
        if claims.scp.is_some() != is_of_user || claims.sid.is_some() != is_of_user {
            return Err(AuthError::Malformed);
        }
        Ok(token)
    }

    /// The holder of a token of an outside issuer, of which the operator says what it permits.
    fn outside_caller(&self, outside: OutsideCaller) -> Result<Caller, AuthError> {
        let OutsideCaller { tenant, name, identity, permissions, times } = outside;
        self.ring.snapshot().tenant(tenant).ok_or(AuthError::UnknownTenant)?;
        let permissions = permissions.into_iter().collect();
        let (scope, kind) = (Arc::default(), CallerKind::Application);
        let (outside, token) = (Some(Arc::new(identity)), Some(times));
        Ok(Caller { tenant, app: None, name, permissions, scope, kind, outside, token })
    }

    /// Who holds a token, and what of it still holds.
    pub(crate) async fn caller(&self, checked: &CheckedToken) -> Result<Caller, AuthError> {
        let claims = &checked.claims;
        let app = match claims.ver {
            TokenVersion::V1 => claims.appid,
            TokenVersion::V2 => claims.azp,
        };
        let app = AppId(app.ok_or(AuthError::Malformed)?);
        let times = TokenTimes::of_seconds(claims.iat, claims.exp);
        let (outside, token) = (None, Some(times));
        let tenant = TenantId(claims.tid);
        match (claims.idtyp, &claims.scp) {
            (TokenKind::App, None) => {
                let access = self.access.of_app(tenant, app).await?;
                let said = claims.roles.iter().filter_map(|name| Permission::from_application_name(name));
                let permissions = checked.allowed(said, &access);
                let (scope, kind) = (access.scope.clone(), CallerKind::Application);
                let (app, name) = (Some(app), claims.app_displayname.clone());
                Ok(Caller { tenant, app, name, permissions, scope, kind, outside, token })
            }
            (TokenKind::User, Some(scp)) if claims.roles.is_empty() => {
                let access = self.access.of_user(tenant, app, claims.oid, claims.sid).await?;
                let user = access.user.as_ref().ok_or(AuthError::UnknownUser)?;
                check_taken_back(user, times.issued)?;
                let said = scp.split_ascii_whitespace().filter_map(Permission::from_delegated_name);
                let permissions = checked.allowed(said, &access);
                let signed_in =
                    SignedIn { user: claims.oid, sign_in: claims.sid, rights: user.rights.clone() };
                let (scope, kind) = (access.scope.clone(), CallerKind::User(signed_in));
                let name = user.principal_name.clone();
                Ok(Caller { tenant, app: Some(app), name, permissions, scope, kind, outside, token })
            }
            _ => Err(AuthError::Malformed),
        }
    }

    /// A caller that was known before, with what of its permissions and roles holds now: for answers that take long.
    pub async fn again(&self, caller: &Caller) -> Result<Caller, AuthError> {
        if caller.token.is_some_and(|token| token.expires <= self.clock.now()) {
            return Err(AuthError::Expired);
        }
        // What tokens of outside issuers permit is not kept here.
        let Some(app) = caller.app else { return Ok(caller.clone()) };
        let (access, kind) = match &caller.kind {
            CallerKind::Application => {
                (self.access.of_app(caller.tenant, app).await?, CallerKind::Application)
            }
            CallerKind::User(signed_in) => {
                let SignedIn { user, sign_in, .. } = *signed_in;
                let access = self.access.of_user(caller.tenant, app, user, sign_in).await?;
                let known = access.user.as_ref().ok_or(AuthError::UnknownUser)?;
                if let Some(token) = caller.token {
                    check_taken_back(known, token.issued)?;
                }
                let rights = known.rights.clone();
                (access, CallerKind::User(SignedIn { user, sign_in, rights }))
            }
        };
        let permissions = access.still_granted(caller.permissions.iter().copied());
        Ok(Caller { permissions, scope: access.scope.clone(), kind, ..caller.clone() })
    }

    fn check_times(&self, claims: &Claims) -> Result<(), AuthError> {
        let now = self.clock.now().unix_seconds();
        if claims.exp <= now {
            return Err(AuthError::Expired);
        }
        if claims.nbf > now + NOT_BEFORE_LEEWAY_SECONDS {
            return Err(AuthError::NotYetValid);
        }
        Ok(())
    }

    fn check_place(&self, claims: &Claims) -> Result<(), AuthError> {
        if claims.iss != claims::issuer(&self.config.issuer_base, TenantId(claims.tid), claims.ver) {
            return Err(AuthError::WrongIssuer);
        }
        if !self.audiences.contains(&normal_audience(&claims.aud)) {
            return Err(AuthError::WrongAudience);
        }
        Ok(())
    }
}

/// The claims of any token that one of our keys signed, unjudged.
pub(crate) fn claims_signed_by_us(snapshot: &Snapshot, token: &str) -> Result<Value, AuthError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(AuthError::TooLong);
    }
    let key = snapshot.key(&kid(token)?).ok_or(AuthError::UnknownKey)?;
    signed_claims(token, key)
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
    // RFC 8725, 3.11: what was made for another use is not taken for this one.
    if header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT") && !typ.eq_ignore_ascii_case("at+jwt")) {
        return Err(AuthError::Malformed);
    }
    header.kid.ok_or(AuthError::UnknownKey)
}

/// The claims of a token that `key` signed. What they say is left to the caller, who has the clock.
///
/// By the parsed key, since the library's `decode` would parse the public key for every token.
fn signed_claims<T: DeserializeOwned>(bearer: &str, key: &SigningKey) -> Result<T, AuthError> {
    let (message, signature) = bearer.rsplit_once('.').ok_or(AuthError::Malformed)?;
    let (_, claims) = message.split_once('.').ok_or(AuthError::Malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| AuthError::Malformed);
    let (claims, signature) = (decode(claims)?, decode(signature)?);
    if !key.signed(message.as_bytes(), &signature) {
        return Err(AuthError::BadSignature);
    }
    serde_json::from_slice(&claims).map_err(|_| AuthError::Malformed)
}

/// Refuses what was issued to a user before his tokens were taken back.
fn check_taken_back(user: &UserAccess, issued: Ticks) -> Result<(), AuthError> {
    if issued.unix_seconds() < user.tokens_from.unix_seconds() { Err(AuthError::TakenBack) } else { Ok(()) }
}
