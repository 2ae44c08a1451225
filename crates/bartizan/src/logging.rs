//! Where log lines go: to standard error, as text or as JSON.

use clap::ValueEnum;
use server::LogFormat;

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
        let format = match (self.log_format, format) {
            (Some(Format::Json), _) | (None, LogFormat::Json) => LogFormat::Json,
            _ => LogFormat::Text,
        };
        server::start_logging(self.log.as_deref().unwrap_or(level), format)
    }

    /// For commands that talk to a server and say themselves what matters.
    pub fn start_for_clients(&self) -> anyhow::Result<()> {
        self.start("warn", LogFormat::Text)
    }
}
