//! A server that serves, and its end.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actions::Actions;
use anyhow::{Context, bail};
use api::ApiService;
use axum_server::Handle;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use lake::Lake;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use store::Store;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::config::Config;
use crate::credentials::{CREDENTIALS_FILE, Credentials, provision};
use crate::data_folder::DataFolder;
use crate::followers::Followers;
use crate::gulps::InGulps;
use crate::opened::Opened;
use crate::ranked::Ranked;
use crate::{tls, upkeep};

/// Requests on their way have this long to end at a shutdown.
const DRAIN: Duration = Duration::from_secs(20);
/// A connection that has said nothing for this long is closed.
const FIRST_REQUEST: Duration = Duration::from_secs(60);
/// Longer than usual clients keep idle connections, so that they close them first.
const HEADER_READ: Duration = Duration::from_secs(120);
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
const SWEEP: Duration = Duration::from_secs(600);

/// How a server is started.
pub struct Server;

/// A server that serves until [`Running::shutdown`].
pub struct Running {
    stopping: CancellationToken,
    base_url: String,
    address: SocketAddr,
    operator_address: SocketAddr,
    ca_file: Option<PathBuf>,
    https: Listening,
    plain: Option<Listening>,
    operator: Listening,
    followers: JoinHandle<()>,
    stop_followers: CancellationToken,
    flushes: JoinHandle<()>,
    file_upkeep: JoinHandle<()>,
    upkeep: JoinHandle<()>,
    access_upkeep: [JoinHandle<()>; 2],
    sweeps: JoinHandle<()>,
    actions: Actions,
    looks_after_actions: JoinHandle<()>,
    sends_webhooks: JoinHandle<()>,
    lake: Lake,
    store: Store,
    ranked: Ranked,
    /// Locked until everything is closed.
    folder: DataFolder,
}

/// A port and the task that serves it.
struct Listening {
    handle: Handle<SocketAddr>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Opens the data folder and serves it. When this returns, requests are answered.
    pub async fn start(config: Config) -> anyhow::Result<Running> {
        let folder = DataFolder::open(&config.data, false)?;
        let opened = Opened::open(config, folder).await?;
        if let Err(error) = Server::make_first_tenant(&opened).await {
            opened.close().await;
            return Err(error);
        }
        Running::serve(opened).await
    }

    async fn make_first_tenant(opened: &Opened) -> anyhow::Result<()> {
        let Some(first) = &opened.config.first_tenant else { return Ok(()) };
        let tenants = opened.api.store.tenants().await.context("cannot list the tenants")?;
        if !tenants.is_empty() {
            return Ok(());
        }
        let made: Credentials = provision(opened, &first.display_name, &first.domain).await?;
        let path = opened.folder.file(CREDENTIALS_FILE);
        made.write(&path)?;
        info!(tenant = %made.tenant_id, file = %path.display(), "made the first tenant");
        Ok(())
    }
}

impl Running {
    pub(crate) async fn serve(opened: Opened) -> anyhow::Result<Running> {
        let Opened {
            folder,
            base_url,
            certificate,
            listener,
            plain_listener,
            operator_listener,
            rules,
            ranked,
            stopping,
            api,
            ..
        } = opened;
        let address = listener.local_addr().context("cannot tell the port of the API")?;
        let operator_address =
            operator_listener.local_addr().context("cannot tell the port of the operator")?;
        let (lake, store, clock) = (api.lake.clone(), api.store.clone(), api.clock.clone());
        let issuer = api.issuer.clone();

        let actions = api.actions.clone();
        let webhooks = api.webhooks.clone();
        let metrics = metrics_handle()?;
        let rendered = metrics.clone();
        let measured = api.lake.clone();
        let operator_router = api::operator_router(api.clone(), move || {
            measured.measure();
            rendered.render()
        });
        let tls = RustlsConfig::from_config(Arc::new(tls::server_config(&certificate)?));
        let operator_handle = Handle::new();
        let service = api::service(api);
        let plain = plain_listener.map(|listener| serve_plain(listener, service.clone())).transpose()?;
        let https = serve_tls(listener, tls, service)?;
        let operator = axum_server::from_tcp(operator_listener)
            .context("cannot serve the operator's port")?
            .handle(operator_handle.clone())
            .first_request_timeout(FIRST_REQUEST);
        let operator = Listening::start(operator.serve(operator_router.into_make_service()), operator_handle);

        let stop = CancellationToken::new();
        let access_upkeep = [
            tokio::spawn(upkeep::regroup_machines(store.clone(), stop.clone())),
            tokio::spawn(upkeep::rotate_keys(issuer.clone(), stop.clone())),
        ];
        let followers =
            Followers { lake: lake.clone(), store: store.clone(), rules, clock, stop: stop.clone() };
        let (flushing, maintained) = (lake.clone(), lake.clone());
        let running = Running {
            stopping,
            base_url,
            address,
            operator_address,
            ca_file: certificate.ca_file,
            https,
            plain,
            operator,
            followers: followers.start(&ranked.background()),
            stop_followers: stop,
            flushes: ranked.files().spawn(async move { flushing.run_flushes().await }),
            file_upkeep: ranked.background().spawn(async move { maintained.run_upkeep().await }),
            upkeep: tokio::spawn(keep_up(metrics, lake.clone())),
            access_upkeep,
            sweeps: tokio::spawn(sweep(issuer)),
            looks_after_actions: tokio::spawn({
                let actions = actions.clone();
                async move { actions.run().await }
            }),
            sends_webhooks: tokio::spawn(async move { webhooks.run().await }),
            actions,
            lake,
            store,
            ranked,
            folder,
        };
        info!(%address, operator = %operator_address, base_url = running.base_url, "serving");
        Ok(running)
    }

