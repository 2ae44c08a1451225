//! What a token says.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{AppId, TenantId};
use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::error::IdentityError;
use crate::secret;

/// The two generations of tokens and token endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenVersion {
    /// `/{tenant}/oauth2/token`: the client names a `resource`.
    #[serde(rename = "1.0")]
    V1,
    /// `/{tenant}/oauth2/v2.0/token`: the client names a `scope`.
    #[serde(rename = "2.0")]
    V2,
}

/// `idtyp`: whom a token speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum TokenKind {
    #[serde(rename = "app")]
    App,
    #[serde(rename = "user")]
    User,
}

/// The claims of an access token.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub aud: String,
    pub iss: String,
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    /// The app, in a token of version 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub appid: Option<Uuid>,
    /// The app, in a token of version 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub azp: Option<Uuid>,
    pub app_displayname: String,
    pub idtyp: TokenKind,
    pub oid: Uuid,
    /// Application permissions. Absent when there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Delegated permissions and words of sign-in, with blanks between. In tokens of users, and in those alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scp: Option<String>,
    /// The sign-in that a token of a user belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The principal name, in a token of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upn: Option<String>,
    /// The principal name, in a token of version 2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    pub sub: String,
    pub tid: Uuid,
    /// The id of this one token.
    pub uti: String,
    pub ver: TokenVersion,
}

/// The `iss` of a tenant's tokens.
pub(crate) fn issuer(base: &str, tenant: TenantId, version: TokenVersion) -> String {
    match version {
        TokenVersion::V1 => format!("{base}/{tenant}/"),
        TokenVersion::V2 => format!("{base}/{tenant}/v2.0"),
    }
}

/// The object id of an app in a tenant, which is not the id of the app: the same for as long as both exist.
pub(crate) fn object_id(tenant: TenantId, app: AppId) -> Uuid {
    let both = [*tenant.0.as_bytes(), *app.0.as_bytes()].concat();
    let hash = digest::digest(&digest::SHA256, &both);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// The subject by which one app knows one user: no two apps can tell by it that they have the same user.
pub(crate) fn pairwise_subject(tenant: TenantId, app: AppId, user: Uuid) -> String {
    let all = [*tenant.0.as_bytes(), *app.0.as_bytes(), *user.as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &all))
}

pub(crate) fn token_id() -> Result<String, IdentityError> {
    let mut bytes = [0; 16];
    secret::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
