//! What users prove beside the first factor: codes of an authenticator app, or a passkey.
//!
//! Who has proved the first one holds a ticket that says so; the second one is proved with it.

use model::{TenantId, Ticks};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::sign_in::UserFactor;
use store::{Tenant, User};
use uuid::Uuid;

use crate::acts::{Deed, Doer};
use crate::issuer::Issuer;
use crate::network::Network;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::passkeys::{PASSKEYS, PasskeyCeremony, Purpose};
use crate::refusal::Refusal;
use crate::secret::{self, Secret};
use crate::sign_in::{Browser, SignInStep};
use crate::token::{internal_problem, store_problem};
use crate::totp;
use crate::user_token::Proved;

const TICKET_SECONDS: i64 = 10 * 60;
const TICKET: &str = "ticket of a second factor";
pub(crate) const TOTP: &str = "totp";

/// What the page for the second factor shows.
#[derive(Clone, Debug)]
pub struct FactorPage {
    /// Says that the first factor was right.
    pub ticket: Secret,
    /// Whether the user has an authenticator app.
    pub has_totp: bool,
    /// Where the user has passkeys: what the browser is asked for one with.
    pub passkey: Option<PasskeyCeremony>,
}

/// What proves a second factor.
#[derive(Clone, Copy, Debug)]
pub enum FactorProof<'a> {
    Code(&'a str),
    /// The state of the ceremony, and what the browser answered.
    Passkey {
        state: &'a str,
        credential: &'a str,
    },
}

/// What became of what proves a second factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Right,
    Wrong,
    Wait { seconds: i64 },
}

#[derive(Serialize, Deserialize)]
struct Ticket {
    tenant: Uuid,
    user: Uuid,
    /// How the first factor was proved.
    methods: Vec<String>,
    /// When it was, and when the ticket was given.
    at: i64,
    issued: i64,
}

impl Issuer {
    /// What comes after the first factor: the second one, where the user has one.
    pub(crate) async fn after_first_factor(
        &self,
        tenant: &Tenant,
        user: &User,
        proved: Proved,
        network: Network,
    ) -> Result<SignInStep, OAuthProblem> {
        let factors = self.store.tenant(tenant.id).user_factor_kinds(user.id).await.map_err(store_problem)?;
        if factors.is_empty() {
            return self.begin_in_browser(tenant, user, proved, network).await;
        }
        let ticket = self.ticket(tenant, user, proved)?;
        Ok(SignInStep::Factor { page: self.page_of(ticket, tenant, user, &factors).await? })
    }

    /// The page for a ticket, to be shown again after what was wrong.
    pub async fn factor_page(&self, ticket: &str) -> Result<FactorPage, OAuthError> {
        let page = async {
            let (tenant, user, _) = self.open_ticket(ticket).await?;
            let factors = self.store.tenant(tenant.id).user_factor_kinds(user.id).await;
            let ticket = Secret::new(ticket.to_owned());
            self.page_of(ticket, &tenant, &user, &factors.map_err(store_problem)?).await
        };
        page.await.map_err(|problem| self.oauth_error(problem))
    }

    async fn page_of(
        &self,
        ticket: Secret,
        tenant: &Tenant,
        user: &User,
        factors: &[String],
    ) -> Result<FactorPage, OAuthProblem> {
        let has = |kind| factors.iter().any(|factor| factor == kind);
        let passkey =
            if has(PASSKEYS) { self.ask_for_passkey(tenant, user, Purpose::SignIn).await? } else { None };
        Ok(FactorPage { ticket, has_totp: has(TOTP), passkey })
    }

