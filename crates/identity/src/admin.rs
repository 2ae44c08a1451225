//! Tenants, app registrations, consent and users: what an administrator makes.

use model::{AppId, Permission, TenantId, Ticks};
use store::{App, AppSecret, Grant, PartnerApp, SigningKeyRow, Tenant, User};
use uuid::Uuid;

use crate::error::{IdentityError, store};
use crate::issuer::{Issuer, is_any_tenant};
use crate::secret::{self, Secret};

const NAME_CHARACTERS_MAX: usize = 256;
const PASSWORD_CHARACTERS_MIN: usize = 8;
const PASSWORD_BYTES_MAX: usize = 1024;

impl Issuer {
    pub async fn create_tenant(&self, display_name: &str, domain: &str) -> Result<Tenant, IdentityError> {
        let tenant = Tenant {
            id: TenantId(Uuid::new_v4()),
            display_name: name("the display name", display_name)?,
            domain: domain_name(domain)?,
            created: self.clock.now(),
        };
        self.store.create_tenant(&tenant).await.map_err(store("create a tenant"))?;
        self.ring.refresh().await?;
        Ok(tenant)
    }

    /// Registers an app that asks for the permissions of `manifest`. It has none of them before consent.
    pub async fn register_app(
        &self,
        tenant: TenantId,
        display_name: &str,
        manifest: &[Permission],
    ) -> Result<(AppId, Secret), IdentityError> {
        let app = App {
            id: AppId(Uuid::new_v4()),
            display_name: name("the display name", display_name)?,
            manifest: names(manifest),
            created: self.clock.now(),
        };
        self.store.tenant(tenant).create_app(&app).await.map_err(store("register an app"))?;
        let secret = self.new_secret(tenant, app.id, None, None).await?;
        Ok((app.id, secret))
    }

    /// Changes what an app asks for, which changes nothing of what it may do until the next consent.
    pub async fn set_manifest(
        &self,
        tenant: TenantId,
        app: AppId,
        manifest: &[Permission],
    ) -> Result<(), IdentityError> {
        let changed = self.store.tenant(tenant).set_manifest(app, names(manifest)).await;
        changed.map_err(store("change what an app asks for"))
    }

    /// Adds a secret to an app. Its text is in the answer and nowhere else.
    pub async fn new_secret(
        &self,
        tenant: TenantId,
        app: AppId,
        display_name: Option<&str>,
        expires: Option<Ticks>,
    ) -> Result<Secret, IdentityError> {
        let secret = Secret::random()?;
        let row = AppSecret {
            id: Uuid::new_v4(),
            hash: secret::hash_secret(&secret)?,
            created: self.clock.now(),
            expires,
            display_name: display_name.map(|text| name("the display name", text)).transpose()?,
        };
        let added = self.store.tenant(tenant).add_app_secret(app, &row).await;
        added.map_err(store("add a secret to an app"))?;
        Ok(secret)
    }

    /// Grants an app what it asks for at this moment. `by` is who consented.
    pub async fn consent(&self, tenant: TenantId, app: AppId, by: &str) -> Result<Grant, IdentityError> {
        let tenant = self.store.tenant(tenant);
        let registered = tenant.app(app).await.map_err(store("read an app"))?;
        let registered =
            registered.ok_or_else(|| IdentityError::NotFound { entity: "app", id: app.to_string() })?;
        let grant = Grant {
            permissions: registered.manifest,
            granted_by: name("the name of who consents", by)?,
            granted: self.clock.now(),
        };
        tenant.put_grant(app, &grant).await.map_err(store("record a consent"))?;
        Ok(grant)
    }

    /// The apps of other tenants that were let into this one.
    pub async fn partner_apps(&self, tenant: TenantId) -> Result<Vec<PartnerInfo>, IdentityError> {
        let partners = self.store.tenant(tenant).partner_apps().await;
        let mut all = Vec::new();
        for partner in partners.map_err(store("list the apps of partners"))? {
            all.push(self.partner_info(partner).await?);
        }
        Ok(all)
    }

    pub async fn partner_app(
        &self,
        tenant: TenantId,
        app: AppId,
    ) -> Result<Option<PartnerInfo>, IdentityError> {
        let partner = self.store.tenant(tenant).partner_app(app).await;
        match partner.map_err(store("read a partner's app"))? {
            Some(partner) => self.partner_info(partner).await.map(Some),
            None => Ok(None),
        }
    }

