//! Users prove who they are: password, second factor, and the browser that then stays signed in.

use std::sync::OnceLock;

use model::AppId;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::sign_in::UserFactor;
use store::{SignIn, Tenant, User, UserChange};
use uuid::Uuid;

use crate::acts::{Deed, Doer};
use crate::issuer::Issuer;
use crate::network::Network;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::refusal::Refusal;
use crate::secret::{self, Secret, sha256};
use crate::token::{internal_problem, store_problem};
use crate::totp;
use crate::user_token::{may_sign_in, new_token};

const PASSWORD_BYTES_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 512;
const BROWSER_SECONDS: i64 = 12 * 3_600;
const TICKET_SECONDS: i64 = 10 * 60;
const TICKET: &str = "ticket of a second factor";
const TOTP: &str = "totp";

/// What became of a name and a password.
#[derive(Debug)]
pub(crate) enum Checked {
    Right(User),
    /// The password is right and the user has a second factor.
    NeedsFactor(User),
    Wrong,
    Wait {
        seconds: i64,
    },
}

/// What became of a code of a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    Right,
    Wrong,
    Wait { seconds: i64 },
}

/// What becomes of one step of a sign-in by the pages.
#[derive(Debug)]
pub enum SignInStep {
    /// The browser is signed in by this cookie from now on.
    Done {
        cookie: Secret,
    },
    /// The user has to prove a second factor; the ticket says that the password was right.
    Factor {
        ticket: Secret,
    },
    Wrong,
    Wait {
        seconds: i64,
    },
}

/// A browser in which a user is signed in.
#[derive(Clone, Debug)]
pub struct Browser {
    pub sign_in: SignIn,
    pub tenant: Tenant,
    pub user: User,
    /// Where it is, for what is written down.
    pub network: Network,
}

#[derive(Serialize, Deserialize)]
struct Ticket {
    tenant: Uuid,
    user: Uuid,
    expires: i64,
}

impl Issuer {
    /// The name and password of the sign-in page. `segment` is the tenant in the path, where the name's own domain
    /// decides when it stands for any.
    pub async fn sign_in(
        &self,
        segment: &str,
        name: &str,
        password: Secret,
        network: Network,
    ) -> Result<SignInStep, OAuthError> {
        let step = async {
            let tenant = match self.tenant_or_any(segment).await? {
                Some(tenant) => Some(tenant),
                None => self.tenant_of_user(name).await?,
            };
            let Some(tenant) = tenant else {
                self.hash_in_vain(password, network).await?;
                return Ok(SignInStep::Wrong);
            };
            match self.check_password(&tenant, name, password, network, None).await? {
                Checked::Right(user) => self.begin_in_browser(&tenant, &user, &["pwd"], network).await,
                Checked::NeedsFactor(user) => Ok(SignInStep::Factor { ticket: self.ticket(&tenant, &user)? }),
                Checked::Wrong => Ok(SignInStep::Wrong),
                Checked::Wait { seconds } => Ok(SignInStep::Wait { seconds }),
            }
        };
        step.await.map_err(|problem| self.oauth_error(problem))
    }

    /// The code of the page for the second factor.
    pub async fn prove_factor(
        &self,
        ticket: &str,
        code: &str,
        network: Network,
    ) -> Result<SignInStep, OAuthError> {
        let step = async {
            let (tenant, user) = self.open_ticket(ticket).await?;
            // Only who has the password gets here, so that counting by account locks nobody else out.
            match self.judge_code(&tenant, &user, code, network).await? {
                Judged::Right => {}
                Judged::Wrong => return Ok(SignInStep::Wrong),
                Judged::Wait { seconds } => return Ok(SignInStep::Wait { seconds }),
            }
            self.begin_in_browser(&tenant, &user, &["pwd", "otp", "mfa"], network).await
        };
        step.await.map_err(|problem| self.oauth_error(problem))
    }

