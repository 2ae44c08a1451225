//! The grants that end in a token for a user: by code, refresh token, device code and password.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::TenantId;
use serde_json::json;
use store::sign_in::{CodeTaken, DeviceState, RefreshTaken};
use store::{SignIn, Tenant, User};
use uuid::Uuid;

use crate::acts::{Deed, Doer};
use crate::claims::TokenVersion;
use crate::client::{KnownApp, Presented};
use crate::form::Form;
use crate::issuer::{Issuer, is_any_tenant};
use crate::network::Network;
use crate::oauth_error::OAuthProblem;
use crate::refusal::Refusal;
use crate::scope::Asked;
use crate::secret::{Secret, sha256};
use crate::sign_in::Checked;
use crate::token::{TokenAnswer, store_problem};
use crate::user_token::{ForUser, Proved, wants_client_info};

/// A device that polls sooner than this after the last time is told to slow down.
const POLL_SECONDS_MIN: i64 = 4;

impl Issuer {
    /// `authorization_code` (RFC 6749, 4.1, with PKCE). A code that comes a second time ends what it was exchanged
    /// for the first time.
    pub(crate) async fn code_grant(
        &self,
        segment: &str,
        version: TokenVersion,
        form: &Form,
        authorization: Option<&str>,
        network: Network,
    ) -> Result<TokenAnswer, OAuthProblem> {
        let tenant = self.tenant_or_any(segment).await?;
        let presented = Presented::find(form, authorization)?;
        let hash = sha256(&[form.required("code")?.as_bytes()]);
        let known = self.client(tenant.as_ref(), &presented).await?;
        let now = self.clock.now();
        let code = match self.store.take_code(&hash, known.app.id, now).await.map_err(store_problem)? {
            CodeTaken::Fresh(code) => code,
            CodeTaken::Again { code, sign_in } => {
                if let Some(sign_in) = sign_in {
                    self.end_in_app(code.tenant, sign_in).await?;
                }
                let detail = Some(json!({ "reason": "used before", "ended": sign_in }));
                let (app, action) = (Some(known.app.id), "exchange a code");
                let deed = Deed { tenant: code.tenant, app, network, action, detail };
                self.write_down_refused(Doer::Known(code.user), deed);
                return Err(Refusal::CodeUsed.into());
            }
            CodeTaken::Unknown => return Err(Refusal::CodeInvalid.into()),
        };
        if code.expires <= now {
            return Err(Refusal::CodeExpired.into());
        }
        if tenant.is_some_and(|tenant| tenant.id != code.tenant)
            || !self.goes_on(code.tenant, code.user, code.session).await?
        {
            return Err(Refusal::CodeInvalid.into());
        }
        // RFC 6749, 4.1.3: named in the request, it has to be named here, and be the same.
        let redirect = form.get("redirect_uri");
        if redirect.unwrap_or_default() != code.redirect_uri
            && !(code.redirect_uri.is_empty() && redirect.is_some())
        {
            return Err(Refusal::CodeRedirect.into());
        }
        if !is_verified(code.challenge.as_deref(), form.get("code_verifier")) {
            return Err(Refusal::CodeVerifier.into());
        }
        let found = self.tenant_and_user(code.tenant, code.user, code.authenticated).await?;
        let (tenant, user) = found.ok_or(Refusal::UserGone)?;
        let known = self.in_tenant(&tenant, &known).await?;
        let asked = Asked::from_stored(&code.resource, &code.scope);
        let proved = Proved { methods: code.methods, at: code.authenticated };
        let (sign_in, answer) = self
            .begin_in_app(&ForUser {
                tenant: &tenant,
                user: &user,
                known: &known,
                asked: &asked,
                version,
                proved: &proved,
                nonce: code.nonce.as_deref(),
                wants_client_info: wants_client_info(form),
            })
            .await?;
        self.store.set_sign_in_of_code(&hash, sign_in).await.map_err(store_problem)?;
        Ok(answer)
    }

