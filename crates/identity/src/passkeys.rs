//! Passkeys of users (Web Authentication): added on the account page, and proved after the first factor.
//!
//! A ceremony is a question that the browser is asked, and its state, which is sealed in the form that brings the answer.
//! It is for one user and one purpose, lives ten minutes, and is taken once, so that what was answered cannot be sent
//! again. The keys of a user are one row, changed only as it was read, so that no use of a key is lost.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Ticks;
use passki::{
    AuthenticationCredential, AuthenticationOptions, AuthenticationState, Passki, RegistrationCredential,
    RegistrationOptions, RegistrationState, StoredPasskey,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::sign_in::UserFactor;
use store::{StoreError, Tenant, User};
use tracing::{debug, warn};
use uuid::Uuid;

use crate::acts::Deed;
use crate::issuer::Issuer;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::refusal::Refusal;
use crate::second_factor::{FactorProof, Judged};
use crate::secret::sha256;
use crate::sign_in::Browser;
use crate::token::{internal_problem, store_problem};

pub(crate) const PASSKEYS: &str = "passkeys";
const OF_USER_MAX: usize = 10;
const CEREMONY_SECONDS: i64 = 10 * 60;
const STATE_BYTES_MAX: usize = 8 * 1024;
const CREDENTIAL_BYTES_MAX: usize = 16 * 1024;
const ID_BYTES_MAX: usize = 1_023;
/// What is asked for (COSE): ES256, EdDSA, ES384, RS256, RS384.
const ALGORITHMS: [i32; 5] = [-7, -8, -35, -257, -258];
/// Tries to change what others change at the same time.
const TRIES: usize = 3;

/// This server, as authenticators know it.
pub(crate) struct RelyingParty(Passki);

/// What a browser is asked for a passkey with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyCeremony {
    /// `PublicKeyCredentialCreationOptionsJSON`, or `PublicKeyCredentialRequestOptionsJSON`.
    pub options: String,
    /// Comes back with the answer.
    pub state: String,
}

/// A passkey of a user, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// The start of the id of its credential, which tells it from the others.
    pub id: String,
    pub added: Ticks,
    pub used: Option<Ticks>,
    /// Whether it may be on several devices of its owner.
    pub is_synced: bool,
}

/// What a passkey is asked for. One that was given for something else is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    SignIn,
    Add,
    Remove,
}

#[derive(Serialize, Deserialize)]
struct Ceremony<S> {
    state: S,
    expires: i64,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    key: StoredPasskey,
    added: Ticks,
    used: Option<Ticks>,
}

impl Kept {
    fn id(&self) -> String {
        let id = URL_SAFE_NO_PAD.encode(&self.key.credential_id);
        id.chars().take(16).collect()
    }
}

/// The passkeys of a user, and the row they were read from.
struct Keyring {
    row: Option<UserFactor>,
    keys: Vec<Kept>,
}

impl RelyingParty {
    /// None where this server is reached by a number: passkeys belong to names (Web Authentication, 5.1.2).
    pub fn of(base: &str) -> Option<RelyingParty> {
        // As browsers write an origin: in small letters, without the usual port.
        let base = base.to_ascii_lowercase();
        let (scheme, authority) = (base.split_once("://")?.0, crate::config::host_of(&base)?);
        let usual = if scheme == "https" { ":443" } else { ":80" };
        let authority = authority.strip_suffix(usual).unwrap_or(authority);
        let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
        });
        let is_number = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
        let origin = format!("{scheme}://{authority}");
        (!is_number && host.is_ascii()).then(|| RelyingParty(Passki::new(host, &[origin], "Bartizan")))
    }
}

impl Issuer {
    /// Whether users can have passkeys here: they belong to a name, and this server may be reached by a number.
    pub fn takes_passkeys(&self) -> bool {
        self.relying_party.is_some()
    }

