//! Where log lines go: to standard error, as text or as JSON.

use std::io::{self, IsTerminal};

use anyhow::Context;
use clap::ValueEnum;
use server::LogFormat;
use tracing_subscriber::EnvFilter;

#[derive(Clone, Debug, clap::Args)]
pub struct LogArgs {
    /// What is logged: error, warn, info, debug or trace, also by module as in info,lake=debug
    /// [default: info; warn for commands that talk to a server]
    #[arg(long, global = true, value_name = "FILTER", env = "BARTIZAN_LOG", hide_env_values = true)]
    log: Option<String>,
    /// How log lines are written [default: text]
    #[arg(long, global = true, value_enum)]
    log_format: Option<Format>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl LogArgs {
    /// For a server: what the arguments leave open is as its configuration says.
    pub fn start(&self, level: &str, format: LogFormat) -> anyhow::Result<()> {
        let filter = self.log.as_deref().unwrap_or(level);
        let filter =
            EnvFilter::try_new(filter).with_context(|| format!("'{filter}' does not say what to log"))?;
        let format = match (self.log_format, format) {
            (Some(Format::Json), _) | (None, LogFormat::Json) => Format::Json,
            _ => Format::Text,
        };
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(io::stderr().is_terminal());
        let started = match format {
            Format::Text => lines.try_init(),
            Format::Json => lines.json().flatten_event(true).try_init(),
        };
        started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
    }

    /// For commands that talk to a server and say themselves what matters.
    pub fn start_for_clients(&self) -> anyhow::Result<()> {
        self.start("warn", LogFormat::Text)
    }
}