    async fn partner_info(&self, partner: PartnerApp) -> Result<PartnerInfo, IdentityError> {
        let doing = "read a partner's app";
        let home = self.store.tenant(partner.home);
        let app = home.app(partner.app).await.map_err(store(doing))?;
        let how = home.app_sign_in(partner.app).await.map_err(store(doing))?;
        let publisher = self.store.tenant_by_id(partner.home).await.map_err(store(doing))?;
        Ok(PartnerInfo {
            is_open: app.is_some() && how.is_multi_tenant,
            publisher: publisher.map(|tenant| tenant.display_name),
            app,
            partner,
        })
    }

    /// Every signing key, retired ones included, the oldest first.
    pub async fn signing_keys(&self) -> Result<Vec<KeyInfo>, IdentityError> {
        let rows = self.store.signing_keys().await.map_err(store("list the signing keys"))?;
        let snapshot = self.ring.snapshot();
        let info = |row: SigningKeyRow| KeyInfo {
            is_signing: snapshot.signing().kid() == row.kid,
            kid: row.kid,
            created: row.created,
            retired: row.retired,
        };
        Ok(rows.into_iter().map(info).collect())
    }

    /// The hash that a password is stored as, once it is one that can be taken.
    pub async fn password_hash(&self, password: Secret) -> Result<String, IdentityError> {
        let what = "the password";
        if password.expose().chars().count() < PASSWORD_CHARACTERS_MIN {
            return Err(IdentityError::Invalid { what, problem: "is too short" });
        }
        if password.expose().len() > PASSWORD_BYTES_MAX {
            return Err(IdentityError::Invalid { what, problem: "is too long" });
        }
        let hash = tokio::task::spawn_blocking(move || secret::hash_password(&password)).await;
        hash.map_err(|_| IdentityError::Crypto { doing: "hash a password" })?
    }

    /// Without a password it is a user for whom a provider of others has to vouch.
    pub async fn create_user(
        &self,
        tenant: TenantId,
        principal_name: &str,
        display_name: &str,
        password: impl Into<Option<Secret>>,
        is_administrator: bool,
    ) -> Result<User, IdentityError> {
        let user = self.user_without_password(
            name("the principal name", principal_name)?,
            name("the display name", display_name)?,
        );
        let password_hash = match password.into() {
            Some(password) => self.password_hash(password).await?,
            None => String::new(),
        };
        let user = User { password_hash, is_administrator, ..user };
        self.store.tenant(tenant).create_user(&user).await.map_err(store("create a user"))?;
        Ok(user)
    }

    pub(crate) fn user_without_password(&self, principal_name: String, display_name: String) -> User {
        User {
            id: Uuid::new_v4(),
            principal_name,
            display_name,
            password_hash: String::new(),
            is_administrator: false,
            is_disabled: false,
            tokens_from: Ticks(0),
            created: self.clock.now(),
        }
    }
}

/// An app of another tenant, as one that let it in sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerInfo {
    pub partner: PartnerApp,
    /// As its home registers it; none when it is not there any more.
    pub app: Option<App>,
    /// The name of its home.
    pub publisher: Option<String>,
    /// Its home has not closed it to others.
    pub is_open: bool,
}

/// What is known of a signing key but the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    pub kid: String,
    pub created: Ticks,
    pub retired: Option<Ticks>,
    /// New tokens are signed with it.
    pub is_signing: bool,
}

fn names(permissions: &[Permission]) -> Vec<String> {
    permissions.iter().map(|permission| permission.application_name().to_owned()).collect()
}

fn name(what: &'static str, text: &str) -> Result<String, IdentityError> {
    let text = text.trim();
    let problem = if text.is_empty() {
        "is empty"
    } else if text.chars().count() > NAME_CHARACTERS_MAX {
        "is too long"
    } else if text.chars().any(char::is_control) {
        "has control characters"
    } else {
        return Ok(text.to_owned());
    };
    Err(IdentityError::Invalid { what, problem })
}

/// A domain must not look like anything else that can stand in its place in a path.
fn domain_name(text: &str) -> Result<String, IdentityError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    let problem = if !(1..=253).contains(&text.len()) || !text.bytes().all(allowed) {
        "is not a domain name"
    } else if is_any_tenant(text) || Uuid::parse_str(text).is_ok() {
        "is reserved"
    } else {
        return Ok(text.to_ascii_lowercase());
    };
    Err(IdentityError::Invalid { what: "the domain", problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_told_apart_from_ids_and_reserved_words() {
        assert_eq!(domain_name("Contoso.Example").unwrap(), "contoso.example");
        let id = Uuid::from_u128(1).to_string();
        for text in ["", "a b", "a/b", "common", "Organizations", id.as_str(), &"a".repeat(254)] {
            assert!(domain_name(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_short_and_printable() {
        assert_eq!(name("it", " a ").unwrap(), "a");
        for text in ["", "  ", "a\nb", &"a".repeat(257)] {
            assert!(name("it", text).is_err(), "{text:?}");
        }
    }
}