    /// `refresh_token`: each is used once, and one that comes again ends its sign-in (RFC 9700, 4.14).
    pub(crate) async fn refresh_grant(
        &self,
        segment: &str,
        version: TokenVersion,
        form: &Form,
        authorization: Option<&str>,
        network: Network,
    ) -> Result<TokenAnswer, OAuthProblem> {
        let tenant = self.tenant_or_any(segment).await?;
        let presented = Presented::find(form, authorization)?;
        let token = Secret::new(form.required("refresh_token")?.to_owned());
        let known = self.client(tenant.as_ref(), &presented).await?;
        let asked = match (version, form.get("scope"), form.get("resource")) {
            (TokenVersion::V2, Some(scope), _) => Some(Asked::parse(scope)?),
            (TokenVersion::V1, _, Some(resource)) => Some(Asked::all_of(resource)),
            _ => None,
        };
        if let Some(asked) = &asked {
            self.audience(asked, segment)?;
        }
        let (hash, now) = (sha256(&[token.expose().as_bytes()]), self.clock.now());
        let found = self.store.sign_in_of_refresh_token(&hash, now).await.map_err(store_problem)?;
        let is_for = |sign_in: &SignIn| {
            sign_in.app == Some(known.app.id)
                && tenant.as_ref().is_none_or(|tenant| tenant.id == sign_in.tenant)
        };
        let found = found.filter(|(sign_in, _)| is_for(sign_in));
        let (sign_in, is_usable) = found.ok_or(Refusal::RefreshInvalid)?;
        let Some((tenant, user)) =
            self.tenant_and_user(sign_in.tenant, sign_in.user, sign_in.created).await?
        else {
            self.end_in_app(sign_in.tenant, sign_in.id).await?;
            return Err(Refusal::UserGone.into());
        };
        let known = self.in_tenant(&tenant, &known).await?;
        let before = Asked::from_stored(&sign_in.resource, &sign_in.scope);
        let mut asked = asked.unwrap_or_else(|| before.clone());
        if !asked.names_resource() {
            // Words of sign-in alone ask for what the sign-in was for.
            asked = Asked { words: asked.words, ..before };
        }
        // What cannot be answered does not use the token up.
        if is_usable {
            self.check_consent(&tenant, &known, &user, &asked).await?;
        }
        match self.store.take_refresh_token(&hash, known.app.id, now).await.map_err(store_problem)? {
            RefreshTaken::Fresh(_) => {}
            RefreshTaken::Again(_) => {
                self.forget(tenant.id);
                let detail = Some(json!({ "reason": "used before", "ended": sign_in.id }));
                let (app, action) = (Some(known.app.id), "renew a token");
                let deed = Deed { tenant: tenant.id, app, network, action, detail };
                self.write_down_refused(Doer::Known(user.id), deed);
                return Err(Refusal::RefreshReused.into());
            }
            RefreshTaken::Unknown => return Err(Refusal::RefreshInvalid.into()),
        }
        let proved = Proved { methods: sign_in.methods, at: sign_in.authenticated };
        let to = ForUser {
            tenant: &tenant,
            user: &user,
            known: &known,
            asked: &asked,
            version,
            proved: &proved,
            nonce: None,
            wants_client_info: wants_client_info(form),
        };
        self.go_on_in_app(&to, sign_in.id).await
    }

    /// `device_code` (RFC 8628): what a device polls with while its user signs in elsewhere.
    pub(crate) async fn device_grant(
        &self,
        segment: &str,
        version: TokenVersion,
        form: &Form,
        authorization: Option<&str>,
    ) -> Result<TokenAnswer, OAuthProblem> {
        let tenant = self.tenant_or_any(segment).await?;
        let presented = Presented::find(form, authorization)?;
        let code = match form.get("device_code") {
            Some(code) => code,
            None => form.required("code")?,
        };
        let hash = sha256(&[code.as_bytes()]);
        let known = self.client(tenant.as_ref(), &presented).await?;
        let now = self.clock.now();
        let polled = self.store.poll_device(&hash, known.app.id, now).await.map_err(store_problem)?;
        let code = polled.ok_or(Refusal::DeviceUnknown)?;
        if code.expires <= now {
            return Err(Refusal::DeviceExpired.into());
        }
        let (tenant_id, user) = match (code.state, code.user) {
            (DeviceState::Approved, Some(approved)) => approved,
            (DeviceState::Denied, _) => return Err(Refusal::DeviceDenied.into()),
            (DeviceState::Pending, _) if now < code.last_poll.plus_seconds(POLL_SECONDS_MIN) => {
                return Err(Refusal::DeviceSlow.into());
            }
            (DeviceState::Pending, _) => return Err(Refusal::DevicePending.into()),
            _ => return Err(Refusal::DeviceUnknown.into()),
        };
        if tenant.is_some_and(|tenant| tenant.id != tenant_id)
            || !self.goes_on(tenant_id, user, code.session).await?
        {
            return Err(Refusal::DeviceUnknown.into());
        }
        let found = self.tenant_and_user(tenant_id, user, code.authenticated).await?;
        let (tenant, user) = found.ok_or(Refusal::UserGone)?;
        let known = self.in_tenant(&tenant, &known).await?;
        let asked = Asked::from_stored(&code.resource, &code.scope);
        let proved = Proved { methods: code.methods, at: code.authenticated };
        let to = ForUser {
            tenant: &tenant,
            user: &user,
            known: &known,
            asked: &asked,
            version,
            proved: &proved,
            nonce: None,
            wants_client_info: wants_client_info(form),
        };
        Ok(self.begin_in_app(&to).await?.1)
    }

