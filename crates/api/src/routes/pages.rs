//! The pages of the issuer: sign-in, consent, devices, a user's own sign-in, sign-out.
//!
//! A page carries the address that the user came to as `next`, with a MAC over it. Signing in leads back there, and
//! what is next is decided anew: nothing about a sign-in on its way is kept.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{COOKIE, HeaderMap, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use identity::{
    Browser, DeviceNext, Form, Network, Next, OAuthError, OAuthProblem, Redirection, Refusal, ResponseMode,
    Secret, SignInPage, SignInStep, TokenVersion,
};

use super::Access::Open;
use super::Routes;
use crate::ctx::{Outside, Param};
use crate::pages::{self, AccountPage, FactorForm, Page, Proof, SignInForm};
use crate::{body, list};

const FORM_BYTES_MAX: usize = 64 << 10;
/// Bound to this host and to TLS by their names (RFC 6265bis, 4.1.3).
const SESSION: &str = "__Host-bartizan-session";
const FORMS: &str = "__Host-bartizan-form";

pub(super) fn routes(routes: &mut Routes) {
    let ask = "Signs a user in for an app and answers with a code.";
    routes.get("/{tenant}/oauth2/authorize", Open, authorize_v1).summary(ask);
    routes.post("/{tenant}/oauth2/authorize", Open, authorize_by_post).summary(ask);
    routes.get("/{tenant}/oauth2/v2.0/authorize", Open, authorize_v2).summary(ask);
    routes.post("/{tenant}/oauth2/v2.0/authorize", Open, authorize_by_post).summary(ask);
    routes.post("/{tenant}/sign-in", Open, sign_in).summary("Takes the forms of the sign-in pages.");
    routes.post("/{tenant}/consent", Open, consent).summary("Takes the form of the consent page.");
    let consent = "Asks an administrator to give an app all that it asks for.";
    routes.get("/{tenant}/adminconsent", Open, admin_consent).summary(consent);
    routes.get("/{tenant}/v2.0/adminconsent", Open, admin_consent).summary(consent);
    for path in ["/{tenant}/oauth2/logout", "/{tenant}/oauth2/v2.0/logout"] {
        routes.get(path, Open, sign_out).summary("Signs the user of a browser out.");
        routes.post(path, Open, sign_out_confirmed).summary("Takes the form of the sign-out page.");
    }
    routes.get("/device", Open, device).summary("Asks for the code that a device shows.");
    routes.post("/device", Open, device_answered).summary("Takes the form of the device page.");
    routes.get("/account", Open, account).summary("Shows a user their sign-in and second factor.");
    routes.post("/account", Open, account_changed).summary("Takes the forms of the account page.");
}

/// Who asks by a browser.
struct Visit {
    outside: Outside,
    browser: Option<Browser>,
    /// The random text that forms are made for, and whether the browser has it already.
    forms: String,
    is_new: bool,
    network: Network,
    is_cross_site: bool,
}

impl Visit {
    async fn of(outside: Outside, parts: &Parts) -> Result<Visit, Box<Response>> {
        let issuer = outside.issuer();
        let network = network(&parts.extensions);
        let browser = match cookie(&parts.headers, SESSION) {
            Some(session) => issuer.browser(session, network).await.map_err(turned_away)?,
            None => None,
        };
        let (forms, is_new) = match cookie(&parts.headers, FORMS) {
            Some(forms) => (forms.to_owned(), false),
            None => {
                let made = issuer.new_form_cookie().map_err(turned_away)?;
                (made.expose().to_owned(), true)
            }
        };
        let site = parts.headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
        let is_cross_site = site.is_some_and(|site| site != "same-origin" && site != "none");
        Ok(Visit { outside, browser, forms, is_new, network, is_cross_site })
    }

    /// The MAC of a form of this browser and its user.
    fn csrf(&self, purpose: &str, next: &str, origin: &str, more: &str) -> String {
        let user = self.user();
        self.outside.issuer().form_token(&self.forms, &[purpose, next, origin, &user, more])
    }

    /// The form that was sent, if it is of a page of ours for this browser and its user.
    async fn form(&self, body: axum::body::Body, purpose: &str) -> Result<Form, Box<Response>> {
        let form = self.any_form(body).await?;
        self.check(&form, purpose, "")?;
        Ok(form)
    }

