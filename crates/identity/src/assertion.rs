//! Clients that prove themselves by a signed assertion (RFC 7523) and a registered certificate.
//!
//! The header of an assertion chooses among the certificates of the app and nothing more: keys that come with it, or
//! addresses of keys, are never used.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;
use store::{AppCertificate, Tenant};

use crate::certificate::{self, SignedBy, hex};
use crate::client::KnownApp;
use crate::issuer::Issuer;
use crate::oauth_error::OAuthProblem;
use crate::refusal::Refusal;
use crate::seconds::Seconds;
use crate::secret::sha256;
use crate::token::store_problem;

const BYTES_MAX: usize = 24 * 1024;
const JTI_BYTES_MAX: usize = 512;
const LIFE_SECONDS_MAX: i64 = 24 * 3_600;
const LEEWAY_SECONDS: i64 = 60;

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    x5t: Option<String>,
    #[serde(default, rename = "x5t#S256")]
    x5t_s256: Option<String>,
    #[serde(default)]
    x5c: Option<Vec<String>>,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: Seconds,
    #[serde(default)]
    nbf: Option<Seconds>,
    #[serde(default)]
    iat: Option<Seconds>,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Issuer {
    /// Whether the app signed the assertion, for this issuer, now, and for the first time.
    pub(crate) async fn check_assertion(
        &self,
        tenant: Option<&Tenant>,
        known: &KnownApp,
        assertion: &str,
    ) -> Result<(), OAuthProblem> {
        if assertion.len() > BYTES_MAX {
            return Err(Refusal::AssertionMalformed.into());
        }
        let parts = parts(assertion).ok_or(Refusal::AssertionMalformed)?;
        let Parts { header, message, payload, signature } = parts;
        let header: Header = serde_json::from_slice(&header).map_err(|_| Refusal::AssertionMalformed)?;
        let by = match header.alg.as_str() {
            "RS256" => SignedBy::Rs256,
            "PS256" => SignedBy::Ps256,
            _ => return Err(Refusal::AssertionMalformed.into()),
        };
        if header.crit.is_some() || !is_usual_type(header.typ.as_deref()) {
            return Err(Refusal::AssertionMalformed.into());
        }
        let app = known.app.id;
        let certificates =
            self.store.tenant(known.home).app_certificates(app).await.map_err(store_problem)?;
        let certificate = chosen(&header, &certificates).ok_or(Refusal::AssertionSignature)?;
        if !certificate::verifies(&certificate.der, by, message.as_bytes(), &signature) {
            return Err(Refusal::AssertionSignature.into());
        }
        let now = self.clock.now();
        if certificate.not_after <= now || certificate.not_before > now.plus_seconds(LEEWAY_SECONDS) {
            return Err(Refusal::AssertionCertificateExpired.into());
        }
        let claims: Claims = serde_json::from_slice(&payload).map_err(|_| Refusal::AssertionMalformed)?;
        if claims.iss != claims.sub || claims.sub.parse() != Ok(app) {
            return Err(Refusal::AssertionSubject.into());
        }
        let audience = match &claims.aud {
            Audience::One(one) => one,
            Audience::Several(several) => match several.as_slice() {
                [one] => one,
                _ => return Err(Refusal::AssertionAudience.into()),
            },
        };
        if !self.is_assertion_audience(audience, tenant) {
            return Err(Refusal::AssertionAudience.into());
        }
        let second = now.unix_seconds();
        let starts = claims.nbf.into_iter().chain(claims.iat).max().map_or(second, |Seconds(starts)| starts);
        let Seconds(exp) = claims.exp;
        if exp <= second
            || exp > second.saturating_add(LIFE_SECONDS_MAX)
            || starts > second.saturating_add(LEEWAY_SECONDS)
        {
            return Err(Refusal::AssertionTimes.into());
        }
        if claims.jti.is_empty() || claims.jti.len() > JTI_BYTES_MAX {
            return Err(Refusal::AssertionMalformed.into());
        }
        let hash = sha256(&[app.0.as_bytes(), claims.jti.as_bytes()]);
        let expires = now.plus_seconds(exp - second + LEEWAY_SECONDS);
        match self.store.take_assertion(&hash, expires).await.map_err(store_problem)? {
            true => Ok(()),
            false => Err(Refusal::AssertionReplayed.into()),
        }
    }

    /// An endpoint or issuer of the tenant, under our name or one that clients know us by.
    fn is_assertion_audience(&self, audience: &str, tenant: Option<&Tenant>) -> bool {
        let own = [self.config.issuer_base.clone()];
        let names = self.config.authority_hosts.iter().map(|host| format!("https://{host}"));
        let Some(rest) = own.into_iter().chain(names).find_map(|base| {
            let rest = audience.get(..base.len())?;
            rest.eq_ignore_ascii_case(&base).then(|| &audience[base.len()..])
        }) else {
            return false;
        };
        let Some((segment, path)) = rest.strip_prefix('/').and_then(|rest| rest.split_once('/')) else {
            return false;
        };
        let is_tenant = match tenant {
            None => crate::issuer::is_any_tenant(segment),
            Some(tenant) => {
                segment.eq_ignore_ascii_case(&tenant.id.to_string())
                    || segment.eq_ignore_ascii_case(&tenant.domain)
            }
        };
        let paths = ["oauth2/v2.0/token", "oauth2/token", "v2.0", ""];
        is_tenant && paths.contains(&path.strip_suffix('/').unwrap_or(path))
    }
}

/// A compact JWT, taken apart.
struct Parts<'a> {
    header: Vec<u8>,
    message: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

fn parts(jwt: &str) -> Option<Parts<'_>> {
    let (message, signature) = jwt.rsplit_once('.')?;
    let (header, payload) = message.split_once('.')?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    Some(Parts { header: decode(header)?, message, payload: decode(payload)?, signature: decode(signature)? })
}

fn is_usual_type(typ: Option<&str>) -> bool {
    let usual = ["JWT", "client-authentication+jwt"];
    typ.is_none_or(|typ| usual.iter().any(|usual| usual.eq_ignore_ascii_case(typ)))
}

/// The registered certificate that a header means. Where it names one in several ways, all have to mean the same.
fn chosen<'a>(header: &Header, certificates: &'a [AppCertificate]) -> Option<&'a AppCertificate> {
    let mut named = Vec::new();
    if let Some(thumbprint) = &header.x5t_s256 {
        let thumbprint = hex(&lenient(thumbprint)?);
        named.push(certificates.iter().find(|known| known.sha256 == thumbprint)?);
    }
    if let Some(thumbprint) = &header.x5t {
        let thumbprint = hex(&lenient(thumbprint)?);
        named.push(certificates.iter().find(|known| known.sha1 == thumbprint)?);
    }
    if let Some(chain) = &header.x5c {
        let leaf: String = chain.first()?.split_ascii_whitespace().collect();
        let leaf = STANDARD.decode(leaf).ok()?;
        named.push(certificates.iter().find(|known| known.der == leaf)?);
    }
    if named.is_empty() {
        let kid = header.kid.as_ref()?;
        named.push(certificates.iter().find(|known| known.sha1.eq_ignore_ascii_case(kid))?);
    }
    let first = named.first().copied()?;
    named.iter().all(|other| other.sha256 == first.sha256).then_some(first)
}

/// Thumbprints are base64url; some clients use the other alphabet, or pad.
fn lenient(text: &str) -> Option<Vec<u8>> {
    let text: String = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
    URL_SAFE_NO_PAD.decode(text).ok()
}
