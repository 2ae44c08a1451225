//! Users whom a provider of others signs in: the way there, the way back, and who they are here.
//!
//! What a sign-in on its way needs is sealed in a cookie of the browser, so that an answer is taken by the browser that
//! asked, once, at the address of the provider that was asked (RFC 9700, 4.4). A user is known by the issuer and subject
//! of the provider and by nothing that a user can change there.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Ticks;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::sign_in::FederatedUser;
use store::{StoreError, Tenant, User};
use tracing::{info, warn};
use uuid::Uuid;

use crate::acts::{Deed, Doer};
use crate::form::Form;
use crate::issuer::{Issuer, is_any_tenant};
use crate::network::Network;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::provider::{KnownProvider, ProviderProblem, Texts, Vouched};
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::sign_in::SignInStep;
use crate::token::{internal_problem, store_problem};
use crate::user_token::{FEDERATED, Proved, may_sign_in, new_token};

const PENDING: &str = "sign-in at a provider";
const PENDING_SECONDS: i64 = 10 * 60;
/// A browser keeps cookies of 4,096 bytes, of which sealing and base64 take their part.
const NEXT_BYTES_MAX: usize = 2_500;

/// A provider that a user can choose on the sign-in page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderChoice {
    pub key: String,
    pub display_name: String,
}

/// The way to a provider.
#[derive(Debug)]
pub struct ToProvider {
    pub location: String,
    /// What the answer will be known by.
    pub state: String,
    /// What the browser has to bring back with it.
    pub cookie: Secret,
}

/// The way back from a provider.
#[derive(Debug)]
pub struct FromProvider {
    pub step: SignInStep,
    /// The domain of the tenant of the provider.
    pub tenant: String,
    /// Where the user wanted to go, and the source of a content security policy that goes with it.
    pub next: String,
    pub origin: String,
}

#[derive(Serialize, Deserialize)]
struct Pending {
    provider: String,
    next: String,
    origin: String,
    state: String,
    nonce: String,
    verifier: String,
    is_fresh: bool,
    expires: i64,
}

impl Pending {
    fn texts<'a>(&'a self, verifier: &'a Secret) -> Texts<'a> {
        Texts { state: &self.state, nonce: &self.nonce, verifier, is_fresh: self.is_fresh }
    }
}

fn choice(known: &KnownProvider) -> ProviderChoice {
    ProviderChoice { key: known.is.key.clone(), display_name: known.is.display_name.clone() }
}

/// What is known here of a user who comes from a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    Before,
    /// Made by an administrator, and not come yet.
    Waiting,
    New,
}

impl Issuer {
    /// The providers of the tenant that the first segment of a path names; where it stands for any tenant, those of the
    /// only one there is.
    pub async fn providers_of(&self, segment: &str) -> Vec<ProviderChoice> {
        if self.providers.is_empty() {
            return Vec::new();
        }
        let Ok(Some(tenant)) = self.tenant_or_sole(segment).await else { return Vec::new() };
        let is_own = |known: &&KnownProvider| known.is_of(&tenant.domain);
        self.providers.iter().filter(is_own).map(choice).collect()
    }

    /// The providers of a name that a user typed, by its domain.
    pub fn providers_of_name(&self, name: &str) -> Vec<ProviderChoice> {
        self.providers.iter().filter(|known| known.has_name(name.trim())).map(choice).collect()
    }