    async fn any_form(&self, body: axum::body::Body) -> Result<Form, Box<Response>> {
        match body::read(body, Vec::new(), FORM_BYTES_MAX, self.outside.config(), |_| Ok(())).await {
            Ok(body) => Ok(Form::parse(&body)),
            Err(_) => {
                let problem = OAuthProblem::TooLarge { problem: "the body is too large or cut off" };
                Err(turned_away(self.outside.issuer().oauth_error(problem)))
            }
        }
    }

    fn check(&self, form: &Form, purpose: &str, more: &str) -> Result<(), Box<Response>> {
        let get = |name| form.get(name).unwrap_or_default();
        let user = self.user();
        let fields = [purpose, get("next"), get("origin"), &user, more];
        let is_ours = self.outside.issuer().is_form_token(get("csrf"), &self.forms, &fields);
        if is_ours && !self.is_new && !self.is_cross_site {
            return Ok(());
        }
        Err(turned_away(self.outside.issuer().oauth_error(Refusal::FormForged.into())))
    }

    fn user(&self) -> String {
        self.browser.as_ref().map(|browser| browser.sign_in.id.to_string()).unwrap_or_default()
    }

    /// A page, with the cookie that its forms are made for.
    fn show(&self, page: Page) -> Response {
        let mut response = page.into_response();
        if self.is_new {
            set_cookie(&mut response, FORMS, &self.forms);
        }
        response
    }

    fn show_sign_in(
        &self,
        segment: &str,
        next: &str,
        about: &SignInPage,
        name: &str,
        message: Option<&str>,
    ) -> Response {
        let csrf = self.csrf("sign-in", next, &about.leads_to, "");
        let proof = Proof { csrf: &csrf, next, origin: &about.leads_to };
        self.show(pages::sign_in(&SignInForm { proof, segment, about, name, message }))
    }

    /// What a sign-in is for, to tell it again after a wrong password.
    async fn about(&self, next: &str, origin: &str) -> SignInPage {
        let unknown = SignInPage { leads_to: origin.to_owned(), ..SignInPage::default() };
        let Some(Target { segment, version: Some(version), query }) = Target::read(next) else {
            return unknown;
        };
        let query = Form::parse(query.as_bytes());
        match self.outside.issuer().authorize_page(&segment, version, &query, None).await {
            Next::SignIn { page } => page,
            _ => unknown,
        }
    }

    fn show_next(&self, next: Next, segment: &str, came_to: &str) -> Response {
        match next {
            Next::SignIn { page } => {
                let hint = page.hint.clone().unwrap_or_default();
                self.show_sign_in(segment, &without_prompt(came_to), &page, &hint, None)
            }
            Next::Consent { page } => {
                let csrf = self.csrf("consent", came_to, &page.leads_to, &format!("{page:?}"));
                let proof = Proof { csrf: &csrf, next: came_to, origin: &page.leads_to };
                self.show(pages::consent(&proof, &page, None))
            }
            Next::Go(redirection) => go(&redirection),
            Next::Refused { error, back } => pages::error(&error, back.as_ref()).into_response(),
        }
    }
}

async fn authorize_v1(outside: Outside, tenant: Param, request: Request) -> Response {
    authorize(outside, tenant, TokenVersion::V1, request).await
}

async fn authorize_v2(outside: Outside, tenant: Param, request: Request) -> Response {
    authorize(outside, tenant, TokenVersion::V2, request).await
}

