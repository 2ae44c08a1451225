//! `bartizan ingest`: files, folders and archives of events to a server.
//!
//! Memory is bounded however large the input is: a file is read by a thread that puts a few batches ahead of
//! the one on its way. The batches of one file arrive in order. A batch carries the name of this run and a
//! number, so that asking again after a lost reply adds nothing twice; a second run is a new producer.

pub(crate) mod batches;
mod gzip;
mod progress;
mod records;
pub(crate) mod sources;
mod summary;

use std::collections::VecDeque;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use adapters::FORMATS;
use anyhow::{Context, bail};
use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use client::{Client, ClientError};
use model::ErrorKind;
use model::tables::{self, Table};
use tokio::sync::mpsc;

use self::batches::{Batch, Batcher, Content};
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
    /// Files, folders (with all below them) and archives: .json, .jsonl, .ndjson, .log, .evtx, .gz, .tar,
    /// .tar.gz, .zip; .txt and .xml where their contents are of a format
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// What the files hold: auto tells each file by how it begins, or is native with --table; native is rows of
    /// one table; the others are events: of Sysmon, Windows and Sysmon for Linux as collectors export them, of
    /// event log files of Windows, and so on
    #[arg(long, value_name = "FORMAT", default_value = AUTO, value_parser = format_names())]
    format: String,
    /// The table that native rows go to
    #[arg(long, value_name = "TABLE")]
    table: Option<String>,
    /// The device of records that name none, such as lines of auditd without node=
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// How the summary is printed
    #[arg(long, value_enum, default_value_t = SummaryFormat::Text)]
    output: SummaryFormat,
    /// Say a line for each file, and what was left out of archives
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

const AUTO: &str = "auto";
const NATIVE: &str = "native";

fn format_names() -> PossibleValuesParser {
    [AUTO, NATIVE].into_iter().chain(FORMATS.iter().map(|format| format.name)).collect::<Vec<_>>().into()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum SummaryFormat {
    Text,
    Json,
}

/// Sends what the arguments name and prints what became of it.
pub async fn ingest(args: IngestArgs) -> anyhow::Result<Outcome> {
    let (content, table) = args.content()?;
    let client = args.connection.client()?;
    let paths = args.paths.clone();
    let found = tokio::task::spawn_blocking(move || sources::find(&paths)).await;
    let (sources, problems) = found.context("cannot list the files")?;
    let progress = Progress::new(sources.iter().map(|source| source.bytes).sum(), args.verbose);
    let run = Arc::new(Run {
        client,
        content,
        table,
        device: args.device,
        progress,
        queue: Mutex::new(sources.into()),
    });
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
    /// What the files hold, and the table of native rows.
    fn content(&self) -> anyhow::Result<(Content, Option<&'static Table>)> {
        match (self.format.as_str(), &self.table) {
            (AUTO | NATIVE, Some(name)) => {
                let table = tables::find(name).or_else(|| {
                    tables::TABLES.iter().copied().find(|table| table.name.eq_ignore_ascii_case(name))
                });
                let table = table.with_context(|| format!("there is no table '{name}'"))?;
                Ok((Content::Rows, Some(table)))
            }
            (AUTO, None) => Ok((Content::Recognised, None)),
            (NATIVE, None) => bail!("--format native takes the table of the rows: --table TABLE"),
            (name, Some(_)) => bail!("--format {name} finds the table of each event itself"),
            (name, None) => {
                let format = adapters::find(name).with_context(|| format!("there is no format '{name}'"))?;
                Ok((Content::Of(format), None))
            }
        }
    }
}

struct Run {
    client: Client,
    content: Content,
    table: Option<&'static Table>,
    device: Option<String>,
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
            let content = self.content;
            let read_bytes = self.progress.read_bytes.clone();
            tokio::task::spawn_blocking(move || {
                let mut send = |batch: Batch| batches.blocking_send(batch).is_ok();
                let mut batcher = Batcher::new(content);
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
        let name = self.table.map(|table| table.name).or(batch.format.map(|format| format.name));
        let (path, device) = (name.unwrap_or_default(), self.device.as_deref());
        match self.client.ingest_of_device(path, device, batch.body.clone(), Some(producer)).await {
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
