//! Devices that cannot show a sign-in page (RFC 8628): they show a short code, which the user types elsewhere.

use model::{Permission, Ticks};
use serde_json::{Value, json};
use store::sign_in::{DelegatedGrant, DeviceAnswer, DeviceCode, DeviceState};

use crate::acts::Deed;
use crate::authorize_endpoint::delegated_names;
use crate::claims::TokenVersion;
use crate::client::{Presented, Proof};
use crate::form::Form;
use crate::issuer::Issuer;
use crate::network::Network;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::refusal::Refusal;
use crate::scope::{self, Asked};
use crate::secret::{self, sha256};
use crate::sign_in::Browser;
use crate::token::{internal_problem, store_problem};
use crate::user_token::new_token;

const LIFE_SECONDS: i64 = 15 * 60;
const INTERVAL_SECONDS: i64 = 5;
/// Letters that make no words and are not mistaken for others.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
const CODE_LETTERS: usize = 8;
/// Tries to find a code that no other device has.
const TRIES: usize = 5;

/// A device that waits, as its user is asked about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePage {
    pub app: String,
    pub user: String,
    pub tenant: String,
    pub user_code: String,
    pub delegated: Vec<(&'static str, &'static str)>,
}

/// What is next for a user who typed the code of a device.
#[derive(Debug)]
pub enum DeviceNext {
    /// No device of that code waits.
    Unknown,
    Wait {
        seconds: i64,
    },
    Ask(DevicePage),
    Approved {
        app: String,
    },
    Denied,
    Refused(OAuthError),
}

impl Issuer {
    /// `POST /{tenant}/oauth2/devicecode` and its second version, from there.
    pub async fn device_code(
        &self,
        segment: &str,
        version: TokenVersion,
        form: &Form,
        authorization: Option<&str>,
        network: Network,
    ) -> Result<Value, OAuthError> {
        let answer = async {
            form.check()?;
            let tenant = self.tenant_or_any(segment).await?;
            let presented = Presented::find(form, authorization)?;
            let known = self.client(tenant.as_ref(), &presented).await?;
            if matches!(presented.proof, Proof::Nothing) && !known.how.is_public {
                return Err(Refusal::PublicOnly.into());
            }
            let asked = match (version, form.get("scope"), form.get("resource")) {
                (TokenVersion::V1, _, resource) => Asked::all_of(resource.unwrap_or_default()),
                (TokenVersion::V2, Some(scope), _) => Asked::parse(scope)?,
                (TokenVersion::V2, None, _) => return Err(OAuthProblem::MissingParameter { name: "scope" }),
            };
            self.audience(&asked, segment)?;
            if !asked.permissions.is_subset(&scope::known(&known.how.delegated)) {
                return Err(Refusal::ScopeNotAsked.into());
            }
            let (token, now) = (new_token()?, self.clock.now());
            let hash = sha256(&[token.expose().as_bytes()]);
            let mut code = DeviceCode {
                user_code: String::new(),
                asked: tenant.map(|tenant| tenant.id),
                app: known.app.id,
                resource: asked.resource.clone(),
                scope: asked.stored(),
                expires: now.plus_seconds(LIFE_SECONDS),
                last_poll: Ticks(0),
                state: DeviceState::Pending,
                user: None,
                methods: Vec::new(),
                authenticated: Ticks(0),
                session: None,
                network: network.key(),
            };
            for tried in 1..=TRIES {
                code.user_code = user_code()?;
                match self.store.add_device_code(&hash, &code, now).await {
                    Ok(()) => break,
                    Err(store::StoreError::Exists { .. }) if tried < TRIES => {}
                    Err(store::StoreError::Invalid { .. }) => return Err(OAuthProblem::Unavailable),
                    Err(error) => return Err(store_problem(error)),
                }
            }
            let address = format!("{}/device", self.config.issuer_base);
            let shown = shown(&code.user_code);
            let message = format!(
                "To sign in, use a web browser to open the page {address} and enter the code {shown} to authenticate."
            );
            let mut answer = json!({
                "user_code": shown,
                "device_code": token.expose(),
                "verification_uri": address,
                "verification_uri_complete": format!("{address}?user_code={shown}"),
                "expires_in": LIFE_SECONDS,
                "interval": INTERVAL_SECONDS,
                "message": message,
            });
            if version == TokenVersion::V1 {
                answer["verification_url"] = json!(address);
                answer["expires_in"] = json!(LIFE_SECONDS.to_string());
                answer["interval"] = json!(INTERVAL_SECONDS.to_string());
            }
            Ok(answer)
        };
        answer.await.map_err(|problem| self.oauth_error(problem))
    }

