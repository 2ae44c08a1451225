//! How apps sign users in: what an administrator sets.

use model::{AppId, Permission, TenantId};
use store::sign_in::DelegatedGrant;
use store::{AppCertificate, AppSignIn};
use uuid::Uuid;

use crate::authorize_endpoint::delegated_names;
use crate::error::{IdentityError, store};
use crate::issuer::Issuer;
use crate::scope;
use crate::{certificate, redirect};

impl Issuer {
    /// Sets how an app signs users in. Delegated permissions that users cannot have are refused.
    pub async fn set_sign_in(
        &self,
        tenant: TenantId,
        app: AppId,
        delegated: &[Permission],
        how: AppSignIn,
    ) -> Result<(), IdentityError> {
        if delegated.iter().any(|permission| permission.declaration().delegated.is_none()) {
            let problem = "have one that is for apps alone";
            return Err(IdentityError::Invalid { what: "the delegated permissions", problem });
        }
        let delegated = delegated_names(&delegated.iter().copied().collect());
        let how = AppSignIn { delegated, ..how };
        let set = self.store.tenant(tenant).set_app_sign_in(app, &how).await;
        set.map_err(store("set how an app signs users in"))
    }

    /// Lets an app send users back to this address, which is compared as text.
    pub async fn add_redirect_uri(
        &self,
        tenant: TenantId,
        app: AppId,
        uri: &str,
    ) -> Result<(), IdentityError> {
        redirect::check(uri)?;
        let added = self.store.tenant(tenant).add_redirect_uri(app, uri).await;
        added.map_err(store("add a redirect URI to an app"))
    }

    /// Lets an app prove itself by the key of a certificate, in PEM or DER.
    pub async fn add_certificate(
        &self,
        tenant: TenantId,
        app: AppId,
        bytes: &[u8],
    ) -> Result<AppCertificate, IdentityError> {
        let certificate = certificate::read(bytes, self.clock.now())?;
        let added = self.store.tenant(tenant).add_app_certificate(app, &certificate).await;
        added.map_err(store("add a certificate to an app"))?;
        Ok(certificate)
    }

    /// Grants an app what it asks for at this moment on behalf of one user or of all. `by` is who consented.
    pub async fn consent_delegated(
        &self,
        tenant: TenantId,
        app: AppId,
        user: Option<Uuid>,
        by: &str,
    ) -> Result<DelegatedGrant, IdentityError> {
        let handle = self.store.tenant(tenant);
        let how = handle.app_sign_in(app).await.map_err(store("read an app"))?;
        let grant = DelegatedGrant {
            app,
            user,
            permissions: delegated_names(&scope::known(&how.delegated)),
            granted_by: by.to_owned(),
            granted: self.clock.now(),
        };
        handle.put_delegated_grant(&grant).await.map_err(store("record a consent"))?;
        self.forget(tenant);
        Ok(grant)
    }
}
