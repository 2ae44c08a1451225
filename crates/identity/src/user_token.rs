//! Tokens for an app in the name of a user.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Permission, TenantId, Ticks};
use serde::Serialize;
use serde_json::json;
use store::{SignIn, Tenant, User};
use uuid::Uuid;

use crate::claims::{self, Claims, TokenKind, TokenVersion};
use crate::client::KnownApp;
use crate::form::Form;
use crate::issuer::Issuer;
use crate::oauth_error::OAuthProblem;
use crate::scope::{self, Asked};
use crate::secret::{Secret, sha256};
use crate::token::{TokenAnswer, UserAnswer, internal_problem, store_problem};

/// A sign-in in an app ends after so many days, however often its tokens are renewed.
const SIGN_IN_SECONDS: i64 = 90 * 24 * 3_600;
/// Where a provider of others vouches for the user, who has to come back to it: what it takes back ends here too.
const FEDERATED_SIGN_IN_SECONDS: i64 = 7 * 24 * 3_600;
/// A refresh token that is not used for so long is of no use any more.
const REFRESH_SECONDS: i64 = 30 * 24 * 3_600;

/// How users of providers are said to have signed in, as the compatible service writes it.
pub(crate) const FEDERATED: &str = "fed";

/// How and when a user proved who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proved {
    pub methods: Vec<String>,
    pub at: Ticks,
}

/// Who gets a token for whom, and for what.
pub(crate) struct ForUser<'a> {
    pub tenant: &'a Tenant,
    pub user: &'a User,
    pub known: &'a KnownApp,
    pub asked: &'a Asked,
    pub version: TokenVersion,
    pub proved: &'a Proved,
    pub nonce: Option<&'a str>,
    pub wants_client_info: bool,
}

#[derive(Serialize)]
struct IdClaims<'a> {
    aud: Uuid,
    iss: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    auth_time: i64,
    amr: &'a [String],
    at_hash: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    oid: Uuid,
    sid: Uuid,
    sub: &'a str,
    tid: Uuid,
    ver: TokenVersion,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

impl Issuer {
    /// What an app may do for a user: what was consented to for all, and by the user. Nothing for an app of another
    /// tenant that no administrator let in.
    pub(crate) async fn granted_delegated(
        &self,
        tenant: &Tenant,
        known: &KnownApp,
        user: Uuid,
    ) -> Result<BTreeSet<Permission>, OAuthProblem> {
        if known.home != tenant.id && known.partner.is_none() {
            return Ok(BTreeSet::new());
        }
        let grants = self.store.tenant(tenant.id).delegated_grants_of(known.app.id, user).await;
        let grants = grants.map_err(store_problem)?;
        Ok(grants.iter().flat_map(|grant| scope::known(&grant.permissions)).collect())
    }

    /// Begins a sign-in of a user in an app and answers with its first tokens.
    pub(crate) async fn begin_in_app(&self, to: &ForUser<'_>) -> Result<(Uuid, TokenAnswer), OAuthProblem> {
        let granted = self.granted_delegated(to.tenant, to.known, to.user.id).await?;
        let now = self.clock.now();
        let is_federated = to.proved.methods.iter().any(|method| method == FEDERATED);
        let seconds = if is_federated { FEDERATED_SIGN_IN_SECONDS } else { SIGN_IN_SECONDS };
        let sign_in = SignIn {
            tenant: to.tenant.id,
            id: Uuid::new_v4(),
            user: to.user.id,
            app: Some(to.known.app.id),
            resource: to.asked.resource.clone(),
            scope: to.asked.stored(),
            methods: to.proved.methods.clone(),
            authenticated: to.proved.at,
            created: now,
            last_used: now,
            expires: now.plus_seconds(seconds),
            ended: None,
        };
        let refresh = if to.asked.words.contains("offline_access") { Some(new_token()?) } else { None };
        let answer = self.answer_user(to, &granted, sign_in.id, refresh.clone())?;
        let hash = refresh.as_ref().map(|token| sha256(&[token.expose().as_bytes()]));
        let hash = hash.as_ref().map(|hash| (hash, now.plus_seconds(REFRESH_SECONDS)));
        let added = self.store.tenant(to.tenant.id).add_sign_in(&sign_in, None, hash).await;
        added.map_err(store_problem)?;
        Ok((sign_in.id, answer))
    }

    /// Tokens for a sign-in that goes on, with the refresh token that takes the place of the one that was sent.
    pub(crate) async fn go_on_in_app(
        &self,
        to: &ForUser<'_>,
        sign_in: Uuid,
    ) -> Result<TokenAnswer, OAuthProblem> {
        let granted = self.granted_delegated(to.tenant, to.known, to.user.id).await?;
        let refresh = new_token()?;
        let answer = self.answer_user(to, &granted, sign_in, Some(refresh.clone()))?;
        let (hash, now) = (sha256(&[refresh.expose().as_bytes()]), self.clock.now());
        let store = self.store.tenant(to.tenant.id);
        let added = store.add_refresh_token(sign_in, &hash, now, now.plus_seconds(REFRESH_SECONDS)).await;
        added.map_err(store_problem)?;
        Ok(answer)
    }

