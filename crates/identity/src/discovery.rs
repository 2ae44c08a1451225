//! The documents in which clients look up the endpoints. They list what exists and nothing else.

use serde_json::{Value, json};

use crate::claims::{TokenVersion, issuer};
use crate::config::host_of;
use crate::issuer::{Issuer, is_any_tenant};
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::scope::SIGN_IN_WORDS;

/// How clients prove themselves; `none` is for those that cannot keep a secret.
static CLIENTS: [&str; 4] = ["client_secret_post", "client_secret_basic", "private_key_jwt", "none"];

impl Issuer {
    /// `/{tenant}/v2.0/.well-known/openid-configuration`
    pub async fn discovery_v2(&self, tenant: &str) -> Result<Value, OAuthError> {
        self.discovery(tenant, TokenVersion::V2).await
    }

    /// `/{tenant}/.well-known/openid-configuration`
    pub async fn discovery_v1(&self, tenant: &str) -> Result<Value, OAuthError> {
        self.discovery(tenant, TokenVersion::V1).await
    }

    /// `/common/discovery/instance`: whether a sign-in host is trusted, and by what names it goes.
    ///
    /// The names of one host are never mixed with those of another: clients share cached tokens between the
    /// names of a host.
    pub fn instance_discovery(&self, authorization_endpoint: &str) -> Result<Value, OAuthError> {
        let base = &self.config.issuer_base;
        let unknown = || {
            self.oauth_error(OAuthProblem::UnknownInstance { authority: authorization_endpoint.to_owned() })
        };
        let host = host_of(authorization_endpoint).ok_or_else(unknown)?;
        let mut hosts = self.config.authority_hosts.iter().map(String::as_str).chain(host_of(base));
        let host = hosts.find(|known| known.eq_ignore_ascii_case(host)).ok_or_else(unknown)?;
        let tenant = authorization_endpoint.split('/').nth(3).filter(|t| is_tenant_segment(t));
        let tenant = tenant.ok_or_else(unknown)?;
        let version = if authorization_endpoint.contains("/v2.0/") { "/v2.0" } else { "" };
        Ok(json!({
            "tenant_discovery_endpoint": format!("{base}/{tenant}{version}/.well-known/openid-configuration"),
            "api-version": "1.1",
            "metadata": [{ "preferred_network": host, "preferred_cache": host, "aliases": [host] }],
        }))
    }

    async fn discovery(&self, segment: &str, version: TokenVersion) -> Result<Value, OAuthError> {
        let base = &self.config.issuer_base;
        let is_any = is_any_tenant(segment);
        let (tenant, issuer) = if is_any {
            let version = if version == TokenVersion::V2 { "v2.0" } else { "" };
            (segment.to_ascii_lowercase(), format!("{base}/{{tenantid}}/{version}"))
        } else {
            let tenant = self.tenant_of(segment).await.map_err(|problem| self.oauth_error(problem))?;
            (tenant.id.to_string(), issuer(base, tenant.id, version))
        };
        let (endpoints, keys) = match version {
            TokenVersion::V1 => (format!("{base}/{tenant}/oauth2"), "discovery/keys"),
            TokenVersion::V2 => (format!("{base}/{tenant}/oauth2/v2.0"), "discovery/v2.0/keys"),
        };
        Ok(json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{endpoints}/authorize"),
            "token_endpoint": format!("{endpoints}/token"),
            "device_authorization_endpoint": format!("{endpoints}/devicecode"),
            "end_session_endpoint": format!("{endpoints}/logout"),
            "userinfo_endpoint": format!("{base}/{tenant}/openid/userinfo"),
            "introspection_endpoint": format!("{endpoints}/introspect"),
            "revocation_endpoint": format!("{endpoints}/revoke"),
            "jwks_uri": format!("{base}/{tenant}/{keys}"),
            "token_endpoint_auth_methods_supported": CLIENTS,
            "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
            "introspection_endpoint_auth_methods_supported": &CLIENTS[..3],
            "introspection_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
            "revocation_endpoint_auth_methods_supported": CLIENTS,
            "revocation_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256"],
            "grant_types_supported": [
                "authorization_code",
                "client_credentials",
                "password",
                "refresh_token",
                "urn:ietf:params:oauth:grant-type:device_code",
            ],
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "fragment", "form_post"],
            "code_challenge_methods_supported": ["S256"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": SIGN_IN_WORDS,
            "claims_supported": [
                "aud", "iss", "iat", "nbf", "exp", "auth_time", "amr", "at_hash", "nonce", "oid", "sid", "sub", "tid",
                "ver", "name", "preferred_username", "upn", "email",
            ],
            "authorization_response_iss_parameter_supported": !is_any,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
        }))
    }
}

/// Whether a text from outside may stand as a segment of a URL that we hand out.
fn is_tenant_segment(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}
