//! The object store of data files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use lake::{HiddenText, RemoteConfig};
use serde::Deserialize;

/// A file with a secret or with certificates is not larger.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where data files are when not in the data folder: a bucket of S3, or of what speaks its protocol, or a container of
/// Azure Blob Storage. What is not set here is taken from the variables of the providers' own tools, `AWS_...` and
/// `AZURE_...`. Secrets are in files or variables, never in the configuration.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectStoreSettings {
    /// `s3://bucket/prefix` or `az://container/prefix`. The prefix is this server's alone and can be left out.
    pub url: String,
    /// The address of the service, when it is not the provider's own.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The region, for S3.
    #[serde(default)]
    pub region: Option<String>,
    /// The storage account, for Azure.
    #[serde(default)]
    pub account: Option<String>,
    /// The id of the access key, for S3.
    #[serde(default)]
    pub access_key_id: Option<String>,
    /// A file with the secret access key of S3, or with the key of the storage account of Azure.
    #[serde(default)]
    pub secret_key_file: Option<PathBuf>,
    /// A PEM file with more authorities that the certificate of the service may be of.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Whether an endpoint without TLS is accepted.
    #[serde(default)]
    pub allow_http: bool,
    /// A request that takes longer is given up and sent again.
    #[serde(default = "default_timeout_seconds")]
    pub timeout_seconds: u64,
    /// What fails for so long is an error.
    #[serde(default = "default_retry_seconds")]
    pub retry_seconds: u64,
    /// Memory for what was read lately, in bytes.
    #[serde(default = "default_cache_bytes")]
    pub cache_bytes: usize,
}

impl ObjectStoreSettings {
    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        self.secret_key_file.iter_mut().chain(self.ca_file.iter_mut())
    }

    /// Says what is wrong, as far as that can be told without files, environment and service.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.timeout_seconds == 0 || self.retry_seconds == 0 {
            bail!("timeout_seconds and retry_seconds take a number above 0");
        }
        let secret_key = self.secret_key_file.as_ref().map(|_| HiddenText(String::new()));
        RemoteConfig { secret_key, ..self.without_files() }.check().map_err(Into::into)
    }

    /// With secrets and the variables of the providers' tools.
    pub(crate) fn read(
        &self,
        environment: impl Iterator<Item = (String, String)>,
    ) -> anyhow::Result<RemoteConfig> {
        let secret_key = self.secret_key_file.as_deref().map(read_secret).transpose()?;
        let authorities = self.ca_file.as_deref().map(read_file).transpose()?;
        let is_providers =
            |name: &str| ["AWS_", "AZURE_", "MSI_"].iter().any(|start| name.starts_with(start));
        let environment = environment.filter(|(name, _)| is_providers(name));
        let environment = environment.map(|(name, value)| (name, HiddenText(value))).collect();
        Ok(RemoteConfig { secret_key, authorities, environment, ..self.without_files() })
    }

    fn without_files(&self) -> RemoteConfig {
        RemoteConfig {
            url: self.url.clone(),
            endpoint: self.endpoint.clone(),
            region: self.region.clone(),
            account: self.account.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_key: None,
            authorities: None,
            allow_http: self.allow_http,
            timeout: Duration::from_secs(self.timeout_seconds),
            retry: Duration::from_secs(self.retry_seconds),
            cache_bytes: self.cache_bytes,
            environment: Vec::new(),
        }
    }
}

fn read_file(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let length = std::fs::metadata(path).with_context(|| format!("cannot read {shown}"))?.len();
    if length > FILE_BYTES_MAX {
        bail!("{shown} is larger than {FILE_BYTES_MAX} bytes");
    }
    std::fs::read(path).with_context(|| format!("cannot read {shown}"))
}

pub(super) fn read_secret(path: &Path) -> anyhow::Result<HiddenText> {
    let text = String::from_utf8(read_file(path)?).ok();
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let text = text.with_context(|| format!("{} does not hold a key as text", path.display()))?;
    Ok(HiddenText(text))
}

fn default_timeout_seconds() -> u64 {
    30
}

fn default_retry_seconds() -> u64 {
    30
}

fn default_cache_bytes() -> usize {
    256 << 20
}

#[cfg(test)]
mod tests {
    use crate::Config;

    #[test]
    fn secrets_come_from_files_and_variables_and_are_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("key"), "s3cret\n").unwrap();
        std::fs::write(folder.path().join("c.toml"), "data = 'd'\n[lake.object_store]\nurl = 's3://events/a'\naccess_key_id = 'id'\nsecret_key_file = 'key'\n").unwrap();
        let config = Config::load(&folder.path().join("c.toml")).unwrap();
        let settings = config.lake.object_store.as_ref().unwrap();
        let variables = [("AWS_SESSION_TOKEN", "t0ken"), ("HOME", "/home")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let read = settings.read(variables.into_iter()).unwrap();
        assert_eq!(read.secret_key.as_ref().unwrap().0, "s3cret");
        assert_eq!(read.environment.len(), 1);
        let shown = format!("{config:?} {read:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");

        for content in [&b""[..], b" \n", b"\xff"] {
            std::fs::write(folder.path().join("key"), content).unwrap();
            assert!(settings.read(std::iter::empty()).is_err(), "{content:?}");
        }
        std::fs::remove_file(folder.path().join("key")).unwrap();
        let error = format!("{:#}", settings.read(std::iter::empty()).unwrap_err());
        assert!(error.contains("key"), "{error}");
    }
}
