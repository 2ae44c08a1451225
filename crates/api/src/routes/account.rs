//! The pages of a user's own sign-in: second factors, and the end.

use axum::extract::Request;
use axum::response::Response;
use identity::{Browser, FactorProof, Form, Issuer, OAuthError, Redirection, SignInPage};

use super::Access::Open;
use super::Routes;
use super::visit::{SESSION, Visit, came_to, drop_cookie, go, origin_of, refused, see_other, turned_away};
use crate::ctx::Outside;
use crate::pages::{self, AccountPage, Passkeys, Proof};

pub(super) fn routes(routes: &mut Routes) {
    for path in ["/{tenant}/oauth2/logout", "/{tenant}/oauth2/v2.0/logout"] {
        routes.get(path, Open, sign_out).summary("Signs the user of a browser out.");
        routes.post(path, Open, sign_out_confirmed).summary("Takes the form of the sign-out page.");
    }
    routes.get("/account", Open, account).summary("Shows a user their sign-in and second factors.");
    routes.post("/account", Open, account_changed).summary("Takes the forms of the account page.");
}

impl Visit {
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
        let passkeys = match passkeys(issuer, browser).await {
            Ok(passkeys) => passkeys,
            Err(error) => return refused(&error),
        };
        let csrf = self.csrf("account", "/account", "", "");
        self.show(pages::account(&AccountPage {
            proof: Proof { csrf: &csrf, next: "/account", origin: "", wish: "" },
            user: &browser.user.principal_name,
            name: &browser.user.display_name,
            tenant: &browser.tenant.display_name,
            offer: offered.as_ref().map(|(secret, sealed)| (secret.expose(), sealed.as_str())),
            passkeys: &passkeys,
            message,
        }))
    }
}

async fn passkeys(issuer: &Issuer, browser: &Browser) -> Result<Passkeys, OAuthError> {
    let all = issuer.passkeys(browser).await?;
    let to_remove = if all.is_empty() { None } else { issuer.ask_before_removing(browser).await? };
    let to_add = issuer.offer_passkey(browser).await?;
    Ok(Passkeys { are_taken: issuer.takes_passkeys(), all, to_add, to_remove })
}

async fn account(outside: Outside, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let visit = match Visit::of(outside, &parts).await {
        Ok(visit) => visit,
        Err(response) => return *response,
    };
    match &visit.browser {
        Some(browser) => visit.show_account(browser, None, None).await,
        None => visit.show_sign_in("common", "/account", &SignInPage::default(), "", None).await,
    }
}

async fn account_changed(outside: Outside, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let answer = async {
        let visit = Visit::of(outside.clone(), &parts).await?;
        let form = visit.form(body, "account").await?;
        let Some(browser) = &visit.browser else { return Ok(see_other("/account")) };
        let get = |name| form.get(name).unwrap_or_default();
        let (issuer, code) = (outside.issuer(), get("code"));
        let wrong = Some("The code is not right. Each code can be used once.");
        let message = match form.get("decision") {
            Some("add") => {
                let offer = get("offer");
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
            Some("add_passkey") => {
                let added = issuer.add_passkey(browser, get("state"), get("credential")).await;
                if added.map_err(turned_away)? { None } else { Some("The passkey was not taken. Try again.") }
            }
            Some("remove_passkey") => {
                let proof = match form.get("state") {
                    Some(state) => FactorProof::Passkey { state, credential: get("credential") },
                    None => FactorProof::Code(code),
                };
                let removed = issuer.remove_passkey(browser, get("passkey"), proof).await;
                let wrong = "That was none of your passkeys or codes. Each code can be used once.";
                if removed.map_err(turned_away)? { None } else { Some(wrong) }
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
    let proof = Proof { csrf: &csrf, next: &next, origin: &origin, wish: "" };
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
        drop_cookie(&mut response, SESSION);
        response
    }
}
