//! What an operator can set, in a TOML file. Everything but the data folder has a default.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use model::access::Network;
use serde::Deserialize;

mod hunting;
mod identity_provider;
mod object_store;
mod outside_issuer;
mod store;

pub use hunting::HuntingSettings;
pub use identity_provider::IdentityProviderSettings;
pub use object_store::ObjectStoreSettings;
pub use outside_issuer::OutsideIssuerSettings;
pub use store::StoreSettings;

/// The settings of a server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder that holds everything: state, events, keys and certificates. Made when it does not exist.
    pub data: PathBuf,
    /// Where the API is served over HTTPS, as address and port; port 0 takes a free one.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Where the API is served without TLS as well, for a proxy on this machine that ends it: an address of the loopback
    /// interface.
    #[serde(default)]
    pub plain_listen: Option<SocketAddr>,
    /// Where `/healthz`, `/readyz` and `/metrics` are served over plain HTTP. Not for the open network.
    #[serde(default = "default_operator_listen")]
    pub operator_listen: SocketAddr,
    /// The address that clients use, such as `https://siem.example`. Links in answers begin with it.
    /// Default: localhost, or the address of `listen`, with its port.
    #[serde(default)]
    pub base_url: Option<String>,
    /// The address of the issuer, without the tenant; tokens name it. Default: `base_url`.
    #[serde(default)]
    pub authority_base: Option<String>,
    /// Folders with Sigma rules, read with everything below them.
    #[serde(default)]
    pub rules: Vec<PathBuf>,
    /// Whether the rules that come with the product run as well.
    #[serde(default = "yes")]
    pub built_in_rules: bool,
    /// A tenant to make at a start that finds none, with an administrator and an app registration. What is
    /// needed to use it is written to `credentials.json` in the data folder.
    #[serde(default)]
    pub first_tenant: Option<FirstTenant>,
    /// Issuers whose tokens are taken besides those of the built-in one.
    #[serde(default)]
    pub outside_issuers: Vec<OutsideIssuerSettings>,
    /// Providers of others that sign users in.
    #[serde(default)]
    pub identity_providers: Vec<IdentityProviderSettings>,
    /// Proxies that are believed to say whose requests they forward, such as `10.0.0.7`: an `X-Forwarded-For` of theirs
    /// counts, and nobody else's.
    #[serde(default)]
    pub trusted_proxies: Vec<Network>,
    /// Origins whose scripts may call the API, such as `https://portal.example`.
    #[serde(default)]
    pub cors_origins: Vec<String>,
    #[serde(default)]
    pub tls: TlsConfig,
    #[serde(default)]
    pub store: StoreSettings,
    #[serde(default)]
    pub lake: LakeSettings,
    #[serde(default)]
    pub hunting: HuntingSettings,
    #[serde(default)]
    pub ingest: IngestSettings,
    #[serde(default)]
    pub rate_limits: RateLimitSettings,
    #[serde(default)]
    pub keys: KeySettings,
    #[serde(default)]
    pub webhooks: WebhookSettings,
    #[serde(default)]
    pub log: LogSettings,
}

/// The names of a tenant to make.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstTenant {
    /// Such as `Contoso`.
    pub display_name: String,
    /// Such as `contoso.example`; users sign in under it.
    pub domain: String,
}

/// The certificate of the API. Without files of one's own, a local authority is made in the data folder.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsConfig {
    /// A PEM file with the certificate and what it takes to verify it.
    pub certificate: Option<PathBuf>,
    /// A PEM file with its private key.
    pub key: Option<PathBuf>,
    /// More names and addresses for the certificate of the local authority, besides localhost and the host of
    /// `base_url`: such as `api.securitycenter.microsoft.com` for clients whose host names are fixed.
    pub names: Vec<String>,
}