    /// The address that clients use.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where health and metrics are served.
    pub fn operator_address(&self) -> SocketAddr {
        self.operator_address
    }

    /// What clients have to trust; none when the operator brought a certificate.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// Waits for as long as all ports are served, which is for ever unless something breaks.
    pub async fn wait(&mut self) -> anyhow::Result<()> {
        let plain = async {
            match &mut self.plain {
                Some(plain) => (&mut plain.task).await,
                None => std::future::pending().await,
            }
        };
        let (port, ended) = tokio::select! {
            ended = &mut self.https.task => ("API", ended),
            ended = plain => ("port without TLS", ended),
            ended = &mut self.operator.task => ("operator's port", ended),
        };
        match ended {
            Ok(Err(error)) => Err(error).with_context(|| format!("the {port} is not served any more")),
            _ => bail!("the {port} is not served any more"),
        }
    }

    /// Stops accepting, lets requests and followers end what they are at, and writes every event to files.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        info!("shutting down");
        self.stopping.cancel();
        // Devices that wait for something to do are let go.
        self.actions.stop();
        self.looks_after_actions.abort();
        // What is being sent is sent again after the next start.
        self.sends_webhooks.abort();
        let plain = async {
            if let Some(plain) = self.plain {
                plain.stop("port without TLS").await;
            }
        };
        tokio::join!(self.https.stop("API"), plain);
        self.stop_followers.cancel();
        if let Err(error) = self.followers.await {
            error!(%error, "the followers ended early");
        }
        for task in self.access_upkeep {
            if let Err(error) = task.await {
                error!(%error, "a task in the background ended early");
            }
        }
        // The flush of closing waits for one under way, so the loop of flushes is idle when it is ended.
        let closed = self.lake.close().await.context("cannot close the event lake");
        self.flushes.abort();
        // What it was doing is not on the list of files yet; the next start removes it.
        self.file_upkeep.abort();
        self.upkeep.abort();
        self.sweeps.abort();
        self.operator.stop("operator's port").await;
        self.store.close().await;
        drop((self.ranked, self.folder));
        closed?;
        info!("shut down");
        Ok(())
    }
}

/// Serves the API. This is no `async fn`, whose body would be compiled with the program that waits for it, and not with
/// this crate, which is compiled for speed.
fn serve_tls(listener: TcpListener, tls: RustlsConfig, service: ApiService) -> anyhow::Result<Listening> {
    let handle = Handle::new();
    let mut https = axum_server::from_tcp(listener)
        .context("cannot serve the API")?
        .acceptor(RustlsAcceptor::new(tls).acceptor(InGulps))
        .handle(handle.clone())
        .first_request_timeout(FIRST_REQUEST);
    https.http_builder().http1().header_read_timeout(HEADER_READ);
    Ok(Listening::start(https.serve(service.connections()), handle))
}

/// Serves the API without TLS.
fn serve_plain(listener: TcpListener, service: ApiService) -> anyhow::Result<Listening> {
    let address = listener.local_addr().context("cannot tell the port without TLS")?;
    let handle = Handle::new();
    let mut plain = axum_server::from_tcp(listener)
        .context("cannot serve the API without TLS")?
        .handle(handle.clone())
        .first_request_timeout(FIRST_REQUEST);
    plain.http_builder().http1().header_read_timeout(HEADER_READ);
    info!(%address, "serving without TLS on this machine");
    Ok(Listening::start(plain.serve(service.connections()), handle))
}

impl Listening {
    /// Serves in a task of its own.
    fn start(
        serve: impl Future<Output = io::Result<()>> + Send + 'static,
        handle: Handle<SocketAddr>,
    ) -> Listening {
        Listening { handle, task: tokio::spawn(serve) }
    }

    async fn stop(self, port: &str) {
        self.handle.graceful_shutdown(Some(DRAIN));
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, port, "a port was not closed in order"),
            Err(error) => warn!(%error, port, "a port ended early"),
        }
    }
}

/// The recorder of metrics is one for the process.
fn metrics_handle() -> anyhow::Result<PrometheusHandle> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    let handle =
        HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().map_err(|error| error.to_string()));
    handle.clone().map_err(|error| anyhow::anyhow!("cannot collect metrics: {error}"))
}

/// Removes codes, tokens and sign-ins that are of no use any more.
async fn sweep(issuer: Arc<identity::Issuer>) {
    loop {
        if let Err(error) = issuer.sweep().await {
            warn!(error = &error as &dyn std::error::Error, "expired sign-ins could not be removed");
        }
        tokio::time::sleep(SWEEP).await;
    }
}

/// Bounds the memory of histograms between two readings of the metrics, and looks how much room the disk has when
/// nothing else asks.
async fn keep_up(metrics: PrometheusHandle, lake: Lake) {
    loop {
        let _ = lake.is_full();
        tokio::time::sleep(METRICS_UPKEEP).await;
        metrics.run_upkeep();
    }
}
