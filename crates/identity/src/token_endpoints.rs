//! What is asked about tokens that were issued: introspection, revocation, the user of one, the end of a sign-in.

use model::{Permission, TenantId, Ticks};
use serde_json::{Map, Value, json};

use crate::authorize::Caller;
use crate::claims::{Claims, TokenKind};
use crate::client::{Presented, Proof};
use crate::form::Form;
use crate::issuer::Issuer;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::redirect::{self, Redirection, ResponseMode};
use crate::refusal::Refusal;
use crate::secret::sha256;
use crate::sign_in::Browser;
use crate::token::store_problem;
use crate::verify::AuthError;

const ACCOUNT_BYTES_MAX: usize = 512;

impl Issuer {
    /// RFC 7662, for apps that can prove who they are: tokens of their tenant, and refresh tokens of their own.
    pub async fn introspect(
        &self,
        segment: &str,
        form: &Form,
        authorization: Option<&str>,
    ) -> Result<Value, OAuthError> {
        let answer = async {
            form.check()?;
            let tenant = self.tenant_of(segment).await?;
            let presented = Presented::find(form, authorization)?;
            if matches!(presented.proof, Proof::Nothing) {
                return Err(Refusal::NoClientProof.into());
            }
            let known = self.client(Some(&tenant), &presented).await?;
            let token = form.required("token")?;
            if let Ok(verified) = self.verified(token).await
                && verified.claims.tid == tenant.id.0
            {
                let claims = &verified.claims;
                // As the API judges it: what is taken back is not told, and who may not call is not active.
                return match self.caller(&verified).await {
                    Ok(caller) => Ok(active(claims, &caller)),
                    Err(AuthError::AccessUnavailable) => Err(OAuthProblem::Unavailable),
                    Err(_) => Ok(json!({ "active": false })),
                };
            }
            let hash = sha256(&[token.as_bytes()]);
            let found = self.store.sign_in_of_refresh_token(&hash, self.clock.now()).await;
            Ok(match found.map_err(store_problem)? {
                Some((sign_in, true)) if sign_in.tenant == tenant.id && sign_in.app == Some(known.app.id) => {
                    json!({
                        "active": true,
                        "client_id": known.app.id,
                        "scope": sign_in.scope,
                        "sub": crate::claims::pairwise_subject(tenant.id, known.app.id, sign_in.user),
                        "sid": sign_in.id,
                        "exp": sign_in.expires.unix_seconds(),
                        "iat": sign_in.created.unix_seconds(),
                        "iss": self.issuer_of(Some(tenant.id), crate::claims::TokenVersion::V2),
                    })
                }
                _ => json!({ "active": false }),
            })
        };
        answer.await.map_err(|problem| self.oauth_error(problem))
    }

