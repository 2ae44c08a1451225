//! Log lines on standard error.

use std::io::{self, IsTerminal};

use anyhow::Context;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

use crate::LogFormat;

/// Writes what a filter such as `info,lake=debug` lets through to standard error, from now on. Fails when the filter is
/// none, and when something logs already. Spans of requests pass here, so it is compiled with what serves them.
pub fn start_logging(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter: Targets = filter.parse().with_context(|| {
        format!(
            "'{filter}' does not say what to log; that is error, warn, info, debug, trace or off, for all or \
             for parts, such as info,lake=debug"
        )
    })?;
    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let filtered = registry().with(filter);
    let started = match format {
        LogFormat::Text => filtered.with(lines).try_init(),
        LogFormat::Json => filtered.with(lines.json().flatten_event(true)).try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}
