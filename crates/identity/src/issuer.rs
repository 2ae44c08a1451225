//! The issuer: the one handle through which tokens are issued and verified.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use aws_lc_rs::hmac;
use model::{Clock, TenantId};
use serde_json::{Value, json};
use store::{Store, Tenant};
use uuid::Uuid;

use crate::access::AccessMemory;
use crate::attempts::Attempts;
use crate::checked_tokens::CheckedTokens;
use crate::config::{IssuerConfig, normal_audience};
use crate::error::{IdentityError, store};
use crate::hashing::HashSlots;
use crate::keys::SealingKey;
use crate::network::Network;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::outside::{Outside, OutsideIssuer};
use crate::passkeys::RelyingParty;
use crate::provider::{KnownProvider, Provider};
use crate::published::Egress;
use crate::ring::{Ring, Snapshot};

/// Issues tokens, publishes what verifies them, and verifies them.
pub struct Issuer {
    pub(crate) store: Store,
    pub(crate) config: IssuerConfig,
    /// The resource names that are ours, as [`normal_audience`] writes them.
    pub(crate) audiences: HashSet<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ring: Ring,
    pub(crate) access: AccessMemory,
    pub(crate) checked: CheckedTokens,
    /// Wrong passwords, by account and network.
    pub(crate) attempts: Attempts<(TenantId, String, Network)>,
    /// Wrong codes of second factors, by account.
    pub(crate) factor_attempts: Attempts<(TenantId, Uuid)>,
    /// Codes of devices that there are not, by network.
    pub(crate) code_attempts: Attempts<Network>,
    /// What passwords are hashed by at the same time.
    pub(crate) hashes: HashSlots,
    pub(crate) form_key: hmac::Key,
    pub(crate) outside: Vec<Outside>,
    pub(crate) providers: Vec<KnownProvider>,
    /// None where the address of this server can have no passkeys.
    pub(crate) relying_party: Option<RelyingParty>,
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
        let access = AccessMemory::new(store.clone(), Arc::clone(&clock));
        let audiences = config.audiences.iter().map(|name| normal_audience(name)).collect();
        let issuer_base = config.issuer_base.trim_end_matches('/').to_owned();
        let config = IssuerConfig { issuer_base, ..config };
        let relying_party = RelyingParty::of(&config.issuer_base);
        let form_key = ring.sealing().mac_key("forms");
        Ok(Issuer {
            store,
            config,
            audiences,
            clock,
            ring,
            access,
            checked: CheckedTokens::default(),
            attempts: Attempts::new(),
            factor_attempts: Attempts::new(),
            code_attempts: Attempts::new(),
            hashes: HashSlots::new(),
            form_key,
            outside: Vec::new(),
            providers: Vec::new(),
            relying_party,
        })
    }

    /// Takes tokens of another issuer too, whose keys are read by `egress`. One of our own name is refused.
    pub fn trust(&mut self, trusted: OutsideIssuer, egress: Arc<dyn Egress>) -> Result<(), IdentityError> {
        let is_ours = |known: &str| trusted.issuer.starts_with(known) || known.starts_with(&trusted.issuer);
        let is_known = self.outside.iter().any(|outside| outside.issuer() == trusted.issuer);
        if is_ours(&self.config.issuer_base) || is_known {
            let problem = "is this server's own, or named twice";
            return Err(IdentityError::Invalid { what: "the outside issuer", problem });
        }
        self.outside.push(Outside::new(trusted, egress, Arc::clone(&self.clock)));
        Ok(())
    }

    /// Lets users of a provider sign in, which is asked by `egress`. A key that is no word or is taken is refused, and so is
    /// a second provider of one issuer in a tenant.
    pub fn federate(&mut self, provider: Provider, egress: Arc<dyn Egress>) -> Result<(), IdentityError> {
        let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        let problem = if !(1..=64).contains(&provider.key.len()) || !provider.key.bytes().all(is_word) {
            "has to be a word of letters, digits and hyphens"
        } else if self.providers.iter().any(|known| known.is.key == provider.key) {
            "is taken"
        } else if self
            .providers
            .iter()
            .any(|known| known.is_of(&provider.tenant) && known.is.issuer == provider.issuer)
        {
            "stands for an issuer that the tenant has already"
        } else if self.providers.iter().any(|known| known.shares_domains_with(&provider)) {
            "has a domain of another one of the tenant: both would speak for its names"
        } else {
            self.providers.push(KnownProvider::new(provider, egress, Arc::clone(&self.clock)));
            return Ok(());
        };
        Err(IdentityError::Invalid { what: "the name of the identity provider", problem })
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

    /// Forgets what callers of a tenant may do, so that what was changed of it holds from the next call on. Where
    /// other processes change the same store it takes them up to a minute to notice.
    pub fn forget(&self, tenant: TenantId) {
        self.access.forget(tenant);
    }

    /// Reads keys and tenants again. To be called now and then where other processes change the same store:
    /// what was added is noticed without it, what was retired is not.
    pub async fn refresh(&self) -> Result<(), IdentityError> {
        self.ring.refresh().await
    }

    /// Makes a secret unreadable but for [`Issuer::unseal`] with the same name.
    pub fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, IdentityError> {
        self.ring.sealing().seal(name, secret)
    }

    /// A secret that was sealed under that name. None when it was sealed under another, or is damaged.
    pub fn unseal(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.ring.sealing().open(name, sealed).map(|secret| secret.to_vec())
    }

    /// Removes codes, tokens and sign-ins that are of no use any more. To be called now and then.
    pub async fn sweep(&self) -> Result<(), IdentityError> {
        while self.store.sweep_sign_ins(self.clock.now()).await.map_err(store("remove expired sign-ins"))? > 0
        {
        }
        Ok(())
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
