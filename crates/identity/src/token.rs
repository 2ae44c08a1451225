//! The token endpoints: which grant it is, and that of apps for themselves.

use std::collections::BTreeSet;

use model::{ErrorKind, Permission, Ticks};
use serde_json::{Value, json};
use store::{App, StoreError, Tenant};
use tracing::error;

use crate::claims::{self, Claims, TokenKind, TokenVersion};
use crate::client::{KnownApp, Presented, Proof};
use crate::config::normal_audience;
use crate::error::IdentityError;
use crate::form::{Credentials, Form};
use crate::issuer::Issuer;
use crate::network::Network;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::refusal::Refusal;
use crate::scope::SIGN_IN_WORDS;
use crate::secret::Secret;

/// An access token and what goes with it.
#[derive(Clone, Debug)]
pub struct TokenAnswer {
    pub version: TokenVersion,
    pub access_token: Secret,
    /// The resource that was asked for, as the client wrote it.
    pub resource: String,
    pub lifetime_seconds: i64,
    pub issued: Ticks,
    /// What comes with a token for a user.
    pub user: Option<UserAnswer>,
}

/// What comes with a token for a user.
#[derive(Clone, Debug)]
pub struct UserAnswer {
    pub scope: String,
    pub refresh_token: Option<Secret>,
    pub id_token: Option<Secret>,
    /// By which some libraries know the account.
    pub client_info: Option<String>,
}

impl TokenAnswer {
    /// The JSON body. The older endpoint writes numbers as text, and its clients read them so.
    pub fn body(&self) -> Value {
        let (lifetime, token) = (self.lifetime_seconds, self.access_token.expose());
        let mut body = match self.version {
            TokenVersion::V1 => json!({
                "token_type": "Bearer",
                "expires_in": lifetime.to_string(),
                "ext_expires_in": lifetime.to_string(),
                "expires_on": (self.issued.unix_seconds() + lifetime).to_string(),
                "not_before": self.issued.unix_seconds().to_string(),
                "resource": self.resource,
                "access_token": token,
            }),
            TokenVersion::V2 => json!({
                "token_type": "Bearer",
                "expires_in": lifetime,
                "ext_expires_in": lifetime,
                "access_token": token,
            }),
        };
        if let Some(user) = &self.user {
            body["scope"] = json!(user.scope);
            let secrets = [("refresh_token", &user.refresh_token), ("id_token", &user.id_token)];
            for (name, secret) in secrets {
                if let Some(secret) = secret {
                    body[name] = json!(secret.expose());
                }
            }
            if let Some(client_info) = &user.client_info {
                body["client_info"] = json!(client_info);
            }
        }
        body
    }
}

impl Issuer {
    /// Answers a token request of an unknown network, as [`Issuer::token_from`] does.
    pub async fn token(
        &self,
        tenant: &str,
        version: TokenVersion,
        form: &Form,
        authorization: Option<&str>,
    ) -> Result<TokenAnswer, OAuthError> {
        self.token_from(tenant, version, form, authorization, Network::default()).await
    }

    /// Answers a token request. `tenant` is the first segment of the path, `authorization` the header of that
    /// name if there is one.
    pub async fn token_from(
        &self,
        tenant: &str,
        version: TokenVersion,
        form: &Form,
        authorization: Option<&str>,
        network: Network,
    ) -> Result<TokenAnswer, OAuthError> {
        let answer = async {
            form.check()?;
            match form.required("grant_type")? {
                "client_credentials" => self.client_credentials(tenant, version, form, authorization).await,
                "authorization_code" => self.code_grant(tenant, version, form, authorization, network).await,
                "refresh_token" => self.refresh_grant(tenant, version, form, authorization, network).await,
                "urn:ietf:params:oauth:grant-type:device_code" | "device_code" => {
                    self.device_grant(tenant, version, form, authorization).await
                }
                "password" => self.password_grant(tenant, version, form, authorization, network).await,
                other => Err(OAuthProblem::UnsupportedGrant { grant: other.to_owned() }),
            }
        };
        answer.await.map_err(|problem| self.oauth_error(problem))
    }

