//! The settings of an issuer whose tokens are taken besides those of the built-in one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context, bail};
use model::Permission;
use serde::Deserialize;

use crate::egress::check_address;

/// An issuer whose tokens are taken at the API.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutsideIssuerSettings {
    /// As its tokens and its discovery document write it, such as `https://idp.example/tenant`.
    pub issuer: String,
    /// The domain of the tenant that its tokens are of.
    pub tenant: String,
    /// What a token has to be for: one of these has to be its `aud`.
    pub audiences: Vec<String>,
    /// The claim whose values say what a caller may do: text with blanks between, or a list.
    #[serde(default = "roles")]
    pub claim: String,
    /// The application permissions that each value gives.
    pub permissions: BTreeMap<String, Vec<String>>,
    /// A PEM file with certificates to trust besides those of the system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl OutsideIssuerSettings {
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        check_address(&self.issuer)?;
        if self.audiences.is_empty() {
            bail!("audiences is empty: no token would be taken");
        }
        self.permissions().map(drop)
    }

    pub(crate) fn permissions(&self) -> anyhow::Result<BTreeMap<String, BTreeSet<Permission>>> {
        let mut all = BTreeMap::new();
        for (value, names) in &self.permissions {
            let mut permissions = BTreeSet::new();
            for name in names {
                let found = Permission::from_application_name(name);
                permissions.insert(found.with_context(|| format!("'{name}' is no permission"))?);
            }
            all.insert(value.clone(), permissions);
        }
        Ok(all)
    }
}

fn roles() -> String {
    "roles".to_owned()
}
