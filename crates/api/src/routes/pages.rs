//! The pages on which users come from apps and devices: sign-in, consent, codes.
//!
//! A page carries the address that the user came to as `next`, with a MAC over it. Signing in leads back there, and
//! what is next is decided anew: nothing about a sign-in on its way is kept.

use axum::extract::Request;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use identity::{
    DeviceNext, FactorProof, Form, Next, OAuthProblem, Refusal, Secret, SignInPage, SignInStep, TokenVersion,
};

use super::Access::Open;
use super::Routes;
use super::visit::{FORM_BYTES_MAX, FRESH, Visit, came_to, go, refused, see_other, turned_away};
use crate::ctx::{Outside, Param};
use crate::pages::{self, Proof};
use crate::{body, list};

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
    routes.get("/device", Open, device).summary("Asks for the code that a device shows.");
    routes.post("/device", Open, device_answered).summary("Takes the form of the device page.");
}

impl Visit {
    /// What a sign-in is for, to tell it again after a wrong password.
    pub async fn about(&self, next: &str, origin: &str) -> SignInPage {
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

    async fn show_next(&self, next: Next, segment: &str, came_to: &str) -> Response {
        match next {
            Next::SignIn { page } => {
                let hint = page.hint.clone().unwrap_or_default();
                self.show_sign_in(segment, &without_prompt(came_to), &page, &hint, None).await
            }
            Next::Consent { page } => {
                let csrf = self.csrf("consent", came_to, &page.leads_to, &format!("{page:?}"));
                let proof = Proof { csrf: &csrf, next: came_to, origin: &page.leads_to, wish: "" };
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
    visit.show_next(next, &tenant, &came_to(&parts)).await
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
        let form = visit.any_form(body).await?;
        visit.check(&form, "sign-in", form.get("wish").unwrap_or_default())?;
        let get = |name| form.get(name).unwrap_or_default();
        let issuer = outside.issuer();
        let (next, origin, ticket) = (get("next"), get("origin"), form.get("ticket"));
        let step = match ticket {
            Some(ticket) => {
                // What comes without an answer of the browser is no guess of a code.
                let proof = match form.get("state") {
                    Some(state) => FactorProof::Passkey { state, credential: get("credential") },
                    None => FactorProof::Code(get("code")),
                };
                issuer.prove_factor(ticket, proof, visit.network).await
            }
            None if get("password").is_empty() => {
                let message = "Enter your password, or sign in with your organisation.";
                let about = SignInPage { is_fresh: get("wish") == FRESH, ..visit.about(next, origin).await };
                let (name, message) = (get("username"), Some(message));
                return Ok(visit.show_sign_in(&tenant, next, &about, name, message).await);
            }
            None => {
                let password = Secret::new(get("password").to_owned());
                issuer.sign_in(&tenant, get("username").trim(), password, visit.network).await
            }
        };
        let message = match step.map_err(turned_away)? {
            SignInStep::Done { cookie } => return visit.signed_in(&cookie, next).await,
            SignInStep::Factor { page } => return Ok(visit.show_factor(&tenant, next, origin, &page, None)),
            SignInStep::Wrong if form.get("state").is_some() => "That was none of your passkeys.".to_owned(),
            SignInStep::Wrong if ticket.is_some() => {
                "The code is not right. Each code can be used once.".to_owned()
            }
            SignInStep::Wrong => "The user name or password is not right.".to_owned(),
            SignInStep::Wait { seconds } => {
                format!("Too many wrong attempts. Try again in {seconds} seconds.")
            }
        };
        Ok(match ticket {
            Some(ticket) => {
                let page = issuer.factor_page(ticket).await.map_err(turned_away)?;
                visit.show_factor(&tenant, next, origin, &page, Some(&message))
            }
            None => {
                let about = SignInPage { is_fresh: get("wish") == FRESH, ..visit.about(next, origin).await };
                visit.show_sign_in(&tenant, next, &about, get("username"), Some(&message)).await
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
            _ => return Ok(visit.show_next(now, &target.segment, &next).await),
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
        Ok(visit.show_next(answered, &target.segment, &next).await)
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
    visit.show_next(next, &tenant, &came_to(&parts)).await
}

async fn device(outside: Outside, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = match Visit::of(outside.clone(), &parts).await {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    let Some(browser) = &visit.browser else {
        return visit.show_sign_in("common", &came_to(&parts), &SignInPage::default(), "", None).await;
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
                pages::device(&Proof { csrf: &csrf, next: "/device", origin: "", wish: "" }, &page)
            }
            DeviceNext::Approved { app } => pages::device_answered(Some(&app)),
            DeviceNext::Denied => pages::device_answered(None),
            DeviceNext::Refused(error) => pages::error(&error, None),
        };
        self.show(page)
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
}
