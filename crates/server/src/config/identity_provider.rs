//! The settings of a provider that signs users in besides the built-in issuer.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, bail};
use identity::{Provider, Secret};
use serde::Deserialize;

use crate::egress::check_address;

const SECRET_BYTES_MAX: usize = 4_096;

/// A provider whose users sign in here.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityProviderSettings {
    /// A word of letters, digits and hyphens. The redirect URI to register there is
    /// `<authority base>/federated/<name>/callback`.
    pub name: String,
    /// What the sign-in page calls it. Default: its name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// As its tokens and its discovery document write it, such as `https://idp.example/tenant`.
    pub issuer: String,
    /// The domain of the tenant that its users belong to.
    pub tenant: String,
    /// The domains of the names of its users; a name of another one is not taken. Default: that of the tenant.
    #[serde(default)]
    pub domains: Vec<String>,
    /// What this server is called there.
    pub client_id: String,
    /// A file whose first line is the secret of this server there. Without one it is a public client.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// `basic` or `post`: whether the secret is sent in a header or in the form. Default: what its discovery document says.
    #[serde(default)]
    pub client_secret_method: Option<SecretMethod>,
    /// What is asked for besides `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim with the name that a user is known by here. `email` counts where the provider has verified it.
    #[serde(default = "user_claim")]
    pub user_claim: String,
    #[serde(default = "name_claim")]
    pub name_claim: String,
    /// The claim with the groups of a user: a list, or one of them as text.
    #[serde(default = "groups_claim")]
    pub groups_claim: String,
    /// The user group, by name, of each group of the provider. Its members are the ones that the provider says.
    #[serde(default)]
    pub groups: BTreeMap<String, String>,
    /// Whether users who come for the first time are made here; else an administrator makes them, without a password.
    #[serde(default = "yes")]
    pub creates_users: bool,
    /// A PEM file with certificates to trust besides those of the system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

/// How a secret is sent to a token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretMethod {
    Basic,
    Post,
}

impl IdentityProviderSettings {
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        check_address(&self.issuer)?;
        for (setting, value) in [("client_id", &self.client_id), ("user_claim", &self.user_claim)] {
            if value.is_empty() {
                bail!("{setting} is empty");
            }
        }
        Ok(())
    }

    pub(crate) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.client_secret_file.iter_mut().chain(self.ca_file.iter_mut())
    }

    pub(crate) fn provider(&self) -> anyhow::Result<Provider> {
        let client_secret = match &self.client_secret_file {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("cannot read client_secret_file {}", path.display()))?;
                let line = text.lines().next().unwrap_or_default().trim();
                if line.is_empty() || line.len() > SECRET_BYTES_MAX {
                    bail!("the first line of client_secret_file {} is no secret", path.display());
                }
                Some(Secret::new(line.to_owned()))
            }
            None => None,
        };
        Ok(Provider {
            key: self.name.clone(),
            display_name: self.display_name.clone().unwrap_or_else(|| self.name.clone()),
            issuer: self.issuer.clone(),
            tenant: self.tenant.clone(),
            domains: self.domains.clone(),
            client_id: self.client_id.clone(),
            client_secret,
            secret_in_form: self.client_secret_method.map(|method| method == SecretMethod::Post),
            scopes: self.scopes.clone(),
            user_claim: self.user_claim.clone(),
            name_claim: self.name_claim.clone(),
            groups_claim: self.groups_claim.clone(),
            groups: self.groups.clone(),
            creates_users: self.creates_users,
        })
    }
}

fn scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn user_claim() -> String {
    "preferred_username".to_owned()
}

fn name_claim() -> String {
    "name".to_owned()
}

fn groups_claim() -> String {
    "groups".to_owned()
}

fn yes() -> bool {
    true
}