    /// RFC 7009: ends the sign-in that a token of the app belongs to. A token that is not known is no error; one of
    /// another app is left alone.
    pub async fn revoke(
        &self,
        segment: &str,
        form: &Form,
        authorization: Option<&str>,
    ) -> Result<(), OAuthError> {
        let answer = async {
            form.check()?;
            let tenant = self.tenant_or_any(segment).await?;
            let presented = Presented::find(form, authorization)?;
            let known = self.client(tenant.as_ref(), &presented).await?;
            let token = form.required("token")?;
            let hash = sha256(&[token.as_bytes()]);
            let found = self.store.sign_in_of_refresh_token(&hash, self.clock.now()).await;
            let found = found.map_err(store_problem)?.map(|(sign_in, _)| sign_in);
            if let Some(sign_in) = found.filter(|sign_in| sign_in.app == Some(known.app.id)) {
                return self.end_in_app(sign_in.tenant, sign_in.id).await;
            }
            if let Ok(verified) = self.verified(token).await
                && verified.claims.appid.or(verified.claims.azp) == Some(known.app.id.0)
                && let Some(sign_in) = verified.claims.sid
            {
                return self.end_in_app(TenantId(verified.claims.tid), sign_in).await;
            }
            Ok(())
        };
        answer.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// The claims of the user whose access token it is.
    pub async fn userinfo(&self, bearer: Option<&str>) -> Result<Value, OAuthError> {
        let answer = async {
            let bearer = bearer.ok_or(Refusal::TokenMissing)?;
            let verified = self.verified(bearer).await.map_err(|_| Refusal::TokenInvalid)?;
            let claims = &verified.claims;
            let scope = claims.scp.clone().unwrap_or_default();
            let has = |word: &str| scope.split(' ').any(|given| given == word);
            if claims.idtyp != TokenKind::User || !has("openid") {
                return Err(Refusal::TokenWithoutOpenid.into());
            }
            match self.caller(&verified).await {
                Ok(_) => {}
                Err(AuthError::AccessUnavailable) => return Err(OAuthProblem::Unavailable),
                Err(_) => return Err(Refusal::TokenInvalid.into()),
            }
            let found = self
                .tenant_and_user(TenantId(claims.tid), claims.oid, Ticks::from_unix_seconds(claims.iat))
                .await?;
            let (tenant, user) = found.ok_or(Refusal::TokenInvalid)?;
            let mut told = Map::new();
            told.insert("sub".into(), json!(claims.sub));
            told.insert("oid".into(), json!(user.id));
            told.insert("tid".into(), json!(tenant.id));
            if has("profile") {
                told.insert("name".into(), json!(user.display_name));
                told.insert("preferred_username".into(), json!(user.principal_name));
            }
            if has("email") && user.principal_name.contains('@') {
                told.insert("email".into(), json!(user.principal_name));
            }
            Ok(Value::Object(told))
        };
        answer.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// `/common/userrealm/{user}`: how the user of that name signs in. Nobody learns here whether there is one.
    pub async fn user_realm(&self, user: &str) -> Result<Value, OAuthError> {
        if user.len() > ACCOUNT_BYTES_MAX {
            return Err(self.oauth_error(Refusal::ParameterTooLong.into()));
        }
        let tenant = self.tenant_of_user(user).await.map_err(|problem| self.oauth_error(problem))?;
        let host = crate::config::host_of(&self.config.issuer_base).unwrap_or_default();
        Ok(match tenant {
            Some(tenant) => json!({
                "ver": "1.0",
                "account_type": "Managed",
                "domain_name": tenant.domain,
                "cloud_instance_name": host,
                "cloud_audience_urn": self.config.issuer_base,
            }),
            None => json!({ "ver": "1.0", "account_type": "Unknown", "cloud_instance_name": host }),
        })
    }

    /// Where a sign-out may lead: the address that it names, if the app of the ID token registered it.
    pub async fn after_sign_out(&self, query: &Form) -> Result<Option<Redirection>, OAuthError> {
        let found = async {
            query.check()?;
            let Some(given) = query.get("post_logout_redirect_uri") else { return Ok(None) };
            let hinted = query.get("id_token_hint").and_then(|token| self.app_of_hint(token));
            let id = hinted.or_else(|| query.get("client_id").map(str::to_owned));
            let Some(id) = id else { return Err(Refusal::BadRedirect.into()) };
            let known = self.app_at_home(&id).await?.ok_or(Refusal::BadRedirect)?;
            let registered = self.store.tenant(known.home).redirect_uris(known.app.id).await;
            let registered = registered.map_err(store_problem)?;
            let uri = redirect::chosen(&registered, Some(given))?.to_owned();
            let state = query.get("state").map(|state| ("state".to_owned(), state.to_owned()));
            let parameters = state.into_iter().collect();
            Ok(Some(Redirection { uri, mode: ResponseMode::Query, parameters }))
        };
        found.await.map_err(|problem: OAuthProblem| self.oauth_error(problem))
    }

    /// Whether an ID token names the session of this browser's user, so that nobody else's page can end it unasked.
    pub fn is_hint_for(&self, token: &str, browser: &Browser) -> bool {
        let claims = self.hint_claims(token);
        claims.is_some_and(|claims| {
            claims["oid"] == json!(browser.user.id) && claims["tid"] == json!(browser.tenant.id)
        })
    }

    fn app_of_hint(&self, token: &str) -> Option<String> {
        self.hint_claims(token)?["aud"].as_str().map(str::to_owned)
    }

    /// The claims of an ID token of ours, also of one that has expired.
    fn hint_claims(&self, token: &str) -> Option<Value> {
        crate::verify::claims_signed_by_us(&self.ring.snapshot(), token).ok()
    }
}

fn active(claims: &Claims, caller: &Caller) -> Value {
    let mut told = json!({
        "active": true,
        "client_id": claims.appid.or(claims.azp),
        "token_type": "Bearer",
        "sub": claims.sub,
        "aud": claims.aud,
        "iss": claims.iss,
        "exp": claims.exp,
        "iat": claims.iat,
        "nbf": claims.nbf,
        "jti": claims.uti,
        "tid": claims.tid,
        "oid": claims.oid,
    });
    if let Some(scope) = &claims.scp {
        let holds = |word: &&str| {
            Permission::from_delegated_name(word).is_none_or(|named| caller.permissions.contains(&named))
        };
        told["scope"] = json!(scope.split(' ').filter(holds).collect::<Vec<_>>().join(" "));
        told["sid"] = json!(claims.sid);
        told["username"] = json!(claims.upn.as_ref().or(claims.preferred_username.as_ref()));
    }
    if !claims.roles.is_empty() {
        let holds = |name: &&String| {
            Permission::from_application_name(name).is_some_and(|named| caller.permissions.contains(&named))
        };
        told["roles"] = json!(claims.roles.iter().filter(holds).collect::<Vec<_>>());
    }
    told
}
