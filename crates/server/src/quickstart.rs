//! A working tenant in seconds: made at the first start, found again at every later one.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use actions::Actions;
use anyhow::{Context, bail};
use client::{Client, Connection};
use model::{AppId, Clock, Permission, SystemClock};
use sandbox::{AgentSettings, Agents, Fleet, FleetConfig, Pace, SharedFleet};
use store::AppSignIn;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::config::Config;
use crate::credentials::{Credentials, app, provision};
use crate::data_folder::DataFolder;
use crate::opened::Opened;
use crate::running::Running;
use crate::sign_in_apps;

const CREDENTIALS_FILE: &str = "quickstart.json";
/// What the simulated devices send events as.
const FLEET_FILE: &str = "sandbox.json";
/// Whoever tries things out is not to run into the limits of a service.
const RATE_LIMIT_FACTOR: f64 = 100.0;
/// Where simulated devices keep their keys.
const DEVICES_FOLDER: &str = "sandbox-devices";
/// How long the tokens by which they enrol are good.
const TOKEN_SECONDS: i64 = 3_600;
const TENANT_NAME: &str = "Bartizan sandbox";
const TENANT_DOMAIN: &str = "sandbox.example";

/// What `bartizan quickstart` can be told.
#[derive(Clone, Debug)]
pub struct QuickstartOptions {
    pub data: PathBuf,
    /// Removes what an earlier start left in the data folder.
    pub fresh: bool,
    pub listen: IpAddr,
    /// 0 takes a free one.
    pub port: u16,
    pub operator_listen: Option<SocketAddr>,
    /// Where the API is served without TLS as well, on the loopback interface.
    pub plain_listen: Option<SocketAddr>,
    pub base_url: Option<String>,
    pub authority_base: Option<String>,
    /// More names for the certificate.
    pub tls_names: Vec<String>,
    /// Folders with rules, in place of the product's own.
    pub rules: Vec<PathBuf>,
    /// The address of the database that holds the state, in place of a file in the data folder.
    pub database: Option<String>,
    /// The documented limits of calls times this.
    pub rate_limit_factor: f64,
    /// None leaves the simulated devices out.
    pub sandbox: Option<SandboxOptions>,
}

/// The simulated devices.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    pub devices: usize,
    pub events_per_second: f64,
    /// The same seed gives the same events.
    pub seed: u64,
}

impl Default for SandboxOptions {
    fn default() -> SandboxOptions {
        let usual = FleetConfig::new(1, SystemClock.now());
        SandboxOptions {
            devices: usual.devices,
            events_per_second: usual.events_per_second,
            seed: usual.seed,
        }
    }
}

impl QuickstartOptions {
    /// The defaults over a data folder.
    pub fn new(data: impl Into<PathBuf>) -> QuickstartOptions {
        QuickstartOptions {
            data: data.into(),
            fresh: false,
            listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8443,
            operator_listen: None,
            plain_listen: None,
            base_url: None,
            authority_base: None,
            tls_names: Vec::new(),
            rules: Vec::new(),
            database: None,
            rate_limit_factor: RATE_LIMIT_FACTOR,
            sandbox: Some(SandboxOptions::default()),
        }
    }

    fn config(&self) -> Config {
        // Next to the port of the API, so that two servers on one machine do not meet there either.
        let operator_port = if self.port == 0 { 0 } else { self.port.checked_add(1_000).unwrap_or(0) };
        let operator_listen = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), operator_port);
        let mut config = Config::new(&self.data);
        config.listen = SocketAddr::new(self.listen, self.port);
        config.operator_listen = self.operator_listen.unwrap_or(operator_listen);
        config.plain_listen = self.plain_listen;
        config.base_url = self.base_url.clone();
        config.authority_base = self.authority_base.clone();
        config.tls.names = self.tls_names.clone();
        config.rate_limits.factor = self.rate_limit_factor;
        config.built_in_rules = self.rules.is_empty();
        config.rules = self.rules.clone();
        config.store.database = self.database.clone();
        config
    }
}

/// A server with a tenant in it, and perhaps simulated devices.
pub struct Quickstart {
    running: Running,
    credentials: Credentials,
    credentials_file: PathBuf,
    is_first_start: bool,
    took: Duration,
    fleet: Option<(JoinHandle<()>, CancellationToken)>,
}