    /// Who is signed in in the browser that sent this cookie from there.
    pub async fn browser(&self, cookie: &str, network: Network) -> Result<Option<Browser>, OAuthError> {
        let found = async {
            let found = self.store.sign_in_by_cookie(&sha256(&[cookie.as_bytes()])).await;
            let Some(sign_in) = found.map_err(store_problem)? else { return Ok(None) };
            if sign_in.ended.is_some() || sign_in.expires <= self.clock.now() {
                return Ok(None);
            }
            let found = self.tenant_and_user(sign_in.tenant, sign_in.user, sign_in.created).await?;
            Ok(found.map(|(tenant, user)| Browser { sign_in, tenant, user, network }))
        };
        found.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// Signs the user of a browser out of it. Apps that hold tokens keep them.
    pub async fn sign_out(&self, browser: &Browser) -> Result<(), OAuthError> {
        let ended = async {
            self.write_down(&browser.user, Deed::of(browser, "sign out")).await?;
            self.end_in_app(browser.tenant.id, browser.sign_in.id).await
        };
        ended.await.map_err(|problem| self.oauth_error(problem))
    }

    /// Signs the user of a browser out of every browser and app. What was given until now and not exchanged yet, such
    /// as codes, is of no use any more either.
    pub async fn sign_out_everywhere(&self, browser: &Browser) -> Result<(), OAuthError> {
        let ended = async {
            self.write_down(&browser.user, Deed::of(browser, "sign out everywhere")).await?;
            let (store, now) = (self.store.tenant(browser.tenant.id), self.clock.now());
            // Tokens tell the second of their issue alone.
            let change = UserChange { tokens_from: Some(now.plus_seconds(1)), ..UserChange::default() };
            let changed = store.change_user(browser.user.id, &change).await;
            let ended = store.end_sign_ins_of_user(browser.user.id, None, now).await;
            self.forget(browser.tenant.id);
            changed.map_err(store_problem)?;
            ended.map(drop).map_err(store_problem)
        };
        ended.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// A new secret for the user's authenticator, which is kept once a code of it was sent: the secret in base32, and
    /// sealed for the form that brings it back.
    pub fn new_totp(&self, browser: &Browser) -> Result<(Secret, String), OAuthError> {
        let made = || {
            let mut bytes = zeroize::Zeroizing::new([0; totp::SECRET_BYTES]);
            secret::fill(bytes.as_mut()).map_err(internal_problem)?;
            let name = offer_name(browser.user.id);
            let sealed = self.ring.sealing().seal(&name, bytes.as_ref()).map_err(internal_problem)?;
            Ok((Secret::new(totp::base32(bytes.as_ref())), crate::certificate::hex(&sealed)))
        };
        made().map_err(|problem| self.oauth_error(problem))
    }

    /// The secret of an offer, to show it again.
    pub fn offered_totp(&self, browser: &Browser, offer: &str) -> Option<Secret> {
        let bytes = self.open_offer(browser, offer)?;
        Some(Secret::new(totp::base32(&bytes)))
    }

    /// Keeps the secret that was offered, when `code` proves that the authenticator has it. False when it does not.
    pub async fn add_totp(&self, browser: &Browser, offer: &str, code: &str) -> Result<bool, OAuthError> {
        let added = async {
            let bytes = self.open_offer(browser, offer).ok_or(Refusal::TicketExpired)?;
            let now = self.clock.now();
            let Some(step) = totp::step_of(&bytes, code, now.unix_seconds()) else { return Ok(false) };
            let name = factor_name(browser.user.id);
            let sealed = self.ring.sealing().seal(&name, &bytes).map_err(internal_problem)?;
            let factor = UserFactor {
                user: browser.user.id,
                kind: TOTP.to_owned(),
                sealed,
                created: now,
                last_step: step,
            };
            self.write_down(&browser.user, Deed::of(browser, "add an authenticator")).await?;
            self.store.tenant(browser.tenant.id).add_user_factor(&factor).await.map_err(store_problem)?;
            Ok(true)
        };
        added.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    pub async fn has_totp(&self, browser: &Browser) -> Result<bool, OAuthError> {
        let factor = self.store.tenant(browser.tenant.id).user_factor(browser.user.id, TOTP).await;
        factor.map(|factor| factor.is_some()).map_err(|error| self.oauth_error(store_problem(error)))
    }

    /// Takes the user's authenticator away, when `code` proves that they still have it. False when it does not.
    pub async fn remove_totp(&self, browser: &Browser, code: &str) -> Result<bool, OAuthError> {
        let removed = async {
            let judged = self.judge_code(&browser.tenant, &browser.user, code, browser.network).await?;
            if judged != Judged::Right {
                return Ok(false);
            }
            self.write_down(&browser.user, Deed::of(browser, "remove an authenticator")).await?;
            let store = self.store.tenant(browser.tenant.id);
            store.remove_user_factor(browser.user.id, TOTP).await.map_err(store_problem)
        };
        removed.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// A user by name and password, who signs in in a browser or in an app that sends passwords. An unknown one takes as
    /// long as a wrong password.
    pub(crate) async fn check_password(
        &self,
        tenant: &Tenant,
        name: &str,
        password: Secret,
        network: Network,
        app: Option<AppId>,
    ) -> Result<Checked, OAuthProblem> {
        if name.len() > NAME_BYTES_MAX || password.expose().len() > PASSWORD_BYTES_MAX {
            return Ok(Checked::Wrong);
        }
        let deed = Deed { tenant: tenant.id, app, network, action: "sign in", detail: None };
        let key = (tenant.id, store::fold(name), network);
        let guess = match self.attempts.begin(key, self.clock.now()) {
            Ok(guess) => guess,
            Err(wait) => {
                if wait.is_first {
                    let deed = deed.with(json!({ "reason": "too many attempts", "seconds": wait.seconds }));
                    self.write_down_refused(Doer::Named(name.to_owned()), deed);
                }
                return Ok(Checked::Wait { seconds: wait.seconds });
            }
        };
        let found = match self.user_by_password(tenant, name, password, network).await {
            Ok(found) => found,
            Err(problem) => {
                guess.take_back();
                return Err(problem);
            }
        };
        let Some(user) = found else {
            let deed = deed.with(json!({ "reason": "wrong password" }));
            self.write_down_refused(Doer::Named(name.to_owned()), deed);
            return Ok(Checked::Wrong);
        };
        guess.was_right();
        let factor = self.store.tenant(tenant.id).user_factor(user.id, TOTP).await.map_err(store_problem)?;
        Ok(if factor.is_some() { Checked::NeedsFactor(user) } else { Checked::Right(user) })
    }

    async fn user_by_password(
        &self,
        tenant: &Tenant,
        name: &str,
        password: Secret,
        network: Network,
    ) -> Result<Option<User>, OAuthProblem> {
        let user = self.store.tenant(tenant.id).user_by_name(name).await.map_err(store_problem)?;
        let user = user.filter(|user| may_sign_in(user) && user.password_hash.starts_with('$'));
        let is_right = match &user {
            Some(user) => self.hash_matches(user.password_hash.clone(), password, network).await?,
            None => self.hash_in_vain(password, network).await?,
        };
        Ok(user.filter(|_| is_right))
    }

    /// The tenant whose domain a principal name ends with.
    pub(crate) async fn tenant_of_user(&self, name: &str) -> Result<Option<Tenant>, OAuthProblem> {
        let Some((_, domain)) = name.rsplit_once('@') else { return Ok(None) };
        self.store.tenant_by_domain(domain.trim()).await.map_err(store_problem)
    }

    pub(crate) async fn begin_in_browser(
        &self,
        tenant: &Tenant,
        user: &User,
        methods: &[&str],
        network: Network,
    ) -> Result<SignInStep, OAuthProblem> {
        let detail = Some(json!({ "methods": methods }));
        let deed = Deed { tenant: tenant.id, app: None, network, action: "sign in", detail };
        self.write_down(user, deed).await?;
        let (cookie, now) = (new_token()?, self.clock.now());
        let sign_in = SignIn {
            tenant: tenant.id,
            id: Uuid::new_v4(),
            user: user.id,
            app: None,
            resource: String::new(),
            scope: String::new(),
            methods: methods.iter().map(|method| (*method).to_owned()).collect(),
            authenticated: now,
            created: now,
            last_used: now,
            expires: now.plus_seconds(BROWSER_SECONDS),
            ended: None,
        };
        let hash = sha256(&[cookie.expose().as_bytes()]);
        let added = self.store.tenant(tenant.id).add_sign_in(&sign_in, Some(&hash), None).await;
        added.map_err(store_problem)?;
        Ok(SignInStep::Done { cookie })
    }

    /// Judges a code of a second factor, unless too many were wrong.
    async fn judge_code(
        &self,
        tenant: &Tenant,
        user: &User,
        code: &str,
        network: Network,
    ) -> Result<Judged, OAuthProblem> {
        let deed =
            Deed { tenant: tenant.id, app: None, network, action: "prove a second factor", detail: None };
        let guess = match self.factor_attempts.begin((tenant.id, user.id), self.clock.now()) {
            Ok(guess) => guess,
            Err(wait) => {
                if wait.is_first {
                    let deed = deed.with(json!({ "reason": "too many attempts", "seconds": wait.seconds }));
                    self.write_down_refused(Doer::Known(user.id), deed);
                }
                return Ok(Judged::Wait { seconds: wait.seconds });
            }
        };
        match self.takes_code(tenant, user, code).await {
            Ok(true) => {
                guess.was_right();
                Ok(Judged::Right)
            }
            Ok(false) => {
                self.write_down_refused(Doer::Known(user.id), deed.with(json!({ "reason": "wrong code" })));
                Ok(Judged::Wrong)
            }
            Err(problem) => {
                guess.take_back();
                Err(problem)
            }
        }
    }

    async fn takes_code(&self, tenant: &Tenant, user: &User, code: &str) -> Result<bool, OAuthProblem> {
        let store = self.store.tenant(tenant.id);
        let factor = store.user_factor(user.id, TOTP).await.map_err(store_problem)?;
        let Some(factor) = factor else { return Ok(false) };
        let opened = self.ring.sealing().open(&factor_name(user.id), &factor.sealed);
        let bytes = opened.ok_or(OAuthProblem::Internal)?;
        match totp::step_of(&bytes, code, self.clock.now().unix_seconds()) {
            Some(step) => store.take_factor_step(user.id, TOTP, step).await.map_err(store_problem),
            None => Ok(false),
        }
    }

    fn open_offer(&self, browser: &Browser, offer: &str) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        self.ring.sealing().open(&offer_name(browser.user.id), &unhex(offer)?)
    }

    fn ticket(&self, tenant: &Tenant, user: &User) -> Result<Secret, OAuthProblem> {
        let expires = self.clock.now().unix_seconds() + TICKET_SECONDS;
        let ticket = Ticket { tenant: tenant.id.0, user: user.id, expires };
        let ticket = serde_json::to_vec(&ticket).map_err(|_| OAuthProblem::Internal)?;
        let sealed = self.ring.sealing().seal(TICKET, &ticket).map_err(internal_problem)?;
        Ok(Secret::new(crate::certificate::hex(&sealed)))
    }

    async fn open_ticket(&self, ticket: &str) -> Result<(Tenant, User), OAuthProblem> {
        let opened = unhex(ticket).and_then(|sealed| self.ring.sealing().open(TICKET, &sealed));
        let opened = opened.and_then(|bytes| serde_json::from_slice::<Ticket>(&bytes).ok());
        let ticket = opened.ok_or(Refusal::TicketExpired)?;
        if ticket.expires <= self.clock.now().unix_seconds() {
            return Err(Refusal::TicketExpired.into());
        }
        let found =
            self.tenant_and_user(model::TenantId(ticket.tenant), ticket.user, self.clock.now()).await?;
        found.ok_or_else(|| Refusal::UserGone.into())
    }

    async fn hash_in_vain(&self, password: Secret, network: Network) -> Result<bool, OAuthProblem> {
        static NOBODY: OnceLock<String> = OnceLock::new();
        let stored = match NOBODY.get() {
            Some(stored) => stored.clone(),
            None => {
                let made = tokio::task::spawn_blocking(|| secret::hash_password(&Secret::random()?));
                let made = made.await.map_err(|_| OAuthProblem::Internal)?.map_err(internal_problem)?;
                NOBODY.get_or_init(|| made).clone()
            }
        };
        self.hash_matches(stored, password, network).await?;
        Ok(false)
    }

    async fn hash_matches(
        &self,
        stored: String,
        password: Secret,
        network: Network,
    ) -> Result<bool, OAuthProblem> {
        let slot = self.hashes.take(network).await?;
        let work = tokio::task::spawn_blocking(move || {
            // It is used for as long as the work takes, whether or not anybody waits for that.
            let _slot = slot;
            secret::password_matches(&stored, &password)
        });
        work.await.map_err(|_| OAuthProblem::Internal)
    }
}

fn offer_name(user: Uuid) -> String {
    format!("offered authenticator of {user}")
}

fn factor_name(user: Uuid) -> String {
    format!("authenticator of {user}")
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.len() > 2_048 {
        return None;
    }
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}