/// Bounds and rhythm of the event lake.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LakeSettings {
    /// New rows are written to files after this many seconds at the latest.
    pub flush_seconds: u64,
    /// New rows are written to files when they take this much memory, in bytes.
    pub flush_bytes: usize,
    /// Events are refused, to be sent again later, while new rows take more memory than this, in bytes.
    pub hot_bytes_max: usize,
    /// Small files are merged, old ones retired and replaced ones deleted every so many seconds.
    pub upkeep_seconds: u64,
    /// Files that were merged or retired stay for so many seconds, and as far back questions about the past can
    /// be asked. It has to be longer than a query may run.
    pub grace_seconds: u64,
    /// Events are refused while the disk of the data folder has less than this left, in bytes, so that everything
    /// else still works; 0 leaves nothing over.
    pub reserve_bytes: u64,
    /// Where data files are, if not in the data folder.
    pub object_store: Option<ObjectStoreSettings>,
}

/// Limits of incoming events.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestSettings {
    /// Bytes of one request.
    pub body_bytes_max: usize,
    /// How long events wait for room before they are turned away, to be sent again.
    pub wait_seconds: u64,
}

/// How often methods may be called.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitSettings {
    /// Whether there are limits.
    pub enabled: bool,
    /// The documented numbers times this.
    pub factor: f64,
    /// How many times the limit of an app its tenant has for all apps together.
    pub tenant_factor: u32,
    /// Calls a second that one network may make to the endpoints of the issuer, over time; 0 sets no limit.
    pub sign_in_per_second: f64,
    /// Such calls that may come at once.
    pub sign_in_burst: u32,
}

/// The keys that tokens are signed with.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeySettings {
    /// A new key is made when the newest is so old, in days; 0 makes none by itself.
    pub rotation_days: u32,
    /// A key that has a successor verifies for so many days, and as long as a token lives.
    pub overlap_days: u32,
}

/// Where changes may be sent to.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookSettings {
    /// Hosts of the operator's own network: they may have addresses that are not public, and be sent to over plain
    /// HTTP. Everything else is sent over HTTPS to public addresses alone.
    pub private_hosts: Vec<String>,
}

