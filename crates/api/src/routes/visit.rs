//! A browser that comes to a page: who is signed in in it, and the proof that its forms are ours.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::header::{COOKIE, HeaderMap, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use identity::{
    Browser, FactorPage, Form, Network, OAuthError, OAuthProblem, Redirection, Refusal, ResponseMode, Secret,
    SignInPage,
};

use crate::body;
use crate::ctx::Outside;
use crate::pages::{self, FactorForm, Page, Proof, SignInForm};

pub(super) const FORM_BYTES_MAX: usize = 64 << 10;
/// Bound to this host and to TLS by their names (RFC 6265bis, 4.1.3).
pub(super) const SESSION: &str = "__Host-bartizan-session";
/// The wish of an app that the user signs in now.
pub(super) const FRESH: &str = "fresh";
const FORMS: &str = "__Host-bartizan-form";
/// What is in a cookie of a sign-in at a provider is the longest.
const COOKIE_BYTES_MAX: usize = 4_096;

/// Who asks by a browser.
pub(super) struct Visit {
    pub outside: Outside,
    pub browser: Option<Browser>,
    /// The random text that forms are made for, and whether the browser has it already.
    forms: String,
    pub is_new: bool,
    pub network: Network,
    pub is_cross_site: bool,
}

impl Visit {
    pub async fn of(outside: Outside, parts: &Parts) -> Result<Visit, Box<Response>> {
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
    pub fn csrf(&self, purpose: &str, next: &str, origin: &str, more: &str) -> String {
        let user = self.user();
        self.outside.issuer().form_token(&self.forms, &[purpose, next, origin, &user, more])
    }

    /// The form that was sent, if it is of a page of ours for this browser and its user.
    pub async fn form(&self, body: axum::body::Body, purpose: &str) -> Result<Form, Box<Response>> {
        let form = self.any_form(body).await?;
        self.check(&form, purpose, "")?;
        Ok(form)
    }

    pub async fn any_form(&self, body: axum::body::Body) -> Result<Form, Box<Response>> {
        match body::read(body, Vec::new(), FORM_BYTES_MAX, self.outside.config(), |_| Ok(())).await {
            Ok(body) => Ok(Form::parse(&body)),
            Err(_) => {
                let problem = OAuthProblem::TooLarge { problem: "the body is too large or cut off" };
                Err(turned_away(self.outside.issuer().oauth_error(problem)))
            }
        }
    }

    pub fn check(&self, form: &Form, purpose: &str, more: &str) -> Result<(), Box<Response>> {
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
    pub fn show(&self, page: Page) -> Response {
        let mut response = page.into_response();
        if self.is_new {
            set_cookie(&mut response, FORMS, &self.forms);
        }
        response
    }

    pub async fn show_sign_in(
        &self,
        segment: &str,
        next: &str,
        about: &SignInPage,
        name: &str,
        message: Option<&str>,
    ) -> Response {
        let issuer = self.outside.issuer();
        let mut providers = issuer.providers_of(segment).await;
        if providers.is_empty() {
            providers = issuer.providers_of_name(name);
        }
        // Whoever has to sign in anew has to do so at a provider too.
        let wish = if about.is_fresh { FRESH } else { "" };
        let csrf = self.csrf("sign-in", next, &about.leads_to, wish);
        let proof = Proof { csrf: &csrf, next, origin: &about.leads_to, wish };
        self.show(pages::sign_in(&SignInForm { proof, segment, about, providers: &providers, name, message }))
    }

    pub fn show_factor(
        &self,
        segment: &str,
        next: &str,
        origin: &str,
        page: &FactorPage,
        message: Option<&str>,
    ) -> Response {
        let csrf = self.csrf("sign-in", next, origin, "");
        let proof = Proof { csrf: &csrf, next, origin, wish: "" };
        self.show(pages::factor(&FactorForm { proof, segment, page, message }))
    }

    /// Sends a browser on in which a user is signed in from now on, and in which nobody else is any more.
    pub async fn signed_in(&self, cookie: &Secret, next: &str) -> Result<Response, Box<Response>> {
        if let Some(before) = &self.browser {
            self.outside.issuer().sign_out(before).await.map_err(turned_away)?;
        }
        let mut response = see_other(next);
        set_cookie(&mut response, SESSION, cookie.expose());
        Ok(response)
    }
}

pub(super) fn go(redirection: &Redirection) -> Response {
    if redirection.mode == ResponseMode::FormPost {
        return pages::form_post(redirection, &origin_of(&redirection.uri)).into_response();
    }
    see_other(&redirection.location())
}

pub(super) fn see_other(location: &str) -> Response {
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

pub(super) fn refused(error: &OAuthError) -> Response {
    let mut response = pages::error(error, None).into_response();
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The same for what is on the way to a page: a response is large.
pub(super) fn turned_away(error: OAuthError) -> Box<Response> {
    Box::new(refused(&error))
}

/// Takes a cookie back.
pub(super) fn drop_cookie(response: &mut Response, name: &str) {
    set_cookie_for(response, name, "", Some(0));
}

pub(super) fn set_cookie(response: &mut Response, name: &str, value: &str) {
    set_cookie_for(response, name, value, None);
}

/// A cookie that the browser forgets after so many seconds, or when it is closed.
pub(super) fn set_cookie_for(response: &mut Response, name: &str, value: &str, seconds: Option<u32>) {
    let age = seconds.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let cookie = format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax{age}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(given, _)| *given == name)
        .map(|(_, value)| value)
        .filter(|value| value.len() <= COOKIE_BYTES_MAX)
}

/// Where a request comes from, as far as the connection tells.
pub(super) fn network(extensions: &Extensions) -> Network {
    let address = extensions.get::<ConnectInfo<SocketAddr>>();
    address.map_or_else(Network::default, |ConnectInfo(address)| Network::from(address.ip()))
}

/// The address that a user came to, on this server.
pub(super) fn came_to(parts: &Parts) -> String {
    parts.uri.path_and_query().map_or_else(|| "/".to_owned(), |address| address.as_str().to_owned())
}

pub(super) fn origin_of(uri: &str) -> String {
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
    fn cookies_are_found_by_their_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, HeaderValue::from_static("a=1; __Host-bartizan-form=x"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-bartizan-session=y"));
        assert_eq!((cookie(&headers, FORMS), cookie(&headers, SESSION)), (Some("x"), Some("y")));
        assert_eq!(cookie(&headers, "bartizan-form"), None);
    }
}