async fn authorize(
    outside: Outside,
    Param(tenant): Param,
    version: TokenVersion,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let visit = match Visit::of(outside.clone(), &parts).await {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let next = outside.issuer().authorize_page(&tenant, version, &query, visit.browser.as_ref()).await;
    visit.show_next(next, &tenant, &came_to(&parts))
}

/// OpenID Connect, 3.1.2.1: the same by POST, which leads to the address that says it.
async fn authorize_by_post(outside: Outside, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let read = body::read(body, Vec::new(), FORM_BYTES_MAX, outside.config(), |_| Ok(())).await;
    let query = read.ok().and_then(|body| String::from_utf8(body).ok()).filter(|query| {
        query.len() <= 8 << 10 && query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
    });
    match query {
        Some(query) => see_other(&format!("{}?{query}", parts.uri.path())),
        None => {
            let problem = OAuthProblem::TooLarge { problem: "the body is too large or not form-encoded" };
            refused(&outside.issuer().oauth_error(problem))
        }
    }
}

async fn sign_in(outside: Outside, Param(tenant): Param, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = async {
        let visit = Visit::of(outside.clone(), &parts).await?;
        outside.count(visit.network).map_err(turned_away)?;
        let form = visit.form(body, "sign-in").await?;
        let get = |name| form.get(name).unwrap_or_default();
        let issuer = outside.issuer();
        let step = match form.get("ticket") {
            Some(ticket) => issuer.prove_factor(ticket, get("code"), visit.network).await,
            None => {
                let password = Secret::new(get("password").to_owned());
                issuer.sign_in(&tenant, get("username").trim(), password, visit.network).await
            }
        };
        let (message, ticket) = match step.map_err(turned_away)? {
            SignInStep::Done { cookie } => {
                if let Some(before) = &visit.browser {
                    issuer.sign_out(before).await.map_err(turned_away)?;
                }
                let mut response = see_other(get("next"));
                set_cookie(&mut response, SESSION, cookie.expose());
                return Ok(response);
            }
            SignInStep::Factor { ticket } => (None, Some(ticket)),
            SignInStep::Wrong if form.get("ticket").is_some() => {
                (Some("The code is not right. Each code can be used once.".to_owned()), None)
            }
            SignInStep::Wrong => (Some("The user name or password is not right.".to_owned()), None),
            SignInStep::Wait { seconds } => {
                (Some(format!("Too many wrong attempts. Try again in {seconds} seconds.")), None)
            }
        };
        let ticket = ticket.or_else(|| form.get("ticket").map(|ticket| Secret::new(ticket.to_owned())));
        let (next, origin) = (get("next"), get("origin"));
        Ok(match ticket {
            Some(ticket) => {
                let csrf = visit.csrf("sign-in", next, origin, "");
                let proof = Proof { csrf: &csrf, next, origin };
                let (ticket, message) = (ticket.expose(), message.as_deref());
                visit.show(pages::factor(&FactorForm { proof, segment: &tenant, ticket, message }))
            }
            None => {
                let about = visit.about(next, origin).await;
                visit.show_sign_in(&tenant, next, &about, get("username"), message.as_deref())
            }
        })
    };
    answer.await.unwrap_or_else(|response: Box<Response>| *response)
}

async fn consent(outside: Outside, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = async {
        let visit = Visit::of(outside.clone(), &parts).await?;
        let form = visit.any_form(body).await?;
        let next = form.get("next").unwrap_or_default().to_owned();
        let forged = || turned_away(outside.issuer().oauth_error(Refusal::FormForged.into()));
        let target = Target::read(&next).ok_or_else(forged)?;
        let browser = visit.browser.as_ref().ok_or_else(forged)?;
        let issuer = outside.issuer();
        let query = Form::parse(target.query.as_bytes());
        // The page as it is now: what was shown has to be the same, or it is shown again.
        let now = match target.version {
            Some(version) => issuer.authorize_page(&target.segment, version, &query, Some(browser)).await,
            None => issuer.admin_consent_page(&target.segment, &query, Some(browser), None).await,
        };
        let page = match &now {
            Next::Consent { page } => format!("{page:?}"),
            _ => return Ok(visit.show_next(now, &target.segment, &next)),
        };
        visit.check(&form, "consent", &page)?;
        let is_accepted = form.get("decision") == Some("accept");
        let is_for_all = form.get("for_all") == Some("on");
        let answered = match target.version {
            Some(version) => {
                let (segment, query) = (&target.segment, &query);
                issuer.consent_given(segment, version, query, browser, is_accepted, is_for_all).await
            }
            None => {
                issuer.admin_consent_page(&target.segment, &query, Some(browser), Some(is_accepted)).await
            }
        };
        if let Next::Go(redirection) = &answered
            && redirection.uri.is_empty()
        {
            let (heading, message) = match is_accepted {
                true => ("The app is allowed", "It can be used in your organisation now."),
                false => ("The app is not allowed", "Nothing was given to it."),
            };
            return Ok(visit.show(pages::done(heading, message)));
        }
        Ok(visit.show_next(answered, &target.segment, &next))
    };
    answer.await.unwrap_or_else(|response: Box<Response>| *response)
}

async fn admin_consent(outside: Outside, Param(tenant): Param, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = match Visit::of(outside.clone(), &parts).await {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let next = outside.issuer().admin_consent_page(&tenant, &query, visit.browser.as_ref(), None).await;
    visit.show_next(next, &tenant, &came_to(&parts))
}

async fn device(outside: Outside, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = match Visit::of(outside.clone(), &parts).await {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    let Some(browser) = &visit.browser else {
        return visit.show_sign_in("common", &came_to(&parts), &SignInPage::default(), "", None);
    };
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let Some(typed) = query.get("user_code") else { return visit.show(pages::device_code(None)) };
    let next = outside.issuer().device_page(typed, browser, visit.network, None).await;
    visit.show_device(next)
}

async fn device_answered(outside: Outside, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = async {
        let visit = Visit::of(outside.clone(), &parts).await?;
        outside.count(visit.network).map_err(turned_away)?;
        let form = visit.any_form(body).await?;
        let user_code = form.get("user_code").unwrap_or_default();
        let Some(browser) = &visit.browser else { return Ok(see_other("/device")) };
        // A form that is no page's is no guess of a code either.
        if visit.is_new || visit.is_cross_site || form.get("csrf").is_none() {
            return Err(turned_away(outside.issuer().oauth_error(Refusal::FormForged.into())));
        }
        // The page as it is now: what was shown has to be the same.
        let now = outside.issuer().device_page(user_code, browser, visit.network, None).await;
        let DeviceNext::Ask(page) = &now else { return Ok(visit.show_device(now)) };
        visit.check(&form, "device", &format!("{page:?}"))?;
        let is_accepted = form.get("decision") == Some("accept");
        let next = outside.issuer().device_page(user_code, browser, visit.network, Some(is_accepted)).await;
        Ok(visit.show_device(next))
    };
    answer.await.unwrap_or_else(|response: Box<Response>| *response)
}

impl Visit {
    fn show_device(&self, next: DeviceNext) -> Response {
        let page = match next {
            DeviceNext::Unknown => {
                pages::device_code(Some("No device waits with that code. It may have expired."))
            }
            DeviceNext::Wait { seconds } => {
                let message = format!("Too many wrong codes. Try again in {seconds} seconds.");
                pages::device_code(Some(&message))
            }
            DeviceNext::Ask(page) => {
                let csrf = self.csrf("device", "/device", "", &format!("{page:?}"));
                pages::device(&Proof { csrf: &csrf, next: "/device", origin: "" }, &page)
            }
            DeviceNext::Approved { app } => pages::device_answered(Some(&app)),
            DeviceNext::Denied => pages::device_answered(None),
            DeviceNext::Refused(error) => pages::error(&error, None),
        };
        self.show(page)
    }

    async fn show_account(&self, browser: &Browser, offer: Option<&str>, message: Option<&str>) -> Response {
        let issuer = self.outside.issuer();
        let offered = match issuer.has_totp(browser).await {
            Err(error) => return refused(&error),
            Ok(true) => None,
            Ok(false) => {
                match offer.and_then(|offer| Some((issuer.offered_totp(browser, offer)?, offer.to_owned()))) {
                    Some(again) => Some(again),
                    None => match issuer.new_totp(browser) {
                        Ok(offered) => Some(offered),
                        Err(error) => return refused(&error),
                    },
                }
            }
        };
        let csrf = self.csrf("account", "/account", "", "");
        self.show(pages::account(&AccountPage {
            proof: Proof { csrf: &csrf, next: "/account", origin: "" },
            user: &browser.user.principal_name,
            name: &browser.user.display_name,
            tenant: &browser.tenant.display_name,
            offer: offered.as_ref().map(|(secret, sealed)| (secret.expose(), sealed.as_str())),
            message,
        }))
    }
}

async fn account(outside: Outside, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = match Visit::of(outside, &parts).await {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    match &visit.browser {
        Some(browser) => visit.show_account(browser, None, None).await,
        None => visit.show_sign_in("common", "/account", &SignInPage::default(), "", None),
    }
}

async fn account_changed(outside: Outside, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = async {
        let visit = Visit::of(outside.clone(), &parts).await?;
        let form = visit.form(body, "account").await?;
        let Some(browser) = &visit.browser else { return Ok(see_other("/account")) };
        let (issuer, code) = (outside.issuer(), form.get("code").unwrap_or_default());
        let wrong = Some("The code is not right. Each code can be used once.");
        let message = match form.get("decision") {
            Some("add") => {
                let offer = form.get("offer").unwrap_or_default();
                let added = issuer.add_totp(browser, offer, code).await.map_err(turned_away)?;
                if !added {
                    return Ok(visit.show_account(browser, Some(offer), wrong).await);
                }
                None
            }
            Some("remove") => {
                let removed = issuer.remove_totp(browser, code).await.map_err(turned_away)?;
                if removed { None } else { wrong }
            }
            Some("sign_out_everywhere") => {
                issuer.sign_out_everywhere(browser).await.map_err(turned_away)?;
                return Ok(visit.signed_out(None));
            }
            _ => None,
        };
        Ok(visit.show_account(browser, None, message).await)
    };
    answer.await.unwrap_or_else(|response: Box<Response>| *response)
}

async fn sign_out(outside: Outside, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = match Visit::of(outside.clone(), &parts).await {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let after = match outside.issuer().after_sign_out(&query).await {
        Ok(after) => after,
        Err(error) => return refused(&error),
    };
    let Some(browser) = &visit.browser else { return visit.signed_out(after.as_ref()) };
    let hint = query.get("id_token_hint").unwrap_or_default();
    if outside.issuer().is_hint_for(hint, browser) {
        return match outside.issuer().sign_out(browser).await {
            Ok(()) => visit.signed_out(after.as_ref()),
            Err(error) => refused(&error),
        };
    }
    let next = came_to(&parts);
    let origin = after.as_ref().map(|after| origin_of(&after.uri)).unwrap_or_default();
    let csrf = visit.csrf("sign-out", &next, &origin, "");
    let proof = Proof { csrf: &csrf, next: &next, origin: &origin };
    visit.show(pages::sign_out(&proof, &browser.user.principal_name))
}

async fn sign_out_confirmed(outside: Outside, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = async {
        let visit = Visit::of(outside.clone(), &parts).await?;
        let form = visit.form(body, "sign-out").await?;
        if let Some(browser) = &visit.browser {
            outside.issuer().sign_out(browser).await.map_err(turned_away)?;
        }
        let query = form.get("next").and_then(|next| next.split_once('?')).map_or("", |(_, query)| query);
        let after = outside.issuer().after_sign_out(&Form::parse(query.as_bytes())).await;
        Ok(visit.signed_out(after.map_err(turned_away)?.as_ref()))
    };
    answer.await.unwrap_or_else(|response: Box<Response>| *response)
}

impl Visit {
    fn signed_out(&self, after: Option<&Redirection>) -> Response {
        let mut response = match after {
            Some(after) => go(after),
            None => self.show(pages::signed_out()),
        };
        let gone = format!("{SESSION}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
        if let Ok(value) = HeaderValue::from_str(&gone) {
            response.headers_mut().append(SET_COOKIE, value);
        }
        response
    }
}

/// The page of ours that a consent is about.
struct Target {
    segment: String,
    /// None is the consent of an administrator.
    version: Option<TokenVersion>,
    query: String,
}

impl Target {
    fn read(next: &str) -> Option<Target> {
        // Browsers read a backslash as a slash.
        if next.contains('\\') {
            return None;
        }
        let (path, query) = next.split_once('?')?;
        let segments: Vec<&str> = path.strip_prefix('/')?.trim_end_matches('/').split('/').collect();
        let words: Vec<String> = segments[1..].iter().map(|word| word.to_ascii_lowercase()).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let version = match words.as_slice() {
            ["oauth2", "authorize"] => Some(TokenVersion::V1),
            ["oauth2", "v2.0", "authorize"] => Some(TokenVersion::V2),
            ["adminconsent"] | ["v2.0", "adminconsent"] => None,
            _ => return None,
        };
        let segment = percent_encoding::percent_decode_str(segments[0]).decode_utf8().ok()?.into_owned();
        Some(Target { segment, version, query: query.to_owned() })
    }
}

fn go(redirection: &Redirection) -> Response {
    if redirection.mode == ResponseMode::FormPost {
        return pages::form_post(redirection, &origin_of(&redirection.uri)).into_response();
    }
    see_other(&redirection.location())
}

fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert("cache-control", HeaderValue::from_static("no-store"));
    headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    match HeaderValue::from_str(location) {
        Ok(location) => headers.insert(LOCATION, location),
        Err(_) => return StatusCode::BAD_REQUEST.into_response(),
    };
    response
}

fn refused(error: &OAuthError) -> Response {
    let mut response = pages::error(error, None).into_response();
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The same for what is on the way to a page: a response is large.
fn turned_away(error: OAuthError) -> Box<Response> {
    Box::new(refused(&error))
}

fn set_cookie(response: &mut Response, name: &str, value: &str) {
    let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(given, _)| *given == name).map(|(_, value)| value).filter(|value| value.len() <= 256)
}

/// Where a request comes from, as far as the connection tells.
pub(super) fn network(extensions: &Extensions) -> Network {
    let address = extensions.get::<ConnectInfo<SocketAddr>>();
    address.map_or_else(Network::default, |ConnectInfo(address)| Network::from(address.ip()))
}

/// The address that a user came to, on this server.
fn came_to(parts: &Parts) -> String {
    parts.uri.path_and_query().map_or_else(|| "/".to_owned(), |address| address.as_str().to_owned())
}

/// The address without the wish to sign in anew, which signing in fulfils.
fn without_prompt(address: &str) -> String {
    let Some((path, _)) = address.split_once('?') else { return address.to_owned() };
    let Ok(uri) = address.parse::<Uri>() else { return address.to_owned() };
    let kept = list::options(&uri).filter_map(|(raw, name, value)| match name.as_str() {
        "max_age" => None,
        "prompt" => {
            let words = value.split_ascii_whitespace();
            let words: Vec<&str> = words.filter(|word| !["login", "select_account"].contains(word)).collect();
            (!words.is_empty()).then(|| format!("prompt={}", words.join("+")))
        }
        _ => Some(raw.to_owned()),
    });
    format!("{path}?{}", kept.collect::<Vec<_>>().join("&"))
}

fn origin_of(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once(':') else { return String::new() };
    match rest.strip_prefix("//") {
        Some(rest) if scheme == "https" || scheme == "http" => {
            format!("{scheme}://{}", rest.split(['/', '?', '#']).next().unwrap_or_default())
        }
        _ => format!("{scheme}:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_fulfils_the_wish_to_sign_in() {
        for (address, expected) in [
            ("/t/oauth2/authorize?a=b%20c&prompt=login&d", "/t/oauth2/authorize?a=b%20c&d"),
            ("/t/authorize?prompt=login%20consent&max_age=0", "/t/authorize?prompt=consent"),
            ("/device", "/device"),
        ] {
            assert_eq!(without_prompt(address), expected);
        }
    }

    #[test]
    fn a_consent_is_about_a_page_of_ours() {
        let read =
            |next: &str| Target::read(next).map(|target| (target.segment, target.version, target.query));
        let expected = Some(("a b".to_owned(), Some(TokenVersion::V2), "x=1".to_owned()));
        assert_eq!(read("/a%20b/oauth2/V2.0/authorize?x=1"), expected);
        assert_eq!(read("/t/adminconsent?x"), Some(("t".to_owned(), None, "x".to_owned())));
        for next in [
            "",
            "/",
            "/t?x",
            "//evil.example/oauth2/authorize?x",
            "/t/oauth2/token?x",
            "/\\evil.example/oauth2/authorize?x",
        ] {
            assert_eq!(read(next), None, "{next}");
        }
    }

    #[test]
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; __Host-bartizan-form=x"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-bartizan-session=y"));
        assert_eq!((cookie(&headers, FORMS), cookie(&headers, SESSION)), (Some("x"), Some("y")));
        assert_eq!(cookie(&headers, "bartizan-form"), None);
    }
}