impl Quickstart {
    /// Opens or makes the data folder, finds or makes the tenant, and serves. When this returns, requests are
    /// answered.
    pub async fn start(options: QuickstartOptions) -> anyhow::Result<Quickstart> {
        let began = Instant::now();
        if options.fresh && options.database.is_some() {
            bail!(
                "a fresh start empties the data folder, and the state is in a database: make a new one of both"
            );
        }
        let folder = DataFolder::open(&options.data, options.fresh)?;
        let opened = Opened::open(options.config(), folder).await?;
        let credentials_file = opened.folder.file(CREDENTIALS_FILE);
        let prepared = match prepare(&opened, &credentials_file, options.sandbox.is_some()).await {
            Ok(prepared) => prepared,
            Err(error) => {
                opened.close().await;
                return Err(error);
            }
        };
        let Prepared { credentials, is_first_start, as_fleet } = prepared;
        let actions = opened.api.actions.clone();
        let running = Running::serve(opened).await?;
        let fleet = match options.sandbox.as_ref().zip(as_fleet) {
            Some((sandbox, credentials)) => {
                Some(start_fleet(sandbox, &credentials, &running, &actions).await?)
            }
            None => None,
        };
        let took = began.elapsed();
        Ok(Quickstart { running, credentials, credentials_file, is_first_start, took, fleet })
    }

    pub fn running(&self) -> &Running {
        &self.running
    }

    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// From the start to the first moment at which requests are answered.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// Waits for as long as the server serves.
    pub async fn wait(&mut self) -> anyhow::Result<()> {
        self.running.wait().await
    }

    /// Ends the simulated devices, then the server.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        if let Some((task, stop)) = self.fleet {
            stop.cancel();
            let _ = task.await;
        }
        self.running.shutdown().await
    }

    /// What a client needs, for people.
    pub fn text(&self) -> String {
        let Credentials {
            base_url,
            authority,
            tenant_id,
            client_id,
            client_secret,
            username,
            password,
            ca_file,
            public_client_id,
            ..
        } = &self.credentials;
        let public_client_id = public_client_id.as_deref().unwrap_or_default();
        let ca = ca_file.display();
        let mut text = String::new();
        let what = if self.is_first_start { "is ready" } else { "is back, with its tenant and its data" };
        let _ = write!(
            text,
            "Bartizan {what} after {:.2} s\n\
             \n\
             base URL       {base_url}\n\
             authority      {authority}\n\
             tenant id      {tenant_id}\n\
             client id      {client_id}\n\
             client secret  {client_secret}\n\
             user           {username}\n\
             password       {password}\n\
             account page   {base_url}/account\n\
             public client  {public_client_id}\n\
             CA file        {ca}\n\
             operator       http://{}/metrics\n\
             the same as    {}\n\
             \n\
             TOKEN=$(curl -s --cacert '{ca}' '{authority}/oauth2/v2.0/token' \\\n\
             \x20 -d grant_type=client_credentials -d client_id={client_id} \\\n\
             \x20 -d client_secret={client_secret} -d scope={base_url}/.default \\\n\
             \x20 | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')\n\
             curl -s --cacert '{ca}' -H \"Authorization: Bearer $TOKEN\" '{base_url}/api/machines?$top=3'\n\
             \n\
             bartizan hunt --connection '{}' 'DeviceProcessEvents | take 5'\n",
            self.took.as_secs_f64(),
            self.running.operator_address(),
            self.credentials_file.display(),
            self.credentials_file.display(),
        );
        text
    }
}

struct Prepared {
    credentials: Credentials,
    /// Whether they were made just now.
    is_first_start: bool,
    as_fleet: Option<Credentials>,
}

/// Finds or makes the tenant and who uses it.
async fn prepare(opened: &Opened, file: &Path, with_fleet: bool) -> anyhow::Result<Prepared> {
    let known = Credentials::read(file)?;
    let is_first_start = known.is_none();
    let mut credentials = match known.clone() {
        Some(credentials) => credentials.at(opened),
        None => provision(opened, TENANT_NAME, TENANT_DOMAIN).await?,
    };
    if credentials.public_client_id.is_none() {
        add_sign_in(opened, &mut credentials).await?;
    }
    if known.as_ref() != Some(&credentials) {
        credentials.write(file)?;
    }
    let as_fleet = if with_fleet { Some(fleet_credentials(opened, &credentials).await?) } else { None };
    Ok(Prepared { credentials, is_first_start, as_fleet })
}

