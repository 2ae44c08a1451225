//! The commands that serve, and those that look after a data folder.

pub mod lake;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process;

use anyhow::Context;
use cli::Outcome;
use server::{Config, LogFormat, Quickstart, QuickstartOptions, SandboxOptions, Server, Signals};
use tracing::{info, warn};

use crate::logging::LogArgs;

#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    /// The configuration: a TOML file that names at least the data folder
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Clone, Debug, clap::Args)]
pub struct QuickstartArgs {
    /// The folder that holds everything; made when it does not exist, taken up again when it does
    #[arg(long, value_name = "DIR", default_value = "bartizan-data")]
    data: PathBuf,
    /// Remove what an earlier start left in the data folder
    #[arg(long)]
    fresh: bool,
    /// The port of the API; 0 takes a free one
    #[arg(long, default_value_t = 8443)]
    port: u16,
    /// The address to listen at
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
    /// Where health and metrics are served over plain HTTP [default: 127.0.0.1, 1000 ports above the API]
    #[arg(long, value_name = "ADDRESS:PORT")]
    operator_listen: Option<SocketAddr>,
    /// Where the API is served without TLS as well, for a proxy on this machine
    #[arg(long, value_name = "ADDRESS:PORT")]
    plain_listen: Option<SocketAddr>,
    /// The address that clients use [default: https://127.0.0.1:<port>]
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The address of the issuer, without the tenant [default: the base URL]
    #[arg(long, value_name = "URL")]
    authority_base: Option<String>,
    /// Another name or address for the certificate, such as api.securitycenter.microsoft.com for clients
    /// whose host names are fixed; can be repeated
    #[arg(long = "tls-name", value_name = "NAME")]
    tls_names: Vec<String>,
    /// A folder with Sigma rules in place of the product's own; can be repeated
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// The PostgreSQL database that holds the state, in place of a file in the data folder, such as
    /// postgres://role@host/database; its password is in PGPASSWORD
    #[arg(long, value_name = "URL", env = "BARTIZAN_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// The documented limits of calls times this; 1 is what `serve` does
    #[arg(long, value_name = "NUMBER", default_value_t = 100.0)]
    rate_limit_factor: f64,
    /// Leave the simulated devices out
    #[arg(long)]
    no_sandbox: bool,
    /// How many devices are simulated
    #[arg(long, value_name = "COUNT", default_value_t = 12)]
    devices: usize,
    /// How many events all simulated devices send together
    #[arg(long, value_name = "NUMBER", default_value_t = SandboxOptions::default().events_per_second)]
    events_per_second: f64,
    /// The same seed simulates the same events
    #[arg(long, default_value_t = SandboxOptions::default().seed)]
    seed: u64,
}

impl QuickstartArgs {
    fn options(self) -> QuickstartOptions {
        let QuickstartArgs { devices, events_per_second, seed, .. } = self;
        QuickstartOptions {
            fresh: self.fresh,
            listen: self.listen,
            port: self.port,
            operator_listen: self.operator_listen,
            plain_listen: self.plain_listen,
            base_url: self.base_url,
            authority_base: self.authority_base,
            tls_names: self.tls_names,
            rules: self.rules,
            database: self.database,
            rate_limit_factor: self.rate_limit_factor,
            sandbox: (!self.no_sandbox).then_some(SandboxOptions { devices, events_per_second, seed }),
            ..QuickstartOptions::new(self.data)
        }
    }
}

pub async fn serve(args: ServeArgs, log: LogArgs) -> anyhow::Result<Outcome> {
    let config = Config::load(&args.config)?;
    log.start(&config.log.level, config.log.format)?;
    let mut signals = listen()?;
    let mut running = Server::start(config).await?;
    let served = tokio::select! {
        served = running.wait() => served,
        signal = signals.next() => {
            exit_at_the_next(signals, signal);
            Ok(())
        }
    };
    running.shutdown().await.and(served)?;
    Ok(Outcome::Done)
}

pub async fn quickstart(args: QuickstartArgs, log: LogArgs) -> anyhow::Result<Outcome> {
    log.start("info", LogFormat::Text)?;
    let mut signals = listen()?;
    let mut quickstart = Quickstart::start(args.options()).await?;
    // A reader that is gone is no reason to stop serving.
    let _ = io::stdout().lock().write_all(quickstart.text().as_bytes());
    let _ = io::stdout().lock().flush();
    let served = tokio::select! {
        served = quickstart.wait() => served,
        signal = signals.next() => {
            exit_at_the_next(signals, signal);
            Ok(())
        }
    };
    quickstart.shutdown().await.and(served)?;
    Ok(Outcome::Done)
}

fn listen() -> anyhow::Result<Signals> {
    Signals::listen().context("cannot listen for signals")
}

/// A shutdown is under way; whoever asks again does not want to wait for it.
fn exit_at_the_next(mut signals: Signals, first: &'static str) {
    info!(signal = first, "asked to end");
    tokio::spawn(async move {
        let signal = signals.next().await;
        warn!(signal, "asked again: ending at once");
        process::exit(1);
    });
}
