//! The parts of a server, open and not yet serving.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actions::{Actions, Limits};
use anyhow::Context;
use api::{ApiConfig, ApiState, WebhookKeeper};
use identity::{Issuer, IssuerConfig, OutsideIssuer};
use model::{Clock, SystemClock};
use query::{Engine, EngineConfig};
use store::Store;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use webhooks::Webhooks;

use crate::config::{Config, IdentityProviderSettings, OutsideIssuerSettings, host_of};
use crate::data_folder::DataFolder;
use crate::egress::HttpsEgress;
use crate::geo;
use crate::lake_files::open_lake;
use crate::ranked::Ranked;
use crate::rules::{self, RuleSets};
use crate::state::open_store;
use crate::tls::{self, Certificate};
use crate::webhook_post::WebhookPost;

/// Everything a server is made of.
pub(crate) struct Opened {
    pub config: Config,
    pub folder: DataFolder,
    pub base_url: String,
    pub authority_base: String,
    pub certificate: Certificate,
    pub listener: TcpListener,
    pub plain_listener: Option<TcpListener>,
    pub operator_listener: TcpListener,
    pub rules: Arc<RuleSets>,
    pub ranked: Ranked,
    /// Cancelled when the server is to be left alone.
    pub stopping: CancellationToken,
    pub api: ApiState,
}

impl Opened {
    /// Opens the data folder and binds the ports, so that what is in the way is known before anything runs.
    pub async fn open(config: Config, folder: DataFolder) -> anyhow::Result<Opened> {
        config.check()?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let listener = bind(config.listen, "listen")?;
        let plain_listener = config.plain_listen.map(|address| bind(address, "plain_listen")).transpose()?;
        let operator_listener = bind(config.operator_listen, "operator_listen")?;
        let bound = listener.local_addr().context("cannot tell the port that was bound")?;
        let base_url = config.base_url_at(bound);
        let authority_base = config.authority_base.clone().unwrap_or_else(|| base_url.clone());
        let authority_base = authority_base.trim_end_matches('/').to_owned();

        let mut hosts: Vec<String> = [&base_url, &authority_base]
            .into_iter()
            .filter_map(|url| host_of(url))
            .map(str::to_owned)
            .collect();
        hosts.push(bound.ip().to_string());
        let certificate = tls::certificate(&config.tls, &folder.file("tls"), &hosts, clock.now())?;

        let geo = geo::load(config.hunting.geo_database.as_deref()).await?;
        let store = open_store(&config, &folder).await?;
        let sealing = folder.sealing_key()?;
        let mut issuer_config = IssuerConfig::new(authority_base.clone());
        // The names that clients on this machine may use, whatever the public one is.
        let local = ["127.0.0.1", "[::1]", "localhost"];
        let local = local.iter().map(|host| format!("https://{host}:{}", bound.port()));
        issuer_config
            .audiences
            .extend([base_url.clone(), format!("https://{bound}")].into_iter().chain(local));
        issuer_config.key_rotation_days = config.keys.rotation_days;
        issuer_config.key_overlap_days = config.keys.overlap_days;
        let issuer = Issuer::open(store.clone(), sealing, issuer_config, clock.clone()).await;
        let mut issuer = issuer.context("cannot open the issuer")?;
        trust(&mut issuer, &config.outside_issuers, &store).await?;
        federate(&mut issuer, &config.identity_providers)?;
        let issuer = Arc::new(issuer);
        let keys = folder.channel_keys()?;
        let uploads = folder.file("actions");
        let actions = Actions::new(store.clone(), clock.clone(), keys, uploads, Limits::default());
        let post = Arc::new(WebhookPost::new(&config.webhooks.private_hosts)?);
        let keeper = Arc::new(WebhookKeeper::new(issuer.clone(), clock.clone()));
        let limits = webhooks::Limits::default();
        let webhooks = Webhooks::new(store.clone(), clock.clone(), post, keeper, limits);
        let lake = open_lake(&config, &folder, &store, &clock).await?;
        let files = Some((lake::object_store_url(), lake.object_store()));
        let external = config.hunting.external_files()?;
        let engine = Engine::new(EngineConfig { geo, external, ..config.hunting.for_engine() }, files);
        let engine = Arc::new(engine.context("cannot set up the query engine")?);
        let (folders, with_built_in) = (config.rules.clone(), config.built_in_rules);
        let rules = tokio::task::spawn_blocking(move || rules::load(&folders, with_built_in)).await;
        let rules = Arc::new(rules.context("cannot load the rules")?);

        let mut api_config = ApiConfig::new(base_url.clone());
        // A larger body needs room that others leave it.
        let larger = config.ingest.body_bytes_max.saturating_sub(api_config.ingest_body_bytes_max);
        api_config.ingest_memory_bytes += larger;
        api_config.ingest_body_bytes_max = config.ingest.body_bytes_max;
        api_config.ingest_patience = Duration::from_secs(config.ingest.wait_seconds);
        api_config.rate_limits = config.rate_limits.for_api();
        api_config.cors_origins = config.cors_origins.clone();
        api_config.trusted_proxies = config.trusted_proxies.clone();
        api_config.network_limit = config.rate_limits.for_networks();
        let stopping = CancellationToken::new();
        let readiness: api::Readiness = {
            let stopping = stopping.clone();
            Arc::new(move || match stopping.is_cancelled() {
                true => Err("the server is shutting down".to_owned()),
                false => Ok(()),
            })
        };
        let ranked = Ranked::start()?;
        let ingest_threads = ranked.ingest();
        let api = ApiState {
            ingest_threads,
            store,
            lake,
            issuer,
            engine,
            actions,
            webhooks,
            clock,
            config: api_config,
            readiness,
        };
        info!(data = %folder.path().display(), %base_url, "opened");
        Ok(Opened {
            config,
            folder,
            base_url,
            authority_base,
            certificate,
            listener,
            plain_listener,
            operator_listener,
            rules,
            ranked,
            stopping,
            api,
        })
    }