/// What is written about the server's own work, to standard error.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// `error`, `warn`, `info`, `debug` or `trace`, also by module as in `info,lake=debug`. BARTIZAN_LOG wins.
    pub level: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl Config {
    /// The defaults over a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Config {
        Config {
            data: data.into(),
            listen: default_listen(),
            plain_listen: None,
            operator_listen: default_operator_listen(),
            base_url: None,
            authority_base: None,
            rules: Vec::new(),
            built_in_rules: true,
            first_tenant: None,
            outside_issuers: Vec::new(),
            identity_providers: Vec::new(),
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            tls: TlsConfig::default(),
            store: StoreSettings::default(),
            lake: LakeSettings::default(),
            hunting: HuntingSettings::default(),
            ingest: IngestSettings::default(),
            rate_limits: RateLimitSettings::default(),
            keys: KeySettings::default(),
            webhooks: WebhookSettings::default(),
            log: LogSettings::default(),
        }
    }

    /// Reads a file. A relative path in it counts from the folder of the file.
    pub fn load(path: &Path) -> anyhow::Result<Config> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration {}", path.display()))?;
        let mut config =
            Config::parse(&text).with_context(|| format!("the configuration {}", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut paths = vec![&mut config.data];
        paths.extend(config.rules.iter_mut());
        paths.extend(config.tls.certificate.iter_mut().chain(config.tls.key.iter_mut()));
        paths.extend(config.hunting.geo_database.iter_mut());
        paths.extend(config.outside_issuers.iter_mut().filter_map(|outside| outside.ca_file.as_mut()));
        paths.extend(config.identity_providers.iter_mut().flat_map(IdentityProviderSettings::paths));
        paths.extend(config.store.paths());
        paths.extend(config.lake.object_store.iter_mut().flat_map(ObjectStoreSettings::paths));
        paths.into_iter().for_each(|path| *path = folder.join(&*path));
        Ok(config)
    }

    /// Reads TOML. What is wrong is named with its line.
    pub fn parse(text: &str) -> anyhow::Result<Config> {
        let config: Config = toml::from_str(text)?;
        config.check()?;
        Ok(config)
    }

    pub(crate) fn check(&self) -> anyhow::Result<()> {
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            bail!("tls.certificate and tls.key go together: one of them is missing");
        }
        for (setting, url) in [("base_url", &self.base_url), ("authority_base", &self.authority_base)] {
            if let Some(url) = url
                && host_of(url).is_none()
            {
                bail!("{setting} is '{url}': it takes an address such as https://siem.example");
            }
        }
        if let Some(address) = self.plain_listen.filter(|address| !address.ip().is_loopback()) {
            bail!(
                "plain_listen is '{address}': it takes an address of the loopback interface, such as 127.0.0.1:8080"
            );
        }
        let numbers = [
            ("lake.flush_seconds", self.lake.flush_seconds),
            ("lake.flush_bytes", self.lake.flush_bytes as u64),
            ("lake.hot_bytes_max", self.lake.hot_bytes_max as u64),
            ("lake.upkeep_seconds", self.lake.upkeep_seconds),
            ("hunting.timeout_seconds", self.hunting.timeout_seconds),
            ("ingest.body_bytes_max", self.ingest.body_bytes_max as u64),
        ];
        if let Some((setting, _)) = numbers.iter().find(|(_, number)| *number == 0) {
            bail!("{setting} is 0: it takes a number above that");
        }
        if self.ingest.wait_seconds > 60 {
            bail!("ingest.wait_seconds is {}: it takes 60 at most", self.ingest.wait_seconds);
        }
        self.hunting.check()?;
        self.store.check().context("store")?;
        for origin in &self.cors_origins {
            let is_origin = ["https://", "http://"].iter().any(|scheme| {
                origin.strip_prefix(scheme).is_some_and(|host| {
                    let is_host =
                        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]".contains(&b);
                    !host.is_empty() && host.bytes().all(is_host)
                })
            });
            if !is_origin {
                bail!("cors_origins has '{origin}': it takes origins such as https://portal.example");
            }
        }
        let RateLimitSettings { factor, tenant_factor, .. } = self.rate_limits;
        if !(factor.is_finite() && factor > 0.0 && factor <= 1e6) || tenant_factor == 0 {
            bail!("rate_limits.factor and rate_limits.tenant_factor take numbers above 0");
        }
        let RateLimitSettings { sign_in_per_second: rate, sign_in_burst, .. } = self.rate_limits;
        if !(0.0..=1e6).contains(&rate) || sign_in_burst == 0 {
            bail!(
                "rate_limits.sign_in_per_second takes a number from 0, rate_limits.sign_in_burst one from 1"
            );
        }
        if self.lake.hot_bytes_max < self.lake.flush_bytes {
            bail!("lake.hot_bytes_max is below lake.flush_bytes: events would be refused before a flush");
        }
        if self.lake.grace_seconds <= self.hunting.timeout_seconds {
            bail!("lake.grace_seconds is not above hunting.timeout_seconds: queries would lose their files");
        }
        for outside in &self.outside_issuers {
            outside.check().with_context(|| format!("outside_issuers, {}", outside.issuer))?;
        }
        for provider in &self.identity_providers {
            provider.check().with_context(|| format!("identity_providers, {}", provider.name))?;
        }
        if let Some(object_store) = &self.lake.object_store {
            object_store.check().context("lake.object_store")?;
        }
        Ok(())
    }

    /// The address of the API for clients, once it listens at `bound`.
    pub(crate) fn base_url_at(&self, bound: SocketAddr) -> String {
        match &self.base_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if bound.ip().is_unspecified() || bound.ip().is_loopback() => {
                let host = if bound.is_ipv6() { "localhost" } else { "127.0.0.1" };
                format!("https://{host}:{}", bound.port())
            }
            None => format!("https://{bound}"),
        }
    }
}