    async fn client_credentials(
        &self,
        tenant: &str,
        version: TokenVersion,
        form: &Form,
        authorization: Option<&str>,
    ) -> Result<TokenAnswer, OAuthProblem> {
        let tenant = self.tenant_of(tenant).await?;
        let presented = Presented::find(form, authorization)?;
        if matches!(presented.proof, Proof::Nothing) {
            return Err(OAuthProblem::MissingSecret);
        }
        let (resource, less) = match version {
            TokenVersion::V1 => (form.required("resource")?, names_of(form.get("scope").unwrap_or_default())),
            TokenVersion::V2 => resource_of_scope(form.required("scope")?)?,
        };
        let resource = if resource.is_empty() { self.config.issuer_base.as_str() } else { resource };
        if !self.audiences.contains(&normal_audience(resource)) {
            return Err(OAuthProblem::UnknownResource {
                resource: resource.to_owned(),
                tenant: tenant.display_name,
            });
        }
        let known = self.client(Some(&tenant), &presented).await?;
        self.issue(&tenant, &known, version, resource, &less).await
    }

    /// The app whose secret was sent.
    pub(crate) async fn authenticate(
        &self,
        tenant: &Tenant,
        credentials: &Credentials,
    ) -> Result<App, OAuthProblem> {
        let secret = Secret::new(credentials.secret.expose().to_owned());
        let presented = Presented { client_id: credentials.client_id.clone(), proof: Proof::Secret(secret) };
        Ok(self.client(Some(tenant), &presented).await?.app)
    }

    /// What an administrator consented to, which may be nothing.
    pub(crate) async fn granted(
        &self,
        tenant: &Tenant,
        app: &App,
    ) -> Result<BTreeSet<Permission>, OAuthProblem> {
        let grant = self.store.tenant(tenant.id).grant(app.id).await.map_err(store_problem)?;
        Ok(grant.map(|grant| known_names(&grant.permissions)).unwrap_or_default())
    }

    /// A token with the permissions that an administrator consented to, which may be none, or with `less` of them.
    async fn issue(
        &self,
        tenant: &Tenant,
        known: &KnownApp,
        version: TokenVersion,
        resource: &str,
        less: &BTreeSet<Permission>,
    ) -> Result<TokenAnswer, OAuthProblem> {
        let app = &known.app;
        let permissions = match &known.partner {
            Some(partner) => known_names(&partner.permissions),
            None => self.granted(tenant, app).await?,
        };
        if !less.is_subset(&permissions) {
            return Err(Refusal::ScopeNotGranted.into());
        }
        let permissions = if less.is_empty() { permissions } else { less.clone() };
        let issued = self.clock.now();
        let lifetime_seconds = self.config.token_lifetime_seconds;
        let second = issued.unix_seconds();
        let object_id = claims::object_id(tenant.id, app.id);
        let claims = Claims {
            aud: resource.to_owned(),
            iss: claims::issuer(&self.config.issuer_base, tenant.id, version),
            iat: second,
            nbf: second,
            exp: second + lifetime_seconds,
            appid: (version == TokenVersion::V1).then_some(app.id.0),
            azp: (version == TokenVersion::V2).then_some(app.id.0),
            app_displayname: app.display_name.clone(),
            idtyp: TokenKind::App,
            oid: object_id,
            roles: permissions.iter().map(|permission| permission.application_name().to_owned()).collect(),
            scp: None,
            sid: None,
            name: None,
            upn: None,
            preferred_username: None,
            sub: object_id.to_string(),
            tid: tenant.id.0,
            uti: claims::token_id().map_err(internal_problem)?,
            ver: version,
        };
        let token = self.ring.snapshot().signing().sign(&claims).map_err(internal_problem)?;
        Ok(TokenAnswer {
            version,
            access_token: Secret::new(token),
            resource: resource.to_owned(),
            lifetime_seconds,
            issued,
            user: None,
        })
    }
}

