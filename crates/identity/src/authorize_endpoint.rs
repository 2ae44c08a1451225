//! The authorization endpoint and consent: from a request and a browser to the next page, or back to the app.

use std::collections::BTreeSet;

use model::{Permission, TenantId};
use serde_json::json;
use store::Tenant;
use store::sign_in::{AuthorizationCode, DelegatedGrant, PartnerApp};

use crate::acts::Deed;
use crate::authorize_request::{AuthorizeRequest, Back, Unanswerable};
use crate::claims::{self, TokenVersion};
use crate::client::KnownApp;
use crate::form::Form;
use crate::issuer::Issuer;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::redirect::{Redirection, source_of};
use crate::refusal::Refusal;
use crate::scope;
use crate::secret::sha256;
use crate::sign_in::Browser;
use crate::token::store_problem;
use crate::user_token::new_token;

const CODE_SECONDS: i64 = 5 * 60;

/// What is next for a user who came from an app.
#[derive(Debug)]
pub enum Next {
    /// The user has to sign in, and then comes here again.
    SignIn {
        page: SignInPage,
    },
    /// The user has to say yes or no.
    Consent {
        page: ConsentPage,
    },
    Go(Redirection),
    /// Told on a page. With a way back to the app where there is one.
    Refused {
        error: OAuthError,
        back: Option<Redirection>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignInPage {
    pub app: Option<String>,
    /// The name of the tenant, where the path has one.
    pub tenant: Option<String>,
    pub hint: Option<String>,
    /// Whether the app wants the user to prove themselves now, whatever sessions there are.
    pub is_fresh: bool,
    /// Where the answer will lead, as a source of a content security policy; empty for a page of ours.
    pub leads_to: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentPage {
    pub app: String,
    /// The organisation that registered the app.
    pub publisher: String,
    pub user: String,
    pub tenant: String,
    /// Name and meaning of what the app may do for the user.
    pub delegated: Vec<(&'static str, &'static str)>,
    /// Name and meaning of what the app may do by itself, if an administrator says yes for all.
    pub application: Vec<(&'static str, &'static str)>,
    pub for_all: ForAll,
    pub leads_to: String,
}

/// Whether a yes is for the whole organisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForAll {
    No,
    /// An administrator chooses.
    May,
    /// What is asked for can be given for all only.
    Must,
}

/// What a yes gives.
struct Offer {
    /// What the user gives for themselves.
    asked: BTreeSet<Permission>,
    with_application: bool,
    for_all: ForAll,
}

impl Issuer {
    /// `GET /{tenant}/oauth2/authorize` and its second version.
    pub async fn authorize_page(
        &self,
        segment: &str,
        version: TokenVersion,
        query: &Form,
        browser: Option<&Browser>,
    ) -> Next {
        let request = match self.read_authorize(segment, version, query).await {
            Ok(request) => request,
            Err(unanswerable) => return self.unanswerable(unanswerable),
        };
        let back = request.back.clone();
        match self.next(&request, browser).await {
            Ok(next) => next,
            Err(problem) => self.unanswerable(Unanswerable::Back(back, problem)),
        }
    }

    /// The answer of the page of consent at the same address.
    pub async fn consent_given(
        &self,
        segment: &str,
        version: TokenVersion,
        query: &Form,
        browser: &Browser,
        is_accepted: bool,
        is_for_all: bool,
    ) -> Next {
        let request = match self.read_authorize(segment, version, query).await {
            Ok(request) => request,
            Err(unanswerable) => return self.unanswerable(unanswerable),
        };
        let back = request.back.clone();
        let answer = async {
            self.check_tenant(&request, browser)?;
            if !is_accepted {
                return Err(Refusal::ConsentDenied.into());
            }
            let known = self.known_to(&request.known, &browser.tenant).await?;
            let offer = self.offer(&request, &known, browser).await?;
            if let Some(offer) = offer {
                self.record(&known, browser, &offer, is_for_all).await?;
            }
            self.code(&request, browser).await
        };
        match answer.await {
            Ok(redirection) => Next::Go(redirection),
            Err(problem) => self.unanswerable(Unanswerable::Back(back, problem)),
        }
    }

    /// `GET /{tenant}/adminconsent` and its second version: an administrator gives an app all it asks for.
    pub async fn admin_consent_page(
        &self,
        segment: &str,
        query: &Form,
        browser: Option<&Browser>,
        decision: Option<bool>,
    ) -> Next {
        let read = async {
            query.check()?;
            let tenant = self.tenant_or_any(segment).await?;
            let known = self.app_of_page(tenant.as_ref(), query.required("client_id")?).await?;
            let registered = self.store.tenant(known.home).redirect_uris(known.app.id).await;
            let registered = registered.map_err(store_problem)?;
            let uri = match (query.get("redirect_uri"), registered.as_slice()) {
                // An app that signs nobody in has nowhere to go back to.
                (None, []) => String::new(),
                (None, [one, ..]) => one.clone(),
                (given, registered) => crate::redirect::chosen(registered, given)?.to_owned(),
            };
            Ok::<_, OAuthProblem>((tenant, known, uri))
        };
        let (tenant, known, uri) = match read.await {
            Ok(read) => read,
            Err(problem) => return self.refused(problem),
        };
        let leads_to = source_of(&uri);
        let Some(browser) = browser.filter(|browser| is_of(tenant.as_ref(), browser)) else {
            let page = SignInPage {
                app: Some(known.app.display_name),
                tenant: tenant.map(|tenant| tenant.display_name),
                hint: None,
                is_fresh: false,
                leads_to,
            };
            return Next::SignIn { page };
        };
        let state = query.get("state").map(|state| ("state".to_owned(), state.to_owned()));
        let go = |mut parameters: Vec<(String, String)>| {
            parameters.extend(state.clone());
            Redirection { uri: uri.clone(), mode: crate::redirect::ResponseMode::Query, parameters }
        };
        let answer = async {
            if known.home != browser.tenant.id && !known.how.is_multi_tenant {
                return Err(Refusal::UserOfAnotherTenant.into());
            }
            if !browser.user.is_administrator {
                return Err(Refusal::AdministratorNeeded.into());
            }
            let known = self.known_to(&known, &browser.tenant).await?;
            let offer = Offer {
                asked: scope::known(&known.how.delegated),
                with_application: true,
                for_all: ForAll::Must,
            };
            match decision {
                None => {
                    let page = self.consent_page(&known, browser, &offer, leads_to.clone()).await?;
                    Ok(Next::Consent { page })
                }
                Some(false) => {
                    let error = self.oauth_error(Refusal::ConsentDenied.into());
                    let parameters = vec![
                        ("error".to_owned(), error.error().to_owned()),
                        ("error_description".to_owned(), error.description()),
                    ];
                    Ok(Next::Go(go(parameters)))
                }
                Some(true) => {
                    self.record(&known, browser, &offer, true).await?;
                    Ok(Next::Go(go(vec![
                        ("admin_consent".to_owned(), "True".to_owned()),
                        ("tenant".to_owned(), browser.tenant.id.to_string()),
                    ])))
                }
            }
        };
        answer.await.unwrap_or_else(|problem| self.refused(problem))
    }

    async fn next(
        &self,
        request: &AuthorizeRequest,
        browser: Option<&Browser>,
    ) -> Result<Next, OAuthProblem> {
        let now = self.clock.now();
        let is_fresh = |browser: &&Browser| {
            request.max_age.is_none_or(|age| browser.sign_in.authenticated.plus_seconds(age.max(1)) >= now)
        };
        let browser = browser.filter(|browser| is_of(request.tenant.as_ref(), browser)).filter(is_fresh);
        let browser = browser.filter(|_| !request.prompt.login || request.prompt.none);
        let Some(browser) = browser else {
            if request.prompt.none {
                return Err(Refusal::LoginRequired.into());
            }
            let page = SignInPage {
                app: Some(request.known.app.display_name.clone()),
                tenant: request.tenant.as_ref().map(|tenant| tenant.display_name.clone()),
                hint: request.hint.clone(),
                is_fresh: request.prompt.login || request.max_age.is_some(),
                leads_to: source_of(&request.back.uri),
            };
            return Ok(Next::SignIn { page });
        };
        self.check_tenant(request, browser)?;
        let known = self.known_to(&request.known, &browser.tenant).await?;
        let Some(offer) = self.offer(request, &known, browser).await? else {
            return Ok(Next::Go(self.code(request, browser).await?));
        };
        if request.prompt.none {
            return Err(Refusal::ConsentRequired.into());
        }
        let may = browser.user.is_administrator
            || (known.lets_users_consent_in(&browser.tenant) && offer.for_all != ForAll::Must);
        if !may {
            let error = self.oauth_error(Refusal::AdministratorNeeded.into());
            let back = Some(request.back.clone().refused(&error));
            return Ok(Next::Refused { error, back });
        }
        let page = self.consent_page(&known, browser, &offer, source_of(&request.back.uri)).await?;
        Ok(Next::Consent { page })
    }

    /// What has to be consented to before the app gets a code; nothing when all of it was.
    async fn offer(
        &self,
        request: &AuthorizeRequest,
        known: &KnownApp,
        browser: &Browser,
    ) -> Result<Option<Offer>, OAuthProblem> {
        let granted = self.granted_delegated(&browser.tenant, known, browser.user.id).await?;
        let manifest = scope::known(&known.how.delegated);
        let asked =
            if request.asked.everything { manifest.clone() } else { request.asked.permissions.clone() };
        let is_stranger = known.home != browser.tenant.id && known.partner.is_none();
        let is_missing = is_stranger
            || !request.asked.permissions.is_subset(&granted)
            || (request.asked.everything && granted.is_empty() && !manifest.is_empty());
        let prompt = request.prompt;
        if !is_missing && !prompt.consent && !prompt.admin_consent {
            return Ok(None);
        }
        let must = is_stranger || prompt.admin_consent;
        let for_all = match (must, browser.user.is_administrator) {
            (true, _) => ForAll::Must,
            (false, true) => ForAll::May,
            (false, false) => ForAll::No,
        };
        let is_partner = known.home != browser.tenant.id;
        Ok(Some(Offer { asked, with_application: is_partner || prompt.admin_consent, for_all }))
    }

    async fn consent_page(
        &self,
        known: &KnownApp,
        browser: &Browser,
        offer: &Offer,
        leads_to: String,
    ) -> Result<ConsentPage, OAuthProblem> {
        let publisher = self.store.tenant_by_id(known.home).await.map_err(store_problem)?;
        let delegated = offer.asked.iter().map(|permission| permission.declaration());
        let delegated = delegated.filter_map(|declared| Some((declared.delegated?, declared.summary)));
        let manifest = if offer.with_application { known.app.manifest.as_slice() } else { &[] };
        let application = manifest.iter().filter_map(|name| Permission::from_application_name(name));
        let application = application.map(|permission| permission.declaration());
        Ok(ConsentPage {
            app: known.app.display_name.clone(),
            publisher: publisher.map(|tenant| tenant.display_name).unwrap_or_default(),
            user: browser.user.principal_name.clone(),
            tenant: browser.tenant.display_name.clone(),
            delegated: delegated.collect(),
            application: application.map(|declared| (declared.application, declared.summary)).collect(),
            for_all: offer.for_all,
            leads_to,
        })
    }

    /// Writes a consent down: what was asked for at this moment, and nothing that the page did not show.
    async fn record(
        &self,
        known: &KnownApp,
        browser: &Browser,
        offer: &Offer,
        is_for_all: bool,
    ) -> Result<(), OAuthProblem> {
        let is_for_all = is_for_all || offer.for_all == ForAll::Must;
        if is_for_all && !browser.user.is_administrator {
            return Err(Refusal::AdministratorNeeded.into());
        }
        if !browser.user.is_administrator && !known.lets_users_consent_in(&browser.tenant) {
            return Err(Refusal::AdministratorNeeded.into());
        }
        let manifest =
            if is_for_all && offer.with_application { known.app.manifest.clone() } else { Vec::new() };
        let store = self.store.tenant(browser.tenant.id);
        let user = browser.user.id;
        let whose = (!is_for_all).then_some(user);
        // What the page showed, beside what was consented to in the same name before.
        let before = store.delegated_grants_of(known.app.id, user).await.map_err(store_problem)?;
        let before = before.iter().filter(|grant| grant.user == whose);
        let before = before.flat_map(|grant| scope::known(&grant.permissions));
        let permissions = delegated_names(&before.chain(offer.asked.iter().copied()).collect());
        let detail = json!({ "forAll": is_for_all, "delegated": permissions, "application": manifest });
        let deed = Deed::of(browser, "consent to an app").in_app(known.app.id).with(detail);
        self.write_down(&browser.user, deed).await?;
        let (by, now) = (browser.user.principal_name.clone(), self.clock.now());
        if is_for_all && offer.with_application {
            if known.home == browser.tenant.id {
                if !known.app.manifest.is_empty() {
                    let granted = self.consent(browser.tenant.id, known.app.id, &by).await;
                    granted.map_err(crate::token::internal_problem)?;
                }
            } else {
                let partner = PartnerApp {
                    app: known.app.id,
                    home: known.home,
                    permissions: known.app.manifest.clone(),
                    granted_by: by.clone(),
                    granted: now,
                };
                store.put_partner_app(&partner).await.map_err(store_problem)?;
            }
        }
        let grant =
            DelegatedGrant { app: known.app.id, user: whose, permissions, granted_by: by, granted: now };
        store.put_delegated_grant(&grant).await.map_err(store_problem)?;
        self.forget(browser.tenant.id);
        Ok(())
    }

    /// A code for the app, on its way.
    async fn code(&self, request: &AuthorizeRequest, browser: &Browser) -> Result<Redirection, OAuthProblem> {
        let code = new_token()?;
        let row = AuthorizationCode {
            tenant: browser.tenant.id,
            app: request.known.app.id,
            user: browser.user.id,
            redirect_uri: request.named.clone(),
            challenge: request.challenge.clone(),
            resource: request.asked.resource.clone(),
            scope: request.asked.stored(),
            nonce: request.nonce.clone(),
            methods: browser.sign_in.methods.clone(),
            authenticated: browser.sign_in.authenticated,
            expires: self.clock.now().plus_seconds(CODE_SECONDS),
            session: Some(browser.sign_in.id),
        };
        let hash = sha256(&[code.expose().as_bytes()]);
        self.store.add_code(&hash, &row).await.map_err(store_problem)?;
        let issuer = self.issuer_of(Some(browser.tenant.id), request.version);
        let back = Back { issuer, ..request.back.clone() };
        Ok(back.with(vec![("code".to_owned(), code.expose().to_owned())]))
    }

    /// An app as a tenant knows it, after the tenant of the user is known.
    pub(crate) async fn known_to(&self, known: &KnownApp, tenant: &Tenant) -> Result<KnownApp, OAuthProblem> {
        if known.home == tenant.id {
            return Ok(KnownApp { partner: None, ..known.clone() });
        }
        let partner = self.store.tenant(tenant.id).partner_app(known.app.id).await.map_err(store_problem)?;
        Ok(KnownApp { partner, ..known.clone() })
    }

    fn check_tenant(&self, request: &AuthorizeRequest, browser: &Browser) -> Result<(), OAuthProblem> {
        let is_allowed = request.known.home == browser.tenant.id || request.known.how.is_multi_tenant;
        let is_same = is_of(request.tenant.as_ref(), browser);
        if is_allowed && is_same { Ok(()) } else { Err(Refusal::UserOfAnotherTenant.into()) }
    }

    pub(crate) fn issuer_of(&self, tenant: Option<TenantId>, version: TokenVersion) -> String {
        match tenant {
            Some(tenant) => claims::issuer(&self.config.issuer_base, tenant, version),
            None => self.config.issuer_base.clone(),
        }
    }

    fn unanswerable(&self, unanswerable: Unanswerable) -> Next {
        match unanswerable {
            Unanswerable::Page(problem) => self.refused(problem),
            Unanswerable::Back(back, problem) => Next::Go(back.refused(&self.oauth_error(problem))),
        }
    }

    fn refused(&self, problem: OAuthProblem) -> Next {
        Next::Refused { error: self.oauth_error(problem), back: None }
    }
}

pub(crate) fn delegated_names(permissions: &BTreeSet<Permission>) -> Vec<String> {
    let names = permissions.iter().filter_map(|permission| permission.declaration().delegated);
    names.map(str::to_owned).collect()
}

fn is_of(tenant: Option<&Tenant>, browser: &Browser) -> bool {
    tenant.is_none_or(|tenant| tenant.id == browser.tenant.id)
}
