//! What a row costs from its line of JSON to its file, by part, in processor time.
//!
//! `cargo bench -p lake --bench ingest -- FILE.ndjson [table] [rounds]` takes the lines of a file in bodies of 10,000
//! rows, appends them, and flushes whenever a server would.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cpu_time::ProcessTime;
use lake::{Catalog, CatalogFuture, Files, FolderDisk, Lake, LakeConfig, Parts, RowsReader};
use model::lake::{CatalogChange, CatalogState, Policies};
use model::{SystemClock, TenantId};
use uuid::Uuid;

/// That of the server.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const BODY_ROWS: usize = 10_000;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let path = arguments.next().ok_or("which file?")?;
    let table = arguments.next().unwrap_or_else(|| "DeviceProcessEvents".to_owned());
    let rounds = arguments.next().map_or(Ok(1), |rounds| rounds.parse())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(run(Path::new(&path), &table, rounds))
}

/// Processor time of a part, summed up.
struct Part(&'static str, Duration);

impl Part {
    fn add(&mut self, since: ProcessTime) {
        self.1 += since.elapsed();
    }
}

async fn run(path: &Path, table: &str, rounds: usize) -> Result<(), Failure> {
    let table = model::tables::find(table).ok_or("no such table")?;
    let text = std::fs::read(path)?;
    let folder = tempfile::tempdir()?;
    let config = LakeConfig::default();
    let flush_bytes = config.flush_bytes;
    let lake = Lake::open(Parts {
        config,
        catalog: Arc::new(MemoryCatalog::default()),
        files: Files::local(folder.path().join("files"))?,
        disk: Arc::new(FolderDisk::open(folder.path().join("log"))?),
        clock: Arc::new(SystemClock),
        new_name: Box::new(|| Uuid::new_v4().simple().to_string()),
    })
    .await?;
    let tenant = lake.tenant(TenantId(Uuid::from_u128(1)));
    let [mut json, mut log, mut files, mut merge] =
        ["JSON", "log", "files", "merge"].map(|name| Part(name, Duration::ZERO));
    let (mut rows, mut bytes) = (0, 0);
    for _ in 0..rounds {
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        for body in lines.chunks(BODY_ROWS) {
            let body = body.concat();
            let started = ProcessTime::now();
            let mut reader = RowsReader::new(table);
            let mut rest = &body[..];
            while !rest.is_empty() {
                let bytes = reader.read_next(rest).ok_or("not a row of the usual form, or without an end")?;
                rest = &rest[bytes..];
                if reader.len() == 256 {
                    reader.reserve(rest.len() / bytes);
                }
            }
            let read = reader.into_rows().finish()?;
            json.add(started);
            (rows, bytes) = (rows + read.len(), bytes + body.len());
            let started = ProcessTime::now();
            tenant.append(vec![read], None).await?;
            log.add(started);
            if lake.stats().hot_bytes >= flush_bytes {
                let started = ProcessTime::now();
                lake.flush().await?;
                files.add(started);
            }
        }
    }
    let started = ProcessTime::now();
    lake.flush().await?;
    files.add(started);
    let before = resident_max()?;
    let started = ProcessTime::now();
    let done = lake.upkeep().await?;
    merge.add(started);
    println!("{rows} rows of {} bytes; microseconds of processor time for one:", bytes / rows);
    let mut sum = 0.0;
    for Part(name, time) in [json, log, files] {
        let of_row = time.as_secs_f64() * 1e6 / rows as f64;
        sum += of_row;
        println!("{name:8}{of_row:8.3}");
    }
    println!("{:8}{sum:8.3}", "sum");
    println!("{:8}{:8.3} of {} files", "merge", merge.1.as_secs_f64() * 1e6 / rows as f64, done.merged);
    println!("resident at most {before} MiB, with merges {} MiB", resident_max()?);
    Ok(())
}

/// In MiB.
fn resident_max() -> Result<usize, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? / 1024)
}

/// Files by list.
#[derive(Default)]
struct MemoryCatalog(Mutex<CatalogState>);

impl Catalog for MemoryCatalog {
    fn load(&self) -> CatalogFuture<'_, CatalogState> {
        Box::pin(async { Ok(CatalogState::default()) })
    }

    fn commit(&self, change: CatalogChange) -> CatalogFuture<'_, ()> {
        if let Ok(mut state) = self.0.lock() {
            state.files.extend(change.added);
        }
        Box::pin(async { Ok(()) })
    }

    fn policies(&self) -> CatalogFuture<'_, Policies> {
        Box::pin(async { Ok(Policies::default()) })
    }
}