    /// Closes what was opened, when it is not to be served after all.
    pub async fn close(self) {
        let _ = self.api.lake.close().await;
        self.api.store.close().await;
    }
}

/// Takes tokens of the issuers that the operator trusts.
async fn trust(
    issuer: &mut Issuer,
    outside_issuers: &[OutsideIssuerSettings],
    store: &Store,
) -> anyhow::Result<()> {
    for settings in outside_issuers {
        let domain = &settings.tenant;
        let tenant = store.tenant_by_domain(domain).await.context("cannot look for a tenant")?;
        let Some(tenant) = tenant else {
            warn!(issuer = %settings.issuer, tenant = %domain, "no tenant has that domain: its tokens are not taken");
            continue;
        };
        let trusted = OutsideIssuer {
            issuer: settings.issuer.clone(),
            audiences: settings.audiences.clone(),
            tenant: tenant.id,
            claim: settings.claim.clone(),
            permissions: settings.permissions()?,
        };
        let egress = Arc::new(HttpsEgress::new(settings.ca_file.as_deref())?);
        issuer.trust(trusted, egress).with_context(|| format!("outside_issuers, {}", settings.issuer))?;
    }
    Ok(())
}

/// Lets the users of the operator's providers sign in.
fn federate(issuer: &mut Issuer, providers: &[IdentityProviderSettings]) -> anyhow::Result<()> {
    for settings in providers {
        let at = || format!("identity_providers, {}", settings.name);
        let provider = settings.provider().with_context(at)?;
        let egress = Arc::new(HttpsEgress::new(settings.ca_file.as_deref()).with_context(at)?);
        issuer.federate(provider, egress).with_context(at)?;
    }
    Ok(())
}

fn bind(address: SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot listen at {address} ({setting})"))
}