/// Adds what signs users in, by programs on their computers and by the app that acts by itself, and a certificate for
/// the latter.
async fn add_sign_in(opened: &Opened, credentials: &mut Credentials) -> anyhow::Result<()> {
    let (tenant, by) = (credentials.tenant_id, credentials.username.clone());
    let app = credentials.client_id.parse::<AppId>().ok().context("the client id is not that of an app")?;
    sign_in_apps::signs_in(opened, tenant, app, AppSignIn::default(), &by).await?;
    credentials.client_certificate_file = Some(sign_in_apps::certificate(opened, tenant, app).await?);
    credentials.public_client_id = Some(sign_in_apps::public_app(opened, tenant, &by).await?);
    Ok(())
}

/// The credentials of an app that can send events and nothing else.
async fn fleet_credentials(opened: &Opened, of_tenant: &Credentials) -> anyhow::Result<Credentials> {
    let file = opened.folder.file(FLEET_FILE);
    if let Some(credentials) = Credentials::read(&file)? {
        return Ok(credentials.at(opened));
    }
    let (name, by) = ("Bartizan sandbox devices", &of_tenant.username);
    let made = app(opened, of_tenant.tenant_id, name, &[Permission::EventWrite], by).await;
    let (client_id, client_secret) = made?;
    let (username, password) = (String::new(), String::new());
    let credentials = Credentials {
        client_id,
        client_secret,
        username,
        password,
        public_client_id: None,
        client_certificate_file: None,
        ..of_tenant.clone()
    };
    credentials.write(&file)?;
    Ok(credentials)
}

/// Runs the simulated devices against the address the server listens at, whatever others call it.
async fn start_fleet(
    options: &SandboxOptions,
    credentials: &Credentials,
    running: &Running,
    actions: &Actions,
) -> anyhow::Result<(JoinHandle<()>, CancellationToken)> {
    let mut config = FleetConfig::new(options.seed, SystemClock.now());
    config.devices = options.devices;
    config.events_per_second = options.events_per_second;
    let fleet = Fleet::new(config).context("cannot make the simulated devices")?;
    let fleet: SharedFleet = Arc::new(Mutex::new(fleet));
    let address = running.address();
    let host = if address.is_ipv6() { "[::1]" } else { "127.0.0.1" };
    let is_anywhere = address.ip().is_unspecified() || address.ip().is_loopback();
    let base_url =
        if is_anywhere { format!("https://{host}:{}", address.port()) } else { format!("https://{address}") };
    let ca_file = Some(credentials.ca_file.clone()).filter(|path| !path.as_os_str().is_empty());

    let mut settings = AgentSettings::new(base_url.clone(), running.data().join(DEVICES_FOLDER));
    settings.ca_file = ca_file.clone();
    let count = sandbox::unenrolled(&fleet, &settings.folder);
    let tenant = actions.tenant(credentials.tenant_id);
    let tokens = tenant.make_tokens(count, TOKEN_SECONDS, None, "quickstart").await;
    let tokens = tokens.context("cannot make tokens for the simulated devices")?;
    let agents = Agents::start(fleet.clone(), settings, tokens, Arc::new(SystemClock));
    let agents = agents.context("cannot put the simulated devices on the device channel")?;

    let connection = Connection {
        authority: format!("{base_url}/{}", credentials.tenant_id),
        base_url,
        tenant_id: credentials.tenant_id.to_string(),
        client_id: credentials.client_id.clone(),
        client_secret: credentials.client_secret.clone(),
        ca_file,
    };
    let client = Client::connect(connection).context("cannot connect the simulated devices")?;
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    let task = tokio::spawn(async move {
        let sent =
            sandbox::run_shared(client, fleet, &SystemClock, Pace::default(), stopped.cancelled_owned());
        match sent.await {
            Ok(report) => debug!(?report, "the simulated devices stopped"),
            Err(error) => warn!(error = &error as &dyn std::error::Error, "the simulated devices stopped"),
        }
        agents.stop().await;
    });
    Ok((task, stop))
}