impl Default for LakeSettings {
    fn default() -> LakeSettings {
        let lake = lake::LakeConfig::default();
        LakeSettings {
            flush_seconds: lake.flush_interval.as_secs(),
            flush_bytes: lake.flush_bytes,
            hot_bytes_max: lake.hot_bytes_max,
            upkeep_seconds: lake.upkeep_interval.as_secs(),
            grace_seconds: lake.grace.as_secs(),
            reserve_bytes: lake.reserve_bytes,
            object_store: None,
        }
    }
}

impl LakeSettings {
    pub(crate) fn for_lake(&self) -> lake::LakeConfig {
        lake::LakeConfig {
            flush_bytes: self.flush_bytes,
            flush_interval: Duration::from_secs(self.flush_seconds),
            hot_bytes_max: self.hot_bytes_max,
            upkeep_interval: Duration::from_secs(self.upkeep_seconds),
            grace: Duration::from_secs(self.grace_seconds),
            reserve_bytes: self.reserve_bytes,
        }
    }
}

impl Default for RateLimitSettings {
    fn default() -> RateLimitSettings {
        let limits = api::RateLimits::default();
        let networks = api::NetworkLimit::default();
        RateLimitSettings {
            enabled: true,
            factor: limits.factor,
            tenant_factor: limits.tenant_factor,
            sign_in_per_second: networks.per_second,
            sign_in_burst: networks.burst as u32,
        }
    }
}

impl RateLimitSettings {
    pub(crate) fn for_api(&self) -> Option<api::RateLimits> {
        let RateLimitSettings { enabled, factor, tenant_factor, .. } = *self;
        enabled.then_some(api::RateLimits { factor, tenant_factor })
    }

    pub(crate) fn for_networks(&self) -> Option<api::NetworkLimit> {
        let (per_second, burst) = (self.sign_in_per_second, f64::from(self.sign_in_burst));
        (self.enabled && per_second > 0.0).then_some(api::NetworkLimit { per_second, burst })
    }
}

impl Default for KeySettings {
    fn default() -> KeySettings {
        KeySettings { rotation_days: 90, overlap_days: 1 }
    }
}

impl Default for IngestSettings {
    fn default() -> IngestSettings {
        IngestSettings { body_bytes_max: 32 << 20, wait_seconds: 5 }
    }
}

impl Default for LogSettings {
    fn default() -> LogSettings {
        LogSettings { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// The host of an http or https address, without port and brackets.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inside) => inside.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    (!host.is_empty()).then_some(host)
}

fn default_listen() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8443)
}

