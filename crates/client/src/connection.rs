//! Where the server is and who the caller is there.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{ClientError, Result};

/// A server and an app registration on it.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// Such as `https://localhost:8443`.
    pub base_url: String,
    /// The issuer of the tenant, such as `https://localhost:8443/<tenant id>`.
    pub authority: String,
    pub tenant_id: String,
    pub client_id: String,
    pub client_secret: String,
    /// PEM certificates to trust besides those of the system.
    pub ca_file: Option<PathBuf>,
}

/// Settings that win over those of the connection file: options and variables of a program.
#[derive(Clone, Default, Deserialize)]
pub struct Overrides {
    pub base_url: Option<String>,
    pub authority: Option<String>,
    pub tenant_id: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    pub ca_file: Option<PathBuf>,
}

impl Connection {
    /// Reads `quickstart.json`. It may hold more than is needed here.
    pub fn from_file(path: &Path) -> Result<Connection> {
        Connection::resolve(Some(path), Overrides::default())
    }

    /// Takes each setting from `overrides`, else from the file. An authority left out is made from the base
    /// URL and the tenant.
    pub fn resolve(file: Option<&Path>, overrides: Overrides) -> Result<Connection> {
        let base = file.map(read).transpose()?.unwrap_or_default();
        let need = |over: Option<String>, base: Option<String>, name: &'static str| {
            let given = over.or(base).filter(|text| !text.is_empty());
            given.ok_or(ClientError::MissingSetting(name))
        };
        let base_url = trimmed(need(overrides.base_url, base.base_url, "base_url")?);
        let tenant_id = need(overrides.tenant_id, base.tenant_id, "tenant_id")?;
        let authority = need(overrides.authority, base.authority, "authority")
            .map_or_else(|_| format!("{base_url}/{tenant_id}"), trimmed);
        Ok(Connection {
            base_url,
            authority,
            tenant_id,
            client_id: need(overrides.client_id, base.client_id, "client_id")?,
            client_secret: need(overrides.client_secret, base.client_secret, "client_secret")?,
            ca_file: overrides.ca_file.or(base.ca_file),
        })
    }

    pub(crate) fn token_url(&self) -> String {
        format!("{}/oauth2/v2.0/token", self.authority)
    }

    pub(crate) fn scope(&self) -> String {
        format!("{}/.default", self.base_url)
    }
}

fn read(path: &Path) -> Result<Overrides> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ClientError::File { path: path.to_owned(), source })?;
    // The message of the parser may quote the text, and the text holds a secret.
    let mut found: Overrides = serde_json::from_str(&text).map_err(|error| ClientError::ConnectionFile {
        path: path.to_owned(),
        reason: format!("{:?} error in line {}", error.classify(), error.line()).to_lowercase(),
    })?;
    if let (Some(ca_file), Some(folder)) = (&mut found.ca_file, path.parent()) {
        // A path in the file counts from the file; an absolute one stays as it is.
        *ca_file = folder.join(&*ca_file);
    }
    Ok(found)
}

fn trimmed(mut url: String) -> String {
    url.truncate(url.trim_end_matches('/').len());
    url
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("base_url", &self.base_url)
            .field("authority", &self.authority)
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides")
            .field("base_url", &self.base_url)
            .field("authority", &self.authority)
            .field("tenant_id", &self.tenant_id)
            .field("client_id", &self.client_id)
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}
