//! The way to a provider of others that signs users in, and the way back.

use axum::extract::Request;
use axum::response::Response;
use identity::{Form, SignInStep};

use super::Access::Open;
use super::Routes;
use super::visit::{FRESH, Visit, cookie, drop_cookie, see_other, set_cookie_for, turned_away};
use crate::ctx::{Outside, Param};

/// What a sign-in at a provider needs when it comes back, sealed.
const PENDING: &str = "__Host-bartizan-provider";
/// How long a browser keeps it.
const PENDING_SECONDS: u32 = 600;

pub(super) fn routes(routes: &mut Routes) {
    let there = "Sends a browser to a provider of others to sign in.";
    routes.get("/federated/{provider}", Open, to_provider).summary(there);
    let back = "Takes the answer of a provider of others.";
    routes.get("/federated/{provider}/callback", Open, from_provider).summary(back);
}

/// A link of the sign-in page, with the proof that it is one.
async fn to_provider(outside: Outside, Param(provider): Param, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let answer = async {
        let visit = Visit::of(outside.clone(), &parts).await?;
        outside.count(visit.network).map_err(turned_away)?;
        let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let get = |name| query.get(name).unwrap_or_default();
        visit.check(&query, "sign-in", get("wish"))?;
        let (issuer, is_fresh) = (outside.issuer(), get("wish") == FRESH);
        let sent = issuer.to_provider(&provider, get("next"), get("origin"), is_fresh).await;
        let sent = sent.map_err(turned_away)?;
        let mut response = see_other(&sent.location);
        let name = pending(&sent.state);
        set_cookie_for(&mut response, &name, sent.cookie.expose(), Some(PENDING_SECONDS));
        Ok(response)
    };
    answer.await.unwrap_or_else(|response: Box<Response>| *response)
}

async fn from_provider(outside: Outside, Param(provider): Param, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = Form::parse(parts.uri.query().unwrap_or_default().as_bytes());
    let name = pending(query.get("state").unwrap_or_default());
    let answer = async {
        let visit = Visit::of(outside.clone(), &parts).await?;
        outside.count(visit.network).map_err(turned_away)?;
        let issuer = outside.issuer();
        let cookie = cookie(&parts.headers, &name);
        let came =
            issuer.from_provider(&provider, cookie, &query, visit.network).await.map_err(turned_away)?;
        let mut response = match came.step {
            SignInStep::Done { cookie } => visit.signed_in(&cookie, &came.next).await?,
            SignInStep::Factor { page } => {
                visit.show_factor(&came.tenant, &came.next, &came.origin, &page, None)
            }
            // A provider that answers does not guess.
            SignInStep::Wrong | SignInStep::Wait { .. } => see_other(&came.next),
        };
        drop_cookie(&mut response, &name);
        Ok(response)
    };
    answer.await.unwrap_or_else(|response: Box<Response>| *response)
}

/// The cookie of the sign-in with that state, so that several can be on their way in one browser.
fn pending(state: &str) -> String {
    let known: String = state.chars().filter(char::is_ascii_alphanumeric).take(16).collect();
    format!("{PENDING}-{known}")
}