    /// `password`, for the apps that an administrator allowed it. Users with a second factor have to sign in by the
    /// pages.
    pub(crate) async fn password_grant(
        &self,
        segment: &str,
        version: TokenVersion,
        form: &Form,
        authorization: Option<&str>,
        network: Network,
    ) -> Result<TokenAnswer, OAuthProblem> {
        let presented = Presented::find(form, authorization)?;
        let (name, password) = (form.required("username")?, form.required("password")?);
        let asked = match version {
            TokenVersion::V1 => Asked::all_of(form.required("resource")?),
            TokenVersion::V2 => Asked::parse(form.required("scope")?)?,
        };
        let tenant = match self.tenant_or_any(segment).await? {
            Some(tenant) => tenant,
            None => self.tenant_of_user(name).await?.ok_or(Refusal::WrongPassword)?,
        };
        self.audience(&asked, &tenant.display_name)?;
        let known = self.client(Some(&tenant), &presented).await?;
        if !known.how.takes_passwords {
            return Err(Refusal::PasswordsNotTaken.into());
        }
        let password = Secret::new(password.to_owned());
        let user = match self.check_password(&tenant, name, password, network, Some(known.app.id)).await? {
            Checked::Right(user) => user,
            Checked::NeedsFactor(_) => return Err(Refusal::SecondFactorNeeded.into()),
            Checked::Wrong => return Err(Refusal::WrongPassword.into()),
            Checked::Wait { .. } => return Err(Refusal::TooManyAttempts.into()),
        };
        self.check_consent(&tenant, &known, &user, &asked).await?;
        let methods = vec!["pwd".to_owned()];
        let (app, detail) = (Some(known.app.id), Some(json!({ "methods": methods })));
        let deed = Deed { tenant: tenant.id, app, network, action: "sign in", detail };
        self.write_down(&user, deed).await?;
        let proved = Proved { methods, at: self.clock.now() };
        let to = ForUser {
            tenant: &tenant,
            user: &user,
            known: &known,
            asked: &asked,
            version,
            proved: &proved,
            nonce: None,
            wants_client_info: wants_client_info(form),
        };
        Ok(self.begin_in_app(&to).await?.1)
    }

    /// Whether the browser in which a code was given is signed in still: signing out of it takes the code back.
    async fn goes_on(
        &self,
        tenant: TenantId,
        user: Uuid,
        session: Option<Uuid>,
    ) -> Result<bool, OAuthProblem> {
        let Some(session) = session else { return Ok(true) };
        self.store.tenant(tenant).is_session_live(user, session).await.map_err(store_problem)
    }

    /// Whether what is asked for was consented to.
    async fn check_consent(
        &self,
        tenant: &Tenant,
        known: &KnownApp,
        user: &User,
        asked: &Asked,
    ) -> Result<(), OAuthProblem> {
        let granted = self.granted_delegated(tenant, known, user.id).await?;
        let is_consented = asked.permissions.is_subset(&granted) && !(asked.everything && granted.is_empty());
        if is_consented { Ok(()) } else { Err(Refusal::ConsentNeeded.into()) }
    }

    /// The tenant of a path, or none where the path leaves it to the user.
    pub(crate) async fn tenant_or_any(&self, segment: &str) -> Result<Option<Tenant>, OAuthProblem> {
        if is_any_tenant(segment) { Ok(None) } else { self.tenant_of(segment).await.map(Some) }
    }

    /// An app as the tenant of its user knows it.
    async fn in_tenant(&self, tenant: &Tenant, known: &KnownApp) -> Result<KnownApp, OAuthProblem> {
        if known.home == tenant.id || known.partner.is_some() {
            return Ok(known.clone());
        }
        let found = self.known_app(tenant, &known.app.id.to_string()).await?;
        found.ok_or_else(|| Refusal::ConsentNeeded.into())
    }
}

/// RFC 7636: a code that was asked for with a challenge needs its verifier, and one without takes none, so that
/// nobody can leave the challenge out on the way.
fn is_verified(challenge: Option<&str>, verifier: Option<&str>) -> bool {
    match (challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) if (43..=128).contains(&verifier.len()) => {
            let hash = URL_SAFE_NO_PAD.encode(sha256(&[verifier.as_bytes()]));
            verify_slices_are_equal(hash.as_bytes(), challenge.as_bytes()).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_takes_its_verifier_and_nothing_takes_nothing() {
        // RFC 7636, appendix B.
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        for (challenge, verifier, expected) in [
            (Some(challenge), Some(verifier), true),
            (None, None, true),
            (Some(challenge), None, false),
            (None, Some(verifier), false),
            (Some(challenge), Some(challenge), false),
            (Some(challenge), Some(&verifier[1..]), false),
            (Some(challenge), Some(""), false),
        ] {
            assert_eq!(is_verified(challenge, verifier), expected, "{challenge:?} {verifier:?}");
        }
    }
}