fn default_operator_listen() -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9443)
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(text: &str, said: &str) {
        let error = format!("{:#}", Config::parse(text).unwrap_err());
        assert!(error.contains(said), "{error}");
    }

    #[test]
    fn a_data_folder_is_enough() {
        let config = Config::parse("data = '/d'").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8443");
        assert_eq!(config.base_url_at("127.0.0.1:7".parse().unwrap()), "https://127.0.0.1:7");
        assert_eq!(config.base_url_at("10.0.0.1:7".parse().unwrap()), "https://10.0.0.1:7");
    }

    #[test]
    fn every_section_is_read() {
        let text = "data = 'd'\nlisten = '0.0.0.0:443'\nbase_url = 'https://siem.example/'\nrules = ['r']\n\
                    cors_origins = ['https://portal.example', 'http://[::1]:3000']\n\
                    [lake]\nflush_seconds = 5\n[hunting]\ntimeout_seconds = 7\n[ingest]\nbody_bytes_max = 9\nwait_seconds = 0\n\
                    [rate_limits]\nsign_in_per_second = 0.0\n[tls]\nnames = ['a.example']\n[log]\nformat = 'json'\nlevel = 'debug'\n\
                    [first_tenant]\ndisplay_name = 'A'\ndomain = 'a.example'\n";
        let config = Config::parse(text).unwrap();
        assert_eq!(config.base_url_at(config.listen), "https://siem.example");
        assert_eq!(config.lake.for_lake().flush_interval, Duration::from_secs(5));
        assert_eq!(config.hunting.for_engine().deadline, Duration::from_secs(7));
        assert_eq!(config.log.format, LogFormat::Json);
        assert_eq!(config.cors_origins.len(), 2);
        assert_eq!((config.rate_limits.for_networks(), config.rate_limits.for_api().is_some()), (None, true));
    }

    #[test]
    fn what_is_unknown_or_impossible_is_refused_by_name() {
        check_refused("", "data");
        check_refused("data = 'd'\nlisen = '0.0.0.0:443'", "lisen");
        check_refused("data = 'd'\n[lake]\nflush = 5", "flush");
        check_refused("data = 'd'\nlisten = 'here'", "listen");
        check_refused("data = 'd'\nbase_url = 'siem'", "base_url");
        check_refused("data = 'd'\n[tls]\nkey = 'k.pem'", "tls.certificate");
        for origin in ["*", "null", "https://", "portal.example", "https://portal.example/", "https://a b"] {
            check_refused(&format!("data = 'd'\ncors_origins = ['{origin}']"), "cors_origins");
        }
        check_refused("data = 'd'\n[rate_limits]\nsign_in_per_second = -1.0", "sign_in_per_second");
        check_refused("data = 'd'\n[rate_limits]\nsign_in_burst = 0", "sign_in_burst");
        check_refused("data = 'd'\n[hunting]\nrows_max = 0", "hunting.rows_max");
        let outside = "data = 'd'\n[[outside_issuers]]\ntenant = 'a'\n";
        let refused = |more: &str, said| check_refused(&format!("{outside}{more}"), said);
        refused("issuer = 'http://idp.example'\naudiences = ['a']\npermissions = {}", "https");
        refused("issuer = 'https://idp.example'\naudiences = []\npermissions = {}", "audiences");
        refused("issuer = 'https://idp.example'\naudiences = ['a']\npermissions = { x = ['Y'] }", "'Y'");
        let provider = "data = 'd'\n[[identity_providers]]\nname = 'a'\ntenant = 'a'\n";
        let refused = |more: &str, said| check_refused(&format!("{provider}{more}"), said);
        refused("issuer = 'http://idp.example'\nclient_id = 'a'", "https");
        refused("issuer = 'https://idp.example'\nclient_id = ''", "client_id");
        refused("issuer = 'https://idp.example'", "client_id");
        check_refused("data = 'd'\ntrusted_proxies = ['10.0.0.0/33']", "trusted_proxies");
        check_refused("data = 'd'\n[hunting]\nexternal_hosts = ['https://a']", "hunting.external_hosts");
        check_refused("data = 'd'\n[hunting]\nexternal_hosts = ['10.0.0.1']", "hunting.external_hosts");
        check_refused("data = 'd'\n[lake]\ngrace_seconds = 100", "lake.grace_seconds");
        check_refused("data = 'd'\nplain_listen = '0.0.0.0:80'", "plain_listen");
        check_refused("data = 'd'\n[lake.object_store]\nurl = 'gs://events'", "lake.object_store");
        check_refused(
            "data = 'd'\n[lake.object_store]\nurl = 's3://events'\nkey = 'k'",
            "unknown field `key`",
        );
        check_refused(
            "data = 'd'\n[lake.object_store]\nurl = 's3://events'\nendpoint = 'http://127.0.0.1'",
            "without TLS",
        );
    }

    #[test]
    fn the_host_of_an_address() {
        assert_eq!(host_of("https://a.example:1/x"), Some("a.example"));
        assert_eq!(host_of("https://[::1]:1"), Some("::1"));
        assert_eq!(host_of("ftp://a"), None);
        assert_eq!(host_of("https://"), None);
    }
}