    /// The second factor of a sign-in by the pages.
    pub async fn prove_factor(
        &self,
        ticket: &str,
        proof: FactorProof<'_>,
        network: Network,
    ) -> Result<SignInStep, OAuthError> {
        let step = async {
            let (tenant, user, mut proved) = self.open_ticket(ticket).await?;
            // Only who has the first factor gets here, so that counting by account locks nobody else out.
            match self.judge(&tenant, &user, proof, Purpose::SignIn, network).await? {
                Judged::Right => {}
                Judged::Wrong => return Ok(SignInStep::Wrong),
                Judged::Wait { seconds } => return Ok(SignInStep::Wait { seconds }),
            }
            let own = match proof {
                FactorProof::Code(_) => "otp",
                FactorProof::Passkey { .. } => "fido",
            };
            for method in [own, "mfa"] {
                if !proved.methods.iter().any(|known| known == method) {
                    proved.methods.push(method.to_owned());
                }
            }
            self.begin_in_browser(&tenant, &user, proved, network).await
        };
        step.await.map_err(|problem| self.oauth_error(problem))
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
            self.check_may_add(browser).await?;
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
        let factors = self.store.tenant(browser.tenant.id).user_factor_kinds(browser.user.id).await;
        let factors = factors.map_err(|error| self.oauth_error(store_problem(error)))?;
        Ok(factors.iter().any(|kind| kind == TOTP))
    }

    /// Takes the user's authenticator away, when `code` proves that they still have it. False when it does not.
    pub async fn remove_totp(&self, browser: &Browser, code: &str) -> Result<bool, OAuthError> {
        let removed = async {
            let proof = FactorProof::Code(code);
            let (tenant, user) = (&browser.tenant, &browser.user);
            let judged = self.judge(tenant, user, proof, Purpose::Remove, browser.network).await?;
            if judged != Judged::Right {
                return Ok(false);
            }
            self.write_down(&browser.user, Deed::of(browser, "remove an authenticator")).await?;
            let store = self.store.tenant(browser.tenant.id);
            store.remove_user_factor(browser.user.id, TOTP).await.map_err(store_problem)
        };
        removed.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// Judges what proves a second factor, unless too much was wrong.
    pub(crate) async fn judge(
        &self,
        tenant: &Tenant,
        user: &User,
        proof: FactorProof<'_>,
        purpose: Purpose,
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
        let (judged, wrong) = match proof {
            FactorProof::Code(code) => (self.takes_code(tenant, user, code).await, "wrong code"),
            FactorProof::Passkey { state, credential } => {
                (self.takes_passkey(tenant, user, purpose, state, credential).await, "wrong passkey")
            }
        };
        match judged {
            Ok(true) => {
                guess.was_right();
                Ok(Judged::Right)
            }
            Ok(false) => {
                self.write_down_refused(Doer::Known(user.id), deed.with(json!({ "reason": wrong })));
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

    fn ticket(&self, tenant: &Tenant, user: &User, proved: Proved) -> Result<Secret, OAuthProblem> {
        let (methods, at, issued) = (proved.methods, proved.at.0, self.clock.now().0);
        let ticket = Ticket { tenant: tenant.id.0, user: user.id, methods, at, issued };
        let ticket = serde_json::to_vec(&ticket).map_err(|_| OAuthProblem::Internal)?;
        let sealed = self.ring.sealing().seal(TICKET, &ticket).map_err(internal_problem)?;
        Ok(Secret::new(crate::certificate::hex(&sealed)))
    }

    /// Whose ticket it is, and how they proved the first factor. What was taken back since ends it.
    async fn open_ticket(&self, ticket: &str) -> Result<(Tenant, User, Proved), OAuthProblem> {
        let opened = unhex(ticket).and_then(|sealed| self.ring.sealing().open(TICKET, &sealed));
        let opened = opened.and_then(|bytes| serde_json::from_slice::<Ticket>(&bytes).ok());
        let ticket = opened.ok_or(Refusal::TicketExpired)?;
        let issued = Ticks(ticket.issued);
        if issued.plus_seconds(TICKET_SECONDS) <= self.clock.now() {
            return Err(Refusal::TicketExpired.into());
        }
        let found = self.tenant_and_user(TenantId(ticket.tenant), ticket.user, issued).await?;
        let (tenant, user) = found.ok_or(Refusal::UserGone)?;
        Ok((tenant, user, Proved { methods: ticket.methods, at: Ticks(ticket.at) }))
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
