//! `bartizan kql`: tries files of queries without a server, over the declared tables without rows.

mod check;
mod compare;
mod events;
mod examples;
mod records;
mod tally;

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Subcommand;
use model::Ticks;
use query::{EmptyTables, Engine, EngineConfig, QueryError, Tables};

use crate::Outcome;

/// How long one query may take.
const DEADLINE: Duration = Duration::from_secs(30);
/// Rows of one documented result that are looked at.
const ROWS_MAX: usize = 10_000;

#[derive(Clone, Debug, Subcommand)]
pub enum KqlCommand {
    /// Plan each query of a file and compare what comes of it with the file's verdicts
    Check(check::Args),
    /// Run documented examples and compare their rows with the documented ones
    Examples(examples::Args),
}

#[derive(Clone, Debug, clap::Args)]
struct FileArgs {
    /// The records, one JSON object a line; may end in .gz
    #[arg(value_name = "FILE.jsonl")]
    file: PathBuf,
    /// Name every exception with its query
    #[arg(short, long)]
    verbose: bool,
    /// Fail when fewer percent of the records agree
    #[arg(long, value_name = "PERCENT")]
    at_least: Option<f64>,
}

impl FileArgs {
    fn read(&self) -> anyhow::Result<String> {
        let read = || {
            let mut text = String::new();
            let file = std::fs::File::open(&self.file)?;
            match self.file.extension().is_some_and(|ending| ending == "gz") {
                true => flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text)?,
                false => std::io::BufReader::new(file).read_to_string(&mut text)?,
            };
            Ok::<_, std::io::Error>(text)
        };
        read().with_context(|| format!("cannot read {}", self.file.display()))
    }

    fn outcome(&self, percent: f64) -> Outcome {
        match self.at_least {
            Some(least) if percent < least => Outcome::Failed,
            _ => Outcome::Done,
        }
    }
}

pub async fn kql(command: KqlCommand) -> anyhow::Result<Outcome> {
    match command {
        KqlCommand::Check(args) => check::run(args).await,
        KqlCommand::Examples(args) => examples::run(args).await,
    }
}

/// An engine of our own and the tables it reads.
struct Bench {
    engine: Engine,
    tables: Arc<dyn Tables>,
    now: Ticks,
}

impl Bench {
    fn new(tables: EmptyTables) -> anyhow::Result<Bench> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let now = Ticks::from_unix_seconds(i64::try_from(since.as_secs()).unwrap_or(0));
        Bench::over(Arc::new(tables), now)
    }

    /// Queries over these tables, as if it were `now`.
    fn over(tables: Arc<dyn Tables>, now: Ticks) -> anyhow::Result<Bench> {
        let config = EngineConfig { deadline: DEADLINE, rows_max: ROWS_MAX, ..EngineConfig::default() };
        Ok(Bench { engine: Engine::new(config, None)?, tables, now })
    }
}

/// The mistakes of a query as one line, the first with its place.
fn reason(query: &str, error: &QueryError) -> String {
    let QueryError::Invalid(diagnostics) = error else { return error.to_string() };
    let Some(first) = diagnostics.first() else { return error.to_string() };
    let at = kql::position(query, first.span.start);
    format!("{}:{}: {}", at.line, at.column, error.to_string().replace('\n', " "))
}

/// What is wrong without its place, so that equal mistakes are counted together.
fn kind_of_reason(error: &QueryError) -> String {
    match error {
        QueryError::Invalid(diagnostics) => diagnostics
            .first()
            .map_or_else(String::new, |first| first.message.lines().next().unwrap_or_default().to_owned()),
        other => other.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}