/// The granted names that are permissions of this product, each once.
fn known_names(granted: &[String]) -> BTreeSet<Permission> {
    granted.iter().filter_map(|name| Permission::from_application_name(name)).collect()
}

/// The resource of `<resource>/.default`, and the permissions named beside it or in its place, by which a token holds
/// less than its grant.
fn resource_of_scope(scope: &str) -> Result<(&str, BTreeSet<Permission>), OAuthProblem> {
    let invalid = || OAuthProblem::InvalidScope { scope: scope.to_owned() };
    let mut resource = None;
    let mut less = BTreeSet::new();
    for word in scope.split_ascii_whitespace().filter(|word| !SIGN_IN_WORDS.contains(word)) {
        let (of, name) = word.rsplit_once('/').unwrap_or(("", word));
        let is_same = |before: &str| normal_audience(before) == normal_audience(of);
        match resource {
            // A name without a resource is of the one that is named.
            Some(before) if of.is_empty() || is_same(before) => {}
            Some("") | None => resource = Some(of),
            Some(_) => return Err(invalid()),
        }
        if name == ".default" {
            if of.is_empty() {
                return Err(invalid());
            }
        } else {
            less.insert(Permission::from_application_name(name).ok_or_else(invalid)?);
        }
    }
    Ok((resource.ok_or_else(invalid)?, less))
}

/// The permissions among the words of a `scope` of version 1, where clients also write what that version ignores.
fn names_of(scope: &str) -> BTreeSet<Permission> {
    scope.split_ascii_whitespace().filter_map(Permission::from_application_name).collect()
}

pub(crate) fn store_problem(problem: StoreError) -> OAuthProblem {
    error!(error = &problem as &dyn std::error::Error, "a token request failed");
    match problem.kind() {
        ErrorKind::Unavailable => OAuthProblem::Unavailable,
        _ => OAuthProblem::Internal,
    }
}

pub(crate) fn internal_problem(problem: IdentityError) -> OAuthProblem {
    error!(error = &problem as &dyn std::error::Error, "a token request failed");
    OAuthProblem::Internal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_one_resource() {
        let read = Permission::AlertRead;
        for (scope, expected) in [
            ("https://a/.default", Some(("https://a", vec![]))),
            ("https://a//.default", Some(("https://a/", vec![]))),
            ("openid https://a/.default profile offline_access", Some(("https://a", vec![]))),
            ("https://a/.default https://b/.default", None),
            ("https://a/.default alert.read.all", Some(("https://a", vec![read]))),
            ("Alert.Read.All https://a/.default", Some(("https://a", vec![read]))),
            ("https://a/Alert.Read.All", Some(("https://a", vec![read]))),
            ("Alert.Read.All", Some(("", vec![read]))),
            ("https://a/Alert.Read.All https://b/Machine.Read.All", None),
            ("https://a/Alert.Read", None),
            ("https://a", None),
            (".default", None),
            ("openid", None),
            (" ", None),
        ] {
            let expected = expected.map(|(resource, less)| (resource, BTreeSet::from_iter(less)));
            assert_eq!(resource_of_scope(scope).ok(), expected, "{scope}");
        }
    }

    #[test]
    fn what_is_granted_counts_once_and_only_where_it_is_known() {
        let granted = ["machine.read.all", "Alert.Read.All", "MACHINE.READ.ALL", "Not.A.Permission"];
        let granted: Vec<String> = granted.map(str::to_owned).into();
        let names: Vec<_> = known_names(&granted).iter().map(|known| known.application_name()).collect();
        assert_eq!(names, ["Alert.Read.All", "Machine.Read.All"]);
    }
}
