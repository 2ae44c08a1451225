//! Which app sends a request, and how it proves that.

use model::{AppId, TenantId};
use store::{App, AppSecret, AppSignIn, PartnerApp, Tenant};

use crate::form::{Credentials, Form};
use crate::issuer::Issuer;
use crate::oauth_error::OAuthProblem;
use crate::refusal::Refusal;
use crate::secret::{self, Secret};
use crate::token::store_problem;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Who a client says it is, and what it sends as a proof.
#[derive(Debug)]
pub(crate) struct Presented {
    pub client_id: String,
    pub proof: Proof,
}

#[derive(Debug)]
pub(crate) enum Proof {
    Secret(Secret),
    Assertion(Secret),
    Nothing,
}

/// An app as a tenant knows it.
#[derive(Clone, Debug)]
pub(crate) struct KnownApp {
    pub app: App,
    /// The tenant it is registered in.
    pub home: TenantId,
    pub how: AppSignIn,
    /// The consent of a tenant that is not its home.
    pub partner: Option<PartnerApp>,
}

impl KnownApp {
    /// Whether users of a tenant may consent for themselves. For the tenants that it is a partner's app in, who
    /// registered the app cannot decide that.
    pub(crate) fn lets_users_consent_in(&self, tenant: &Tenant) -> bool {
        self.home == tenant.id && self.how.users_consent
    }
}

impl Presented {
    pub(crate) fn find(form: &Form, authorization: Option<&str>) -> Result<Presented, OAuthProblem> {
        let has_basic = authorization.is_some_and(|header| {
            header.trim().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("Basic "))
        });
        let has_secret = has_basic || form.get("client_secret").is_some();
        if form.get("client_assertion").is_some() || form.get("client_assertion_type").is_some() {
            if has_secret {
                return Err(Refusal::TwoClientProofs.into());
            }
            if form.get("client_assertion_type") != Some(ASSERTION_TYPE) {
                return Err(Refusal::AssertionType.into());
            }
            let client_id = form.required("client_id")?.to_owned();
            let assertion = Secret::new(form.required("client_assertion")?.to_owned());
            return Ok(Presented { client_id, proof: Proof::Assertion(assertion) });
        }
        if !has_secret {
            let client_id = form.required("client_id")?.to_owned();
            return Ok(Presented { client_id, proof: Proof::Nothing });
        }
        let Credentials { client_id, secret } = Credentials::find(form, authorization)?;
        Ok(Presented { client_id, proof: Proof::Secret(secret) })
    }
}

impl Issuer {
    /// The app of that id in a tenant: one of its own, or a partner's that was let in.
    pub(crate) async fn known_app(
        &self,
        tenant: &Tenant,
        id: &str,
    ) -> Result<Option<KnownApp>, OAuthProblem> {
        let Ok(id) = id.parse::<AppId>() else { return Ok(None) };
        let own = self.store.tenant(tenant.id);
        if let Some(app) = own.app(id).await.map_err(store_problem)? {
            let how = own.app_sign_in(id).await.map_err(store_problem)?;
            return Ok(Some(KnownApp { app, home: tenant.id, how, partner: None }));
        }
        let Some(partner) = own.partner_app(id).await.map_err(store_problem)? else { return Ok(None) };
        let known = self.registered_app(partner.home, id).await?;
        // An app that its home closed to others is closed at once.
        let known = known.filter(|known| known.how.is_multi_tenant);
        Ok(known.map(|known| KnownApp { partner: Some(partner), ..known }))
    }

    /// The app as its home knows it, where that is the only one of the id.
    pub(crate) async fn app_at_home(&self, id: &str) -> Result<Option<KnownApp>, OAuthProblem> {
        let Ok(id) = id.parse::<AppId>() else { return Ok(None) };
        let homes = self.store.tenants_of_app(id).await.map_err(store_problem)?;
        let [home] = homes.as_slice() else { return Ok(None) };
        self.registered_app(home.id, id).await
    }

    pub(crate) async fn registered_app(
        &self,
        home: TenantId,
        id: AppId,
    ) -> Result<Option<KnownApp>, OAuthProblem> {
        let store = self.store.tenant(home);
        let Some(app) = store.app(id).await.map_err(store_problem)? else { return Ok(None) };
        let how = store.app_sign_in(id).await.map_err(store_problem)?;
        Ok(Some(KnownApp { app, home, how, partner: None }))
    }

    /// The app that proved itself. Without a tenant it is looked for wherever it is registered. One that cannot keep
    /// a secret need not prove anything.
    pub(crate) async fn client(
        &self,
        tenant: Option<&Tenant>,
        presented: &Presented,
    ) -> Result<KnownApp, OAuthProblem> {
        let known = match tenant {
            Some(tenant) => self.known_app(tenant, &presented.client_id).await?,
            None => self.app_at_home(&presented.client_id).await?,
        };
        let Some(known) = known else {
            if let Proof::Secret(given) = &presented.proof {
                secret::compare_with_nothing(given.expose());
            }
            return Err(OAuthProblem::UnknownApp {
                app: presented.client_id.clone(),
                tenant: tenant.map_or("common", |tenant| &tenant.display_name).to_owned(),
            });
        };
        match &presented.proof {
            Proof::Secret(given) => self.check_secret(known.home, &known.app, given.expose()).await?,
            Proof::Assertion(assertion) => {
                self.check_assertion(tenant, &known, assertion.expose()).await?;
            }
            Proof::Nothing if known.how.is_public => {}
            Proof::Nothing => return Err(Refusal::NoClientProof.into()),
        }
        Ok(known)
    }

    /// Whether the secret is one of the app's, and not expired.
    pub(crate) async fn check_secret(
        &self,
        home: TenantId,
        app: &App,
        given: &str,
    ) -> Result<(), OAuthProblem> {
        let secrets = self.store.tenant(home).app_secrets(app.id).await.map_err(store_problem)?;
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
        Ok(())
    }
}
