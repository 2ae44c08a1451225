//! What a client needs to use a tenant: made once, written to a file that only its owner can read.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use identity::Secret;
use model::permission::PERMISSIONS;
use model::{ErrorKind as Kind, Permission, TenantId};
use serde::{Deserialize, Serialize};

use crate::data_folder::write_private;
use crate::opened::Opened;

/// In the data folder of a server that made its first tenant.
pub(crate) const CREDENTIALS_FILE: &str = "credentials.json";

/// An app registration and a user of a tenant, and where to use them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub base_url: String,
    /// The issuer of the tenant.
    pub authority: String,
    pub tenant_id: TenantId,
    pub client_id: String,
    pub client_secret: String,
    pub username: String,
    pub password: String,
    /// What clients have to trust; empty when a public authority signed the certificate.
    pub ca_file: PathBuf,
    /// The app by which programs on people's computers sign their users in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_client_id: Option<String>,
    /// By which the app of `client_id` can prove itself in place of the secret: a certificate and its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_certificate_file: Option<PathBuf>,
}

impl Credentials {
    /// Reads what was written before, if anything was.
    pub fn read(path: &Path) -> anyhow::Result<Option<Credentials>> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        // The message of the parser may quote secrets.
        let read = serde_json::from_slice(&bytes).ok();
        read.map(Some).with_context(|| format!("{} does not hold credentials", path.display()))
    }

    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self).context("cannot write credentials as JSON")?;
        write_private(path, format!("{text}\n").as_bytes())
    }

    /// The same credentials at a server that may have other addresses now.
    pub(crate) fn at(self, opened: &Opened) -> Credentials {
        let authority = format!("{}/{}", opened.authority_base, self.tenant_id);
        let ca_file = opened.certificate.ca_file.clone().unwrap_or_default();
        Credentials { base_url: opened.base_url.clone(), authority, ca_file, ..self }
    }
}

/// Makes a tenant with an administrator and an app that has every permission. A tenant of that domain that
/// is there already, from a start that was cut off, gets a new administrator and a new app.
pub(crate) async fn provision(
    opened: &Opened,
    display_name: &str,
    domain: &str,
) -> anyhow::Result<Credentials> {
    let issuer = &opened.api.issuer;
    let known = opened.api.store.tenant_by_domain(domain).await.context("cannot look for the tenant")?;
    let tenant = match known {
        Some(tenant) => tenant,
        None => issuer.create_tenant(display_name, domain).await.context("cannot make the tenant")?,
    };
    let password = Secret::random()?;
    let mut username = format!("admin@{}", tenant.domain);
    let made = issuer.create_user(tenant.id, &username, "Administrator", password.clone(), true).await;
    if let Err(error) = made {
        if error.kind() != Kind::Conflict {
            return Err(error).context("cannot make the administrator");
        }
        username = format!("admin-{:08x}@{}", rand::random::<u32>(), tenant.domain);
        let made = issuer.create_user(tenant.id, &username, "Administrator", password.clone(), true).await;
        made.context("cannot make the administrator")?;
    }
    let all: Vec<Permission> = PERMISSIONS.iter().map(|declared| declared.permission).collect();
    let (client_id, client_secret) = app(opened, tenant.id, "Bartizan command line", &all, &username).await?;
    let credentials = Credentials {
        base_url: String::new(),
        authority: String::new(),
        tenant_id: tenant.id,
        client_id,
        client_secret,
        username,
        password: password.expose().to_owned(),
        ca_file: PathBuf::new(),
        public_client_id: None,
        client_certificate_file: None,
    };
    Ok(credentials.at(opened))
}

/// Registers an app and consents to what it asks for. Answers with its id and secret.
pub(crate) async fn app(
    opened: &Opened,
    tenant: TenantId,
    name: &str,
    permissions: &[Permission],
    by: &str,
) -> anyhow::Result<(String, String)> {
    let issuer = &opened.api.issuer;
    let registered = issuer.register_app(tenant, name, permissions).await;
    let (app, secret) = registered.with_context(|| format!("cannot register the app '{name}'"))?;
    issuer.consent(tenant, app, by).await.with_context(|| format!("cannot consent to the app '{name}'"))?;
    Ok((app.to_string(), secret.expose().to_owned()))
}