    /// Sends a browser to a provider, to come back to `next`, an address of this server. Where it is to be fresh, sessions
    /// that the provider has are not enough.
    pub async fn to_provider(
        &self,
        key: &str,
        next: &str,
        origin: &str,
        is_fresh: bool,
    ) -> Result<ToProvider, OAuthError> {
        let sent = async {
            let (_, provider) = self.provider(key)?;
            if next.len() + origin.len() > NEXT_BYTES_MAX {
                return Err(Refusal::ParameterTooLong.into());
            }
            let pending = Pending {
                provider: provider.is.key.clone(),
                next: next.to_owned(),
                origin: origin.to_owned(),
                state: new_token()?.expose().to_owned(),
                nonce: new_token()?.expose().to_owned(),
                verifier: new_token()?.expose().to_owned(),
                is_fresh,
                expires: self.clock.now().unix_seconds() + PENDING_SECONDS,
            };
            let verifier = Secret::new(pending.verifier.clone());
            let texts = pending.texts(&verifier);
            let location = provider.authorization_address(&texts, &self.callback(provider)).await;
            let location = location.map_err(|problem| failed(provider, problem))?;
            let sealed = serde_json::to_vec(&pending).map_err(|_| OAuthProblem::Internal)?;
            let sealed = self.ring.sealing().seal(PENDING, &sealed).map_err(internal_problem)?;
            let cookie = Secret::new(URL_SAFE_NO_PAD.encode(sealed));
            Ok(ToProvider { location, state: pending.state, cookie })
        };
        sent.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// Takes the answer that a browser brings from a provider, with the cookie it was sent there with.
    pub async fn from_provider(
        &self,
        key: &str,
        cookie: Option<&str>,
        answer: &Form,
        network: Network,
    ) -> Result<FromProvider, OAuthError> {
        let taken = async {
            answer.check()?;
            let (tenant, provider) = self.provider(key)?;
            let pending = self.pending(cookie)?;
            let is_asked = pending.provider == provider.is.key && answer.get("state") == Some(&pending.state);
            if !is_asked {
                return Err(Refusal::FormForged.into());
            }
            let is_own = provider.is_answer_of(answer.get("iss")).await;
            if !is_own.map_err(|problem| failed(provider, problem))? {
                warn!(provider = %provider.is.key, "an answer names another issuer, or none");
                return Err(Refusal::ProviderFailed.into());
            }
            let Some(code) = answer.get("code") else {
                let error = answer.get("error").unwrap_or_default().escape_debug().to_string();
                info!(provider = %provider.is.key, error, "a provider signed nobody in");
                return Err(Refusal::ProviderRefused.into());
            };
            let verifier = Secret::new(pending.verifier.clone());
            let texts = pending.texts(&verifier);
            let vouched = provider.vouch(code, &texts, &self.callback(provider)).await;
            let vouched = vouched.map_err(|problem| failed(provider, problem))?;
            let user = self.federated_user(&tenant, provider, &vouched, network).await?;
            let is_strong = vouched.methods.iter().any(|method| method == "mfa");
            let methods = if is_strong { &[FEDERATED, "mfa"][..] } else { &[FEDERATED] };
            let now = self.clock.now();
            let at = vouched.authenticated.map_or(now, |at| Ticks::from_unix_seconds(at).min(now));
            let proved = Proved { methods: methods.iter().map(|&method| method.to_owned()).collect(), at };
            let step = self.after_first_factor(&tenant, &user, proved, network).await?;
            Ok(FromProvider { step, tenant: tenant.domain, next: pending.next, origin: pending.origin })
        };
        taken.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    async fn tenant_or_sole(&self, segment: &str) -> Result<Option<Tenant>, OAuthProblem> {
        if is_any_tenant(segment) {
            return Ok(self.ring.snapshot().sole_tenant().cloned());
        }
        self.tenant_of(segment).await.map(Some)
    }

    fn provider(&self, key: &str) -> Result<(Tenant, &KnownProvider), Refusal> {
        let known =
            self.providers.iter().find(|known| known.is.key == key).ok_or(Refusal::ProviderUnknown)?;
        let tenant = self.ring.snapshot().tenant_by_domain(&known.is.tenant).cloned();
        let tenant = tenant.ok_or(Refusal::ProviderUnknown)?;
        Ok((tenant, known))
    }

    /// One of its own for each provider, so that the answer of one cannot be sent to another.
    fn callback(&self, provider: &KnownProvider) -> String {
        format!("{}/federated/{}/callback", self.config.issuer_base, provider.is.key)
    }

    fn pending(&self, cookie: Option<&str>) -> Result<Pending, Refusal> {
        let sealed = cookie.and_then(|cookie| URL_SAFE_NO_PAD.decode(cookie).ok());
        let opened = sealed.and_then(|sealed| self.ring.sealing().open(PENDING, &sealed));
        let pending = opened.and_then(|bytes| serde_json::from_slice::<Pending>(&bytes).ok());
        let pending = pending.ok_or(Refusal::FormForged)?;
        if pending.expires <= self.clock.now().unix_seconds() {
            return Err(Refusal::TicketExpired);
        }
        Ok(pending)
    }

    /// The user here whom a provider vouches for, in the groups that it says.
    async fn federated_user(
        &self,
        tenant: &Tenant,
        provider: &KnownProvider,
        vouched: &Vouched,
        network: Network,
    ) -> Result<User, OAuthProblem> {
        let store = self.store.tenant(tenant.id);
        let deed =
            Deed { tenant: tenant.id, app: None, network, action: "sign in at a provider", detail: None };
        let detail = json!({ "provider": provider.is.key, "subject": vouched.subject });
        let known =
            store.federated_user(&provider.is.issuer, &vouched.subject).await.map_err(store_problem)?;
        let known = match known {
            Some(known) => store.user_by_id(known.user).await.map_err(store_problem)?,
            None => None,
        };
        let (user, how) = match known {
            Some(user) => (user, Met::Before),
            None => {
                let deed = deed.clone().with(detail.clone());
                self.first_time(tenant, provider, vouched, deed).await?
            }
        };
        if !may_sign_in(&user) {
            let mut detail = detail;
            detail["reason"] = "the user is disabled".into();
            self.write_down_refused(Doer::Known(user.id), deed.with(detail));
            return Err(Refusal::UserGone.into());
        }
        let (among, groups, names) = self.mapped_groups(tenant, provider, vouched).await?;
        let mut detail = detail;
        detail["isNewUser"] = (how == Met::New).into();
        detail["userGroups"] = json!(names);
        self.write_down(&user, deed.with(detail)).await?;
        let link = FederatedUser {
            provider: provider.is.issuer.clone(),
            subject: vouched.subject.clone(),
            user: user.id,
            groups: vouched.groups.clone(),
            last_seen: self.clock.now(),
        };
        let recorded = match how {
            Met::Before => store.update_federated_user(&link).await,
            Met::New => store.link_user(Some(&user), &link).await,
            Met::Waiting => store.link_user(None, &link).await,
        };
        match recorded {
            Ok(()) => {}
            // By another sign-in at this moment.
            Err(StoreError::Exists { .. }) => return Err(Refusal::FederatedNameTaken.into()),
            Err(error) => return Err(store_problem(error)),
        }
        if store.set_membership(user.id, &among, &groups).await.map_err(store_problem)? {
            self.forget(tenant.id);
        }
        Ok(user)
    }

    /// A user who comes from a provider for the first time: one that an administrator made without a password, or a new
    /// one. Accounts with passwords, and those of other subjects, are nobody's to take over; nor are names of domains that
    /// the provider does not speak for.
    async fn first_time(
        &self,
        tenant: &Tenant,
        provider: &KnownProvider,
        vouched: &Vouched,
        deed: Deed,
    ) -> Result<(User, Met), OAuthProblem> {
        let store = self.store.tenant(tenant.id);
        let key = &provider.is.key;
        let Some(name) = &vouched.principal_name else {
            warn!(provider = %key, claim = %provider.is.user_claim, "a provider does not tell the name of a user");
            return Err(Refusal::ProviderFailed.into());
        };
        let name = if name.contains('@') { name.clone() } else { format!("{name}@{}", tenant.domain) };
        if !provider.has_name(&name) {
            warn!(provider = %key, subject = %vouched.subject, name, "a name is not of a domain of its provider");
            return Err(Refusal::FederatedUserUnknown.into());
        }
        match store.user_by_name(&name).await.map_err(store_problem)? {
            Some(user) => {
                let is_waiting = user.password_hash.is_empty()
                    && store.federations_of(user.id).await.map_err(store_problem)?.is_empty();
                if is_waiting {
                    return Ok((user, Met::Waiting));
                }
                warn!(provider = %key, subject = %vouched.subject, name, "the account of a name is another's");
                let mut detail = deed.detail.clone().unwrap_or_default();
                detail["reason"] = "the account is another's".into();
                self.write_down_refused(Doer::Known(user.id), deed.with(detail));
                Err(Refusal::FederatedNameTaken.into())
            }
            None if !provider.is.creates_users => {
                warn!(provider = %key, subject = %vouched.subject, name, "a user of a provider has no account");
                Err(Refusal::FederatedUserUnknown.into())
            }
            None => {
                let display_name = vouched.display_name.clone().unwrap_or_else(|| name.clone());
                Ok((self.user_without_password(name, display_name), Met::New))
            }
        }
    }

    /// The user groups that the provider decides about, those of them that the user is in, and the names of these.
    async fn mapped_groups(
        &self,
        tenant: &Tenant,
        provider: &KnownProvider,
        vouched: &Vouched,
    ) -> Result<(Vec<Uuid>, Vec<Uuid>, Vec<String>), OAuthProblem> {
        let (mut among, mut groups, mut names) = (Vec::new(), Vec::new(), Vec::new());
        if provider.is.groups.is_empty() {
            return Ok((among, groups, names));
        }
        let known = self.store.tenant(tenant.id).user_groups().await.map_err(store_problem)?;
        for (value, name) in &provider.is.groups {
            let Some(group) = known.iter().find(|group| store::fold(&group.name) == store::fold(name)) else {
                warn!(provider = %provider.is.key, group = %name, "a provider's group is mapped to no user group");
                continue;
            };
            if !among.contains(&group.id) {
                among.push(group.id);
            }
            if vouched.groups.contains(value) && !groups.contains(&group.id) {
                groups.push(group.id);
                names.push(group.name.clone());
            }
        }
        Ok((among, groups, names))
    }
}

fn failed(provider: &KnownProvider, problem: ProviderProblem) -> Refusal {
    match problem {
        ProviderProblem::Unreachable(error) => {
            warn!(provider = %provider.is.key, %error, "a provider cannot be reached")
        }
        ProviderProblem::NotBelieved(error) => {
            warn!(provider = %provider.is.key, %error, "a provider answers what cannot be believed")
        }
    }
    Refusal::ProviderFailed
}
