//! `bartizan ingest`: files, folders and archives of events to a server.
//!
//! Memory is bounded however large the input is: a file is read by a thread that puts a few batches ahead of
//! the one on its way. The batches of one file arrive in order. A batch carries the name of this run and a
//! number, so that asking again after a lost reply adds nothing twice; a second run is a new producer.

mod batches;
mod gzip;
mod progress;
mod records;
mod sources;
mod summary;

use std::collections::VecDeque;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, bail};
use clap::ValueEnum;
use client::{Client, ClientError};
use model::ErrorKind;
use model::tables::{self, Table};
use tokio::sync::mpsc;

use self::batches::{Batch, Batcher};
use self::progress::Progress;
use self::sources::Source;
use self::summary::Summary;
use crate::{ConnectionArgs, Outcome, output};

/// Files read and sent at the same time.
const WORKERS: usize = 2;
/// Batches of a file read ahead of the one on its way.
const AHEAD: usize = 2;

#[derive(Clone, Debug, clap::Args)]
pub struct IngestArgs {
    /// Files, folders (with all below them) and archives: .json, .jsonl, .ndjson, .log, .gz, .tar, .tar.gz, .zip
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What the lines are: sysmon takes Sysmon and Windows events as collectors export them, and rows of the
    /// Device tables; native takes rows of one table; auto is native with --table and sysmon without
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    format: Format,
    /// The table that native rows go to
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text)]
    output: SummaryFormat,
    /// Say a line for each file, and what was left out of archives
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Auto,
    Sysmon,
    Native,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SummaryFormat {
    Text,
    Json,
}

/// Sends what the arguments name and prints what became of it.
pub async fn ingest(args: IngestArgs) -> anyhow::Result<Outcome> {
    let table = args.table()?;
    let client = args.connection.client()?;
    let paths = args.paths.clone();
    let found = tokio::task::spawn_blocking(move || sources::find(&paths)).await;
    let (sources, problems) = found.context("cannot list the files")?;
    let progress = Progress::new(sources.iter().map(|source| source.bytes).sum(), args.verbose);
    let run = Arc::new(Run { client, table, progress, queue: Mutex::new(sources.into()) });
    // Names this run: a repeat is one of the same run, never of another.
    let run_id = rand::random::<u64>();
    let workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let run = run.clone();
            tokio::spawn(async move { run.work(format!("cli-{run_id:016x}-{worker}")).await })
        })
        .collect();
    let mut summary = Summary { problems, ..Summary::default() };
    for worker in workers {
        summary.merge(worker.await.context("a worker ended early")?);
    }
    summary.seconds = run.progress.finish();
    output::print(&match args.output {
        SummaryFormat::Text => summary.text(),
        SummaryFormat::Json => summary.json(),
    })?;
    let is_done = summary.problems.is_empty() && summary.adds_up();
    Ok(if is_done { Outcome::Done } else { Outcome::Failed })
}

impl IngestArgs {
    /// The table of native rows; none for a foreign format.
    fn table(&self) -> anyhow::Result<Option<&'static Table>> {
        match (self.format, &self.table) {
            (Format::Auto | Format::Native, Some(name)) => {
                let table = tables::find(name).or_else(|| {
                    tables::TABLES.iter().copied().find(|table| table.name.eq_ignore_ascii_case(name))
                });
                table.map(Some).with_context(|| format!("there is no table '{name}'"))
            }
            (Format::Native, None) => bail!("--format native takes the table of the rows: --table TABLE"),
            (Format::Sysmon, Some(_)) => bail!("--format sysmon finds the table of each event itself"),
            (Format::Auto | Format::Sysmon, None) => Ok(None),
        }
    }
}

struct Run {
    client: Client,
    table: Option<&'static Table>,
    progress: Progress,
    queue: Mutex<VecDeque<Source>>,
}

impl Run {
    /// Takes file after file until there is none.
    async fn work(&self, producer: String) -> Summary {
        let mut summary = Summary::default();
        let mut sequence = 0;
        while let Some(source) = self.take() {
            let lines = summary.lines;
            let sent = self.send_file(&source, &producer, &mut sequence, &mut summary).await;
            summary.files += 1;
            let name = source.path.display();
            match sent {
                Ok(()) => self.progress.detail(&format!("{name}: {} lines", summary.lines - lines)),
                Err(problem) => {
                    self.progress.say(&problem);
                    summary.problems.push(problem);
                }
            }
        }
        summary
    }

    fn take(&self) -> Option<Source> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    /// Sends one file. What is wrong with the file is the error; what is wrong with a batch is in the summary.
    async fn send_file(
        &self,
        source: &Source,
        producer: &str,
        sequence: &mut u64,
        summary: &mut Summary,
    ) -> Result<(), String> {
        let (batches, mut arriving) = mpsc::channel(AHEAD);
        let reader = {
            let path = source.path.clone();
            let read_bytes = self.progress.read_bytes.clone();
            tokio::task::spawn_blocking(move || {
                let mut send = |batch: Batch| batches.blocking_send(batch).is_ok();
                let mut batcher = Batcher::default();
                let read = sources::each_member(&path, &read_bytes, &mut |member| {
                    let name = member.name.to_owned();
                    let read = batcher.read(member.reader, &mut send);
                    read.map_err(|error| named(&name, error))
                });
                // What was read before an error is sent as well.
                batcher.finish(&mut send);
                read
            })
        };
        while let Some(batch) = arriving.recv().await {
            *sequence += 1;
            let goes_on = self.send_batch(source, &batch, (producer, *sequence), summary).await;
            self.progress.add_lines(batch.lines);
            if !goes_on {
                // The reader notices that nobody takes its batches.
                break;
            }
        }
        drop(arriving);
        let name = source.path.display();
        let read = reader.await.map_err(|error| format!("{name}: {error}"))?;
        for left_out in read.map_err(|error| format!("{name}: {error}"))? {
            self.progress.detail(&format!("{name}: left out {left_out}"));
        }
        Ok(())
    }

    /// Says whether sending more makes sense.
    async fn send_batch(
        &self,
        source: &Source,
        batch: &Batch,
        producer: (&str, u64),
        summary: &mut Summary,
    ) -> bool {
        if batch.lines == 0 {
            summary.add(batch, &client::IngestAnswer::default());
            return true;
        }
        let path = self.table.map_or("sysmon", |table| table.name);
        match self.client.ingest(path, batch.body.clone(), Some(producer)).await {
            Ok(answer) => {
                summary.add(batch, &answer);
                true
            }
            Err(error) => {
                let mut problem = format!("{}: {}", source.path.display(), in_full(&error));
                let goes_on = !is_hopeless(&error);
                if !goes_on {
                    // The next files would fare the same.
                    let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                    let _ = write!(problem, "; {} more files were not tried", queue.len());
                    queue.clear();
                }
                self.progress.say(&problem);
                summary.add_unsent(batch, problem);
                goes_on
            }
        }
    }
}

fn named(member: &str, error: std::io::Error) -> std::io::Error {
    if member.is_empty() { error } else { std::io::Error::new(error.kind(), format!("{member}: {error}")) }
}

fn is_hopeless(error: &ClientError) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Unauthorized | ErrorKind::Forbidden)
}

fn in_full(error: &ClientError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}