    /// The page of a device, before and after its user said yes or no.
    pub async fn device_page(
        &self,
        typed: &str,
        browser: &Browser,
        network: Network,
        decision: Option<bool>,
    ) -> DeviceNext {
        let answer = async {
            let now = self.clock.now();
            let guess = match self.code_attempts.begin(network, now) {
                Ok(guess) => guess,
                Err(wait) => return Ok(DeviceNext::Wait { seconds: wait.seconds }),
            };
            let user_code: String =
                typed.chars().filter(char::is_ascii_alphabetic).take(CODE_LETTERS + 1).collect();
            let code = match self.store.device_code(&user_code.to_ascii_uppercase()).await {
                Ok(code) => code,
                Err(error) => {
                    guess.take_back();
                    return Err(store_problem(error));
                }
            };
            let is_for = |code: &DeviceCode| {
                code.expires > now
                    && code.state == DeviceState::Pending
                    && code.asked.is_none_or(|tenant| tenant == browser.tenant.id)
            };
            let Some(code) = code.filter(is_for) else {
                return Ok(DeviceNext::Unknown);
            };
            // A code that is right says nothing about those that were guessed before.
            guess.take_back();
            self.answer_device(&code, browser, decision).await
        };
        answer.await.unwrap_or_else(|problem| DeviceNext::Refused(self.oauth_error(problem)))
    }

    async fn answer_device(
        &self,
        code: &DeviceCode,
        browser: &Browser,
        decision: Option<bool>,
    ) -> Result<DeviceNext, OAuthProblem> {
        let known = self.app_of_page(Some(&browser.tenant), &code.app.to_string()).await?;
        let known = self.known_to(&known, &browser.tenant).await?;
        let asked = Asked::from_stored(&code.resource, &code.scope);
        let granted = self.granted_delegated(&browser.tenant, &known, browser.user.id).await?;
        let manifest = scope::known(&known.how.delegated);
        let wanted = if asked.everything { manifest.clone() } else { asked.permissions.clone() };
        let is_stranger = known.home != browser.tenant.id && known.partner.is_none();
        let is_missing = !asked.permissions.is_subset(&granted)
            || (asked.everything && granted.is_empty() && !manifest.is_empty());
        let may = browser.user.is_administrator || known.lets_users_consent_in(&browser.tenant);
        if is_stranger || (is_missing && !may) {
            return Err(Refusal::AdministratorNeeded.into());
        }
        let answered = async |state| {
            let answer = DeviceAnswer {
                state,
                user: (browser.tenant.id, browser.user.id),
                methods: &browser.sign_in.methods,
                authenticated: browser.sign_in.authenticated,
                session: browser.sign_in.id,
            };
            self.store.answer_device(&code.user_code, &answer).await
        };
        match decision {
            None => {
                let told = |permission: &Permission| {
                    let declared = permission.declaration();
                    Some((declared.delegated?, declared.summary))
                };
                Ok(DeviceNext::Ask(DevicePage {
                    app: known.app.display_name,
                    user: browser.user.principal_name.clone(),
                    tenant: browser.tenant.display_name.clone(),
                    user_code: shown(&code.user_code),
                    delegated: wanted.iter().filter_map(told).collect(),
                }))
            }
            Some(false) => {
                answered(DeviceState::Denied).await.map_err(store_problem)?;
                Ok(DeviceNext::Denied)
            }
            Some(true) => {
                let store = self.store.tenant(browser.tenant.id);
                let before = store.delegated_grants_of(known.app.id, browser.user.id).await;
                let before = before.map_err(store_problem)?;
                let own = before.iter().filter(|grant| grant.user == Some(browser.user.id));
                let own = own.flat_map(|grant| scope::known(&grant.permissions));
                let consented = delegated_names(&own.chain(wanted.iter().copied()).collect());
                let mut detail = json!({ "delegated": delegated_names(&wanted) });
                if is_missing {
                    detail["consented"] = json!(consented);
                }
                let deed = Deed::of(browser, "sign a device in").in_app(known.app.id).with(detail);
                self.write_down(&browser.user, deed).await?;
                if is_missing {
                    let grant = DelegatedGrant {
                        app: known.app.id,
                        user: Some(browser.user.id),
                        permissions: consented,
                        granted_by: browser.user.principal_name.clone(),
                        granted: self.clock.now(),
                    };
                    store.put_delegated_grant(&grant).await.map_err(store_problem)?;
                    self.forget(browser.tenant.id);
                }
                match answered(DeviceState::Approved).await.map_err(store_problem)? {
                    true => Ok(DeviceNext::Approved { app: known.app.display_name }),
                    false => Ok(DeviceNext::Unknown),
                }
            }
        }
    }
}

fn user_code() -> Result<String, OAuthProblem> {
    let mut code = String::new();
    while code.len() < CODE_LETTERS {
        let mut bytes = [0; 16];
        secret::fill(&mut bytes).map_err(internal_problem)?;
        // 240 is the last multiple of 20: above it the first letters would come more often.
        let fair = bytes.iter().filter(|byte| **byte < 240);
        code.extend(fair.map(|byte| char::from(LETTERS[usize::from(byte % 20)])));
    }
    code.truncate(CODE_LETTERS);
    Ok(code)
}

/// As it is shown, in two halves.
fn shown(code: &str) -> String {
    match code.split_at_checked(CODE_LETTERS / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => code.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_eight_letters_shown_in_two_halves() {
        let code = user_code().unwrap();
        assert_eq!(code.len(), CODE_LETTERS);
        assert!(code.bytes().all(|letter| LETTERS.contains(&letter)), "{code}");
        assert_ne!(code, user_code().unwrap());
        assert_eq!(shown("BCDFGHJK"), "BCDF-GHJK");
    }
}