    fn answer_user(
        &self,
        to: &ForUser<'_>,
        granted: &BTreeSet<Permission>,
        sign_in: Uuid,
        refresh_token: Option<Secret>,
    ) -> Result<TokenAnswer, OAuthProblem> {
        let ForUser { tenant, user, asked, version, .. } = to;
        let app = &to.known.app;
        let granted = asked.granted(granted);
        let audience = self.audience(asked, &tenant.display_name)?;
        let issued = self.clock.now();
        let second = issued.unix_seconds();
        let lifetime_seconds = self.config.token_lifetime_seconds;
        let subject = claims::pairwise_subject(tenant.id, app.id, user.id);
        let is_v1 = *version == TokenVersion::V1;
        let has_profile = asked.words.contains("profile");
        let names = granted.iter().filter_map(|permission| permission.declaration().delegated);
        let names: Vec<&str> = names.chain(asked.words.iter().copied()).collect();
        let claims = Claims {
            aud: audience.clone(),
            iss: claims::issuer(&self.config.issuer_base, tenant.id, *version),
            iat: second,
            nbf: second,
            exp: second + lifetime_seconds,
            appid: is_v1.then_some(app.id.0),
            azp: (!is_v1).then_some(app.id.0),
            app_displayname: app.display_name.clone(),
            idtyp: TokenKind::User,
            oid: user.id,
            roles: Vec::new(),
            scp: Some(names.join(" ")),
            sid: Some(sign_in),
            name: Some(user.display_name.clone()),
            upn: is_v1.then(|| user.principal_name.clone()),
            preferred_username: (!is_v1).then(|| user.principal_name.clone()),
            sub: subject.clone(),
            tid: tenant.id.0,
            uti: claims::token_id().map_err(internal_problem)?,
            ver: *version,
        };
        let snapshot = self.ring.snapshot();
        let access_token = snapshot.signing().sign(&claims).map_err(internal_problem)?;
        let id_token = if asked.words.contains("openid") {
            let email = asked.words.contains("email") && user.principal_name.contains('@');
            let id_claims = IdClaims {
                aud: app.id.0,
                iss: claims.iss,
                iat: second,
                nbf: second,
                exp: second + lifetime_seconds,
                auth_time: to.proved.at.unix_seconds(),
                amr: &to.proved.methods,
                at_hash: URL_SAFE_NO_PAD.encode(&sha256(&[access_token.as_bytes()])[..16]),
                nonce: to.nonce,
                oid: user.id,
                sid: sign_in,
                sub: &subject,
                tid: tenant.id.0,
                ver: *version,
                name: has_profile.then_some(&user.display_name),
                preferred_username: (has_profile && !is_v1).then_some(&user.principal_name),
                upn: (has_profile && is_v1).then_some(&user.principal_name),
                email: email.then_some(&user.principal_name),
            };
            Some(Secret::new(snapshot.signing().sign(&id_claims).map_err(internal_problem)?))
        } else {
            None
        };
        let scope = match version {
            TokenVersion::V1 => {
                names.into_iter().filter(|name| *name != "offline_access").collect::<Vec<_>>().join(" ")
            }
            TokenVersion::V2 => asked.answered(&granted),
        };
        let client_info = to
            .wants_client_info
            .then(|| URL_SAFE_NO_PAD.encode(json!({ "uid": user.id, "utid": tenant.id.0 }).to_string()));
        Ok(TokenAnswer {
            version: *version,
            access_token: Secret::new(access_token),
            resource: audience,
            lifetime_seconds,
            issued,
            user: Some(UserAnswer { scope, refresh_token, id_token, client_info }),
        })
    }

    /// Ends the sign-in of an app, by one who holds its token.
    pub(crate) async fn end_in_app(&self, tenant: TenantId, sign_in: Uuid) -> Result<(), OAuthProblem> {
        let ended = self.store.tenant(tenant).end_sign_in(sign_in, self.clock.now()).await;
        self.forget(tenant);
        ended.map(drop).map_err(store_problem)
    }

    /// The tenant and the user of a sign-in, where both are still there and what began at `since` still counts.
    pub(crate) async fn tenant_and_user(
        &self,
        tenant: TenantId,
        user: Uuid,
        since: Ticks,
    ) -> Result<Option<(Tenant, User)>, OAuthProblem> {
        let found = self.store.tenant_by_id(tenant).await.map_err(store_problem)?;
        let Some(tenant) = found else { return Ok(None) };
        let user = self.store.tenant(tenant.id).user_by_id(user).await.map_err(store_problem)?;
        let user =
            user.filter(|user| may_sign_in(user) && user.tokens_from.unix_seconds() <= since.unix_seconds());
        Ok(user.map(|user| (tenant, user)))
    }
}

/// Whether a user may sign in at all.
pub(crate) fn may_sign_in(user: &User) -> bool {
    !user.is_disabled
}

/// A code, token or cookie: 256 random bits.
pub(crate) fn new_token() -> Result<Secret, OAuthProblem> {
    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    crate::secret::fill(bytes.as_mut()).map_err(internal_problem)?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes.as_ref())))
}

/// Whether a token asks for the user's account, as libraries do that keep accounts by it.
pub(crate) fn wants_client_info(form: &Form) -> bool {
    form.get("client_info") == Some("1")
}
