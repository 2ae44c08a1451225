//! The issuer: the one handle through which tokens are issued and verified.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use model::{Clock, TenantId};
use serde_json::{Value, json};
use store::{Store, Tenant};

use crate::config::{IssuerConfig, normal_audience};
use crate::error::{IdentityError, store};
use crate::keys::SealingKey;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::ring::{Ring, Snapshot};

/// Issues tokens, publishes what verifies them, and verifies them.
pub struct Issuer {
    pub(crate) store: Store,
    pub(crate) config: IssuerConfig,
    /// The resource names that are ours, as [`normal_audience`] writes them.
    pub(crate) audiences: HashSet<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ring: Ring,
}

impl Issuer {
    /// Reads keys and tenants from the store. At the very first start it makes a signing key and stores it
    /// sealed under `sealing`; a key that was sealed otherwise is an error.
    pub async fn open(
        store: Store,
        sealing: SealingKey,
        config: IssuerConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<Issuer, IdentityError> {
        let ring = Ring::open(store.clone(), sealing, Arc::clone(&clock)).await?;
        let audiences = config.audiences.iter().map(|name| normal_audience(name)).collect();
        let issuer_base = config.issuer_base.trim_end_matches('/').to_owned();
        let config = IssuerConfig { issuer_base, ..config };
        Ok(Issuer { store, config, audiences, clock, ring })
    }

    /// The document with the public keys: those that sign and those that did and are not retired.
    pub fn jwks(&self) -> Value {
        let snapshot = self.ring.snapshot();
        let keys = snapshot.keys().map(|key| key.jwk());
        json!({ "keys": keys.collect::<Vec<_>>() })
    }

    /// Makes a new signing key. The older ones go on verifying until they are retired. Returns its `kid`.
    pub async fn rotate_signing_key(&self) -> Result<String, IdentityError> {
        self.ring.rotate().await
    }

    /// Stops trusting a key: tokens that it signed are refused from now on here, and elsewhere from the next
    /// refresh. When it was the last key, a new one is made.
    pub async fn retire_signing_key(&self, kid: &str) -> Result<(), IdentityError> {
        let retired = self.store.retire_signing_key(kid, self.clock.now()).await;
        retired.map_err(store("retire a signing key"))?;
        self.ring.refresh().await
    }

    /// Reads keys and tenants again. To be called now and then where other processes change the same store:
    /// what was added is noticed without it, what was retired is not.
    pub async fn refresh(&self) -> Result<(), IdentityError> {
        self.ring.refresh().await
    }

    /// An error that is not about a token request, such as one of the wrong method.
    pub fn oauth_error(&self, problem: OAuthProblem) -> OAuthError {
        OAuthError::new(problem, self.clock.now())
    }

    /// The tenant that the first segment of a path names by its id or domain.
    pub(crate) async fn tenant_of(&self, segment: &str) -> Result<Tenant, OAuthProblem> {
        if segment.is_empty() || is_any_tenant(segment) {
            return Err(OAuthProblem::NoTenant);
        }
        let id = segment.parse::<TenantId>().ok();
        let find = |snapshot: &Snapshot| match id {
            Some(id) => snapshot.tenant(id).cloned(),
            None => snapshot.tenant_by_domain(segment).cloned(),
        };
        if let Some(tenant) = find(&self.ring.snapshot()) {
            return Ok(tenant);
        }
        let unknown = || OAuthProblem::UnknownTenant { tenant: segment.to_owned() };
        let snapshot = self.ring.refresh_if_due().await;
        find(&snapshot).ok_or_else(unknown)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("issuer_base", &self.config.issuer_base).finish_non_exhaustive()
    }
}

/// Whether a segment stands for whatever tenant the user who signs in belongs to.
pub(crate) fn is_any_tenant(segment: &str) -> bool {
    ["common", "organizations", "consumers"].iter().any(|word| segment.eq_ignore_ascii_case(word))
}
