//! Users prove who they are by a password, and the browser that then stays signed in.

use std::sync::OnceLock;

use model::AppId;
use serde_json::json;
use store::{SignIn, Tenant, User, UserChange};
use uuid::Uuid;

use crate::acts::{Deed, Doer};
use crate::issuer::Issuer;
use crate::network::Network;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::second_factor::FactorPage;
use crate::secret::{self, Secret, sha256};
use crate::token::{internal_problem, store_problem};
use crate::user_token::{Proved, may_sign_in, new_token};

const PASSWORD_BYTES_MAX: usize = 1024;
const NAME_BYTES_MAX: usize = 512;
const BROWSER_SECONDS: i64 = 12 * 3_600;

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

/// What becomes of one step of a sign-in by the pages.
#[derive(Debug)]
pub enum SignInStep {
    /// The browser is signed in by this cookie from now on.
    Done {
        cookie: Secret,
    },
    /// The user has to prove a second factor.
    Factor {
        page: FactorPage,
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
                Checked::Right(user) | Checked::NeedsFactor(user) => {
                    let proved = Proved { methods: vec!["pwd".to_owned()], at: self.clock.now() };
                    self.after_first_factor(&tenant, &user, proved, network).await
                }
                Checked::Wrong => Ok(SignInStep::Wrong),
                Checked::Wait { seconds } => Ok(SignInStep::Wait { seconds }),
            }
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
        let factors = self.store.tenant(tenant.id).user_factor_kinds(user.id).await.map_err(store_problem)?;
        Ok(if factors.is_empty() { Checked::Right(user) } else { Checked::NeedsFactor(user) })
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
        proved: Proved,
        network: Network,
    ) -> Result<SignInStep, OAuthProblem> {
        let detail = Some(json!({ "methods": proved.methods }));
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
            methods: proved.methods,
            authenticated: proved.at,
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
