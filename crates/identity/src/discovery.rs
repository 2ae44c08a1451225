//! The documents in which clients look up the endpoints.
//!
//! They list what exists and nothing else, but for `authorization_endpoint`: the specification demands it and
//! clients do not start without it.

use serde_json::{Value, json};

use crate::claims::{TokenVersion, issuer};
use crate::config::host_of;
use crate::issuer::{Issuer, is_any_tenant};
use crate::oauth_error::{OAuthError, OAuthProblem};

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
        let (tenant, issuer) = if is_any_tenant(segment) {
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
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "jwks_uri": format!("{base}/{tenant}/{keys}"),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }))
    }
}

/// Whether a text from outside may stand as a segment of a URL that we hand out.
fn is_tenant_segment(text: &str) -> bool {
    (1..=253).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
}
