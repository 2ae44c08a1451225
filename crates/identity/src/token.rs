//! The token endpoints.
//!
//! The only grant for now is `client_credentials`; each further grant is another arm in [`Issuer::token`].

use std::collections::BTreeSet;

use model::{AppId, ErrorKind, Permission, Ticks};
use serde_json::{Value, json};
use store::{App, AppSecret, StoreError, Tenant};
use tracing::error;

use crate::claims::{self, Claims, TokenKind, TokenVersion};
use crate::config::normal_audience;
use crate::error::IdentityError;
use crate::form::{Credentials, Form};
use crate::issuer::Issuer;
use crate::oauth_error::{OAuthError, OAuthProblem};
use crate::secret::{self, Secret};

/// Scopes of sign-in, which some libraries add to every request. They mean nothing for an app.
static SIGN_IN_SCOPES: &[&str] = &["openid", "profile", "offline_access", "email"];

/// An access token and what goes with it.
#[derive(Clone, Debug)]
pub struct TokenAnswer {
    pub version: TokenVersion,
    pub access_token: Secret,
    /// The resource that was asked for, as the client wrote it.
    pub resource: String,
    pub lifetime_seconds: i64,
    pub issued: Ticks,
}

impl TokenAnswer {
    /// The JSON body. The older endpoint writes numbers as text, and its clients read them so.
    pub fn body(&self) -> Value {
        let (lifetime, token) = (self.lifetime_seconds, self.access_token.expose());
        match self.version {
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
        }
    }
}

impl Issuer {
    /// Answers a token request. `tenant` is the first segment of the path, `authorization` the header of that
    /// name if there is one.
    pub async fn token(
        &self,
        tenant: &str,
        version: TokenVersion,
        form: &Form,
        authorization: Option<&str>,
    ) -> Result<TokenAnswer, OAuthError> {
        let answer = async {
            form.check()?;
            match form.required("grant_type")? {
                "client_credentials" => self.client_credentials(tenant, version, form, authorization).await,
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
        let credentials = Credentials::find(form, authorization)?;
        let resource = match version {
            TokenVersion::V1 => form.required("resource")?,
            TokenVersion::V2 => resource_of_scope(form.required("scope")?)?,
        };
        if !self.audiences.contains(&normal_audience(resource)) {
            return Err(OAuthProblem::UnknownResource {
                resource: resource.to_owned(),
                tenant: tenant.display_name,
            });
        }
        let app = self.authenticate(&tenant, &credentials).await?;
        self.issue(&tenant, &app, version, resource).await
    }

    /// The app whose secret was sent.
    pub(crate) async fn authenticate(
        &self,
        tenant: &Tenant,
        credentials: &Credentials,
    ) -> Result<App, OAuthProblem> {
        let given = credentials.secret.expose();
        let store = self.store.tenant(tenant.id);
        let app = match credentials.client_id.parse::<AppId>() {
            Ok(id) => store.app(id).await.map_err(store_problem)?,
            Err(_) => None,
        };
        let Some(app) = app else {
            secret::compare_with_nothing(given);
            return Err(OAuthProblem::UnknownApp {
                app: credentials.client_id.clone(),
                tenant: tenant.display_name.clone(),
            });
        };
        let secrets = store.app_secrets(app.id).await.map_err(store_problem)?;
        if secrets.is_empty() {
            secret::compare_with_nothing(given);
        }
        // Every one is compared, so that the time does not tell which one came close.
        let matching: Vec<&AppSecret> =
            secrets.iter().filter(|stored| secret::secret_matches(&stored.hash, given)).collect();
        if matching.is_empty() {
            return Err(OAuthProblem::WrongSecret { app: app.id.to_string() });
        }
        let now = self.clock.now();
        if matching.iter().all(|stored| stored.expires.is_some_and(|expires| expires <= now)) {
            return Err(OAuthProblem::ExpiredSecret { app: app.id.to_string() });
        }
        Ok(app)
    }

    /// What an administrator consented to, which may be nothing.
    pub(crate) async fn granted(
        &self,
        tenant: &Tenant,
        app: &App,
    ) -> Result<BTreeSet<Permission>, OAuthProblem> {
        let grant = self.store.tenant(tenant.id).grant(app.id).await.map_err(store_problem)?;
        Ok(grant.map(|grant| known(&grant.permissions)).unwrap_or_default())
    }

    /// A token with the permissions that an administrator consented to, which may be none.
    async fn issue(
        &self,
        tenant: &Tenant,
        app: &App,
        version: TokenVersion,
        resource: &str,
    ) -> Result<TokenAnswer, OAuthProblem> {
        let permissions = self.granted(tenant, app).await?;
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
            sub: object_id,
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
        })
    }
}

/// The granted names that are permissions of this product, each once.
fn known(granted: &[String]) -> BTreeSet<Permission> {
    granted.iter().filter_map(|name| Permission::from_application_name(name)).collect()
}

/// The resource in `<resource>/.default`, of which there has to be exactly one.
fn resource_of_scope(scope: &str) -> Result<&str, OAuthProblem> {
    let mut scopes = scope.split_ascii_whitespace().filter(|word| !SIGN_IN_SCOPES.contains(word));
    match (scopes.next().and_then(|word| word.strip_suffix("/.default")), scopes.next()) {
        (Some(resource), None) => Ok(resource),
        _ => Err(OAuthProblem::InvalidScope { scope: scope.to_owned() }),
    }
}

pub(crate) fn store_problem(problem: StoreError) -> OAuthProblem {
    error!(error = &problem as &dyn std::error::Error, "a token request failed");
    match problem.kind() {
        ErrorKind::Unavailable => OAuthProblem::Unavailable,
        _ => OAuthProblem::Internal,
    }
}

fn internal_problem(problem: IdentityError) -> OAuthProblem {
    error!(error = &problem as &dyn std::error::Error, "a token request failed");
    OAuthProblem::Internal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_names_one_resource() {
        for (scope, expected) in [
            ("https://a/.default", Some("https://a")),
            ("https://a//.default", Some("https://a/")),
            ("openid https://a/.default profile offline_access", Some("https://a")),
            ("https://a/.default https://b/.default", None),
            ("https://a/Alert.Read", None),
            ("https://a", None),
            (".default", None),
            ("openid", None),
            (" ", None),
        ] {
            assert_eq!(resource_of_scope(scope).ok(), expected, "{scope}");
        }
    }

    #[test]
    fn what_is_granted_counts_once_and_only_where_it_is_known() {
        let granted = ["machine.read.all", "Alert.Read.All", "MACHINE.READ.ALL", "Not.A.Permission"];
        let granted: Vec<String> = granted.map(str::to_owned).into();
        let names: Vec<_> = known(&granted).iter().map(|known| known.application_name()).collect();
        assert_eq!(names, ["Alert.Read.All", "Machine.Read.All"]);
    }
}