    /// The passkeys of the user of a browser, in the order in which they were added.
    pub async fn passkeys(&self, browser: &Browser) -> Result<Vec<Passkey>, OAuthError> {
        let keyring = self.keyring(&browser.tenant, &browser.user).await;
        let keyring = keyring.map_err(|problem| self.oauth_error(problem))?;
        let shown = |kept: &Kept| Passkey {
            id: kept.id(),
            added: kept.added,
            used: kept.used,
            is_synced: kept.key.be,
        };
        Ok(keyring.keys.iter().map(shown).collect())
    }

    /// Asks the browser of a user to make a passkey; none where there can be none.
    pub async fn offer_passkey(&self, browser: &Browser) -> Result<Option<PasskeyCeremony>, OAuthError> {
        let offered = async {
            let Some(RelyingParty(party)) = &self.relying_party else { return Ok(None) };
            let keyring = self.keyring(&browser.tenant, &browser.user).await?;
            let keys: Vec<StoredPasskey> = keyring.keys.into_iter().map(|kept| kept.key).collect();
            let mut options = RegistrationOptions::default();
            options.exclude_credentials = Some(&keys);
            let user = &browser.user;
            let begun = party.start_passkey_registration(
                user.id.as_bytes(),
                &user.principal_name,
                &user.display_name,
                options,
            );
            let (question, state) = begun.map_err(|_| OAuthProblem::Internal)?;
            self.ceremony(Purpose::Add, user.id, &question, state).map(Some)
        };
        offered.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// Asks the browser of a user for one of their passkeys before one is removed; none where there is none.
    pub async fn ask_before_removing(
        &self,
        browser: &Browser,
    ) -> Result<Option<PasskeyCeremony>, OAuthError> {
        let asked = self.ask_for_passkey(&browser.tenant, &browser.user, Purpose::Remove).await;
        asked.map_err(|problem| self.oauth_error(problem))
    }

    /// Keeps the passkey that a browser made. False where it is not one that was asked for.
    pub async fn add_passkey(
        &self,
        browser: &Browser,
        state: &str,
        credential: &str,
    ) -> Result<bool, OAuthError> {
        let added = async {
            self.check_may_add(browser).await?;
            let user = &browser.user;
            let party = &self.relying_party.as_ref().ok_or(Refusal::PasskeyMalformed)?.0;
            let state: RegistrationState = self.take_ceremony(Purpose::Add, user.id, state).await?;
            let credential: RegistrationCredential = read(credential)?;
            let key = match party.finish_passkey_registration(&credential, &state) {
                Ok(key)
                    if (1..=ID_BYTES_MAX).contains(&key.credential_id.len())
                        && ALGORITHMS.contains(&key.algorithm) =>
                {
                    key
                }
                Ok(_) => return Ok(false),
                Err(error) => {
                    debug!(%error, "a new passkey is not taken");
                    return Ok(false);
                }
            };
            let kept = Kept { key, added: self.clock.now(), used: None };
            let detail = json!({ "passkey": kept.id() });
            self.write_down(user, Deed::of(browser, "add a passkey").with(detail)).await?;
            for _ in 0..TRIES {
                let mut keyring = self.keyring(&browser.tenant, user).await?;
                if keyring.keys.len() >= OF_USER_MAX {
                    return Err(Refusal::TooManyPasskeys.into());
                }
                if keyring.keys.iter().any(|known| known.key.credential_id == kept.key.credential_id) {
                    return Ok(true);
                }
                keyring.keys.push(kept.clone());
                if self.keep(&browser.tenant, user, keyring).await? {
                    return Ok(true);
                }
            }
            Err(Refusal::FactorChanged.into())
        };
        added.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// Removes a passkey, when a second factor proves its owner: this passkey may be the one that was lost. False when none
    /// does.
    pub async fn remove_passkey(
        &self,
        browser: &Browser,
        id: &str,
        proof: FactorProof<'_>,
    ) -> Result<bool, OAuthError> {
        let removed = async {
            let (tenant, user) = (&browser.tenant, &browser.user);
            if self.judge(tenant, user, proof, Purpose::Remove, browser.network).await? != Judged::Right {
                return Ok(false);
            }
            let deed = Deed::of(browser, "remove a passkey").with(json!({ "passkey": id }));
            self.write_down(user, deed).await?;
            for _ in 0..TRIES {
                let mut keyring = self.keyring(tenant, user).await?;
                keyring.keys.retain(|kept| kept.id() != id);
                if self.keep(tenant, user, keyring).await? {
                    return Ok(true);
                }
            }
            Err(Refusal::FactorChanged.into())
        };
        removed.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// Who has a second factor proves it before another is added: a password alone must not be enough for that.
    pub(crate) async fn check_may_add(&self, browser: &Browser) -> Result<(), OAuthProblem> {
        let factors = self.store.tenant(browser.tenant.id).user_factor_kinds(browser.user.id).await;
        let is_strong = browser.sign_in.methods.iter().any(|method| method == "mfa");
        if factors.map_err(store_problem)?.is_empty() || is_strong {
            return Ok(());
        }
        Err(Refusal::SecondFactorFirst.into())
    }

    pub(crate) async fn ask_for_passkey(
        &self,
        tenant: &Tenant,
        user: &User,
        purpose: Purpose,
    ) -> Result<Option<PasskeyCeremony>, OAuthProblem> {
        let Some(RelyingParty(party)) = &self.relying_party else { return Ok(None) };
        let keyring = self.keyring(tenant, user).await?;
        if keyring.keys.is_empty() {
            return Ok(None);
        }
        let keys: Vec<StoredPasskey> = keyring.keys.into_iter().map(|kept| kept.key).collect();
        let begun = party.start_passkey_authentication(&keys, AuthenticationOptions::default());
        let (question, mut state) = begun.map_err(|_| OAuthProblem::Internal)?;
        // Which keys are the user's is read when the answer comes; the form need not carry them.
        state.allowed_credentials.clear();
        self.ceremony(purpose, user.id, &question, state).map(Some)
    }

    /// Whether the answer of a browser proves one of the user's passkeys.
    pub(crate) async fn takes_passkey(
        &self,
        tenant: &Tenant,
        user: &User,
        purpose: Purpose,
        state: &str,
        credential: &str,
    ) -> Result<bool, OAuthProblem> {
        let party = &self.relying_party.as_ref().ok_or(Refusal::PasskeyMalformed)?.0;
        let state: AuthenticationState = self.take_ceremony(purpose, user.id, state).await?;
        let credential: AuthenticationCredential = read(credential)?;
        let id = Passki::base64_decode(&credential.raw_id).map_err(|_| Refusal::PasskeyMalformed)?;
        for _ in 0..TRIES {
            let mut keyring = self.keyring(tenant, user).await?;
            let Some(kept) = keyring.keys.iter_mut().find(|kept| kept.key.credential_id == id) else {
                return Ok(false);
            };
            match party.finish_passkey_authentication(&credential, &state, &kept.key) {
                Ok(proved) => {
                    let is_owner = proved.user_handle.is_none_or(|handle| handle == user.id.as_bytes());
                    if !is_owner {
                        return Ok(false);
                    }
                    kept.key.counter = proved.counter;
                    kept.used = Some(self.clock.now());
                }
                Err(error) => {
                    warn!(user = %user.id, %error, "a passkey is not taken");
                    return Ok(false);
                }
            }
            if self.keep(tenant, user, keyring).await? {
                return Ok(true);
            }
        }
        Err(Refusal::FactorChanged.into())
    }

    fn ceremony(
        &self,
        purpose: Purpose,
        user: Uuid,
        question: &impl Serialize,
        state: impl Serialize,
    ) -> Result<PasskeyCeremony, OAuthProblem> {
        let options = serde_json::to_string(question).map_err(|_| OAuthProblem::Internal)?;
        let expires = self.clock.now().unix_seconds() + CEREMONY_SECONDS;
        let state = serde_json::to_vec(&Ceremony { state, expires }).map_err(|_| OAuthProblem::Internal)?;
        let sealed =
            self.ring.sealing().seal(&ceremony_name(purpose, user), &state).map_err(internal_problem)?;
        Ok(PasskeyCeremony { options, state: URL_SAFE_NO_PAD.encode(sealed) })
    }

    /// The state of a ceremony, which is taken once.
    async fn take_ceremony<S: DeserializeOwned>(
        &self,
        purpose: Purpose,
        user: Uuid,
        sealed: &str,
    ) -> Result<S, OAuthProblem> {
        let bytes = Some(sealed).filter(|sealed| sealed.len() <= STATE_BYTES_MAX);
        let bytes = bytes.and_then(|sealed| URL_SAFE_NO_PAD.decode(sealed).ok());
        let opened = bytes.and_then(|bytes| self.ring.sealing().open(&ceremony_name(purpose, user), &bytes));
        let ceremony = opened.and_then(|state| serde_json::from_slice::<Ceremony<S>>(&state).ok());
        let ceremony = ceremony.ok_or(Refusal::TicketExpired)?;
        let now = self.clock.now();
        if ceremony.expires <= now.unix_seconds() {
            return Err(Refusal::TicketExpired.into());
        }
        let hash = sha256(&[b"passkey", sealed.as_bytes()]);
        let is_fresh = self.store.take_assertion(&hash, now.plus_seconds(CEREMONY_SECONDS)).await;
        if is_fresh.map_err(store_problem)? { Ok(ceremony.state) } else { Err(Refusal::TicketExpired.into()) }
    }

    async fn keyring(&self, tenant: &Tenant, user: &User) -> Result<Keyring, OAuthProblem> {
        let row = self.store.tenant(tenant.id).user_factor(user.id, PASSKEYS).await.map_err(store_problem)?;
        let Some(row) = row else { return Ok(Keyring { row: None, keys: Vec::new() }) };
        let opened = self.ring.sealing().open(&keyring_name(user.id), &row.sealed);
        let keys = opened.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let keys = keys.ok_or(OAuthProblem::Internal)?;
        Ok(Keyring { row: Some(row), keys })
    }

    /// False when somebody else changed it since it was read.
    async fn keep(&self, tenant: &Tenant, user: &User, keyring: Keyring) -> Result<bool, OAuthProblem> {
        let store = self.store.tenant(tenant.id);
        let Keyring { row, keys } = keyring;
        if keys.is_empty() {
            return match row {
                Some(row) => store.change_user_factor(&row, None).await.map_err(store_problem),
                None => Ok(true),
            };
        }
        let bytes = serde_json::to_vec(&keys).map_err(|_| OAuthProblem::Internal)?;
        let sealed = self.ring.sealing().seal(&keyring_name(user.id), &bytes).map_err(internal_problem)?;
        let Some(row) = row else {
            let kind = PASSKEYS.to_owned();
            let row = UserFactor { user: user.id, kind, sealed, created: self.clock.now(), last_step: 0 };
            return match store.add_user_factor(&row).await {
                Ok(()) => Ok(true),
                Err(StoreError::Exists { .. }) => Ok(false),
                Err(error) => Err(store_problem(error)),
            };
        };
        store.change_user_factor(&row, Some(&sealed)).await.map_err(store_problem)
    }
}

fn read<T: DeserializeOwned>(credential: &str) -> Result<T, Refusal> {
    let credential = Some(credential).filter(|credential| credential.len() <= CREDENTIAL_BYTES_MAX);
    credential.and_then(|text| serde_json::from_str(text).ok()).ok_or(Refusal::PasskeyMalformed)
}

fn ceremony_name(purpose: Purpose, user: Uuid) -> String {
    format!("passkey {purpose:?} of {user}")
}

fn keyring_name(user: Uuid) -> String {
    format!("passkeys of {user}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_belong_to_names() {
        for (base, expected) in [
            ("https://soc.example", Some(("soc.example", "https://soc.example"))),
            ("https://localhost:8443/", Some(("localhost", "https://localhost:8443"))),
            ("https://SOC.example:443/a", Some(("soc.example", "https://soc.example"))),
            ("https://127.0.0.1:8443", None),
            ("https://[::1]:8443", None),
            ("soc.example", None),
        ] {
            let party = RelyingParty::of(base).map(|RelyingParty(party)| (party.rp_id, party.rp_origins));
            let expected = expected.map(|(id, origin)| (id.to_owned(), vec![origin.to_owned()]));
            assert_eq!(party, expected, "{base}");
        }
    }
}
