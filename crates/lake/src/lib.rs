//! The event lake: rows in, checked and durable, visible to hunting at once, in Parquet files soon after.
//!
//! One [`Lake`] serves every tenant; a [`TenantLake`] is bound to one. An append is framed with checksums into
//! the log, synced together with its neighbours, published in the hot buffer, and then acknowledged. A flush
//! sorts hot rows into Parquet files and commits them to the SQL [`Catalog`] in one transaction that also moves
//! the log's low-water mark. Readers hold a snapshot of files and hot rows.
//!
//! The lake knows no query language, users or HTTP.

mod adapt;
mod as_of;
mod batch;
mod catalog;
mod compact;
mod constants;
mod delete;
mod delta;
mod direct;
mod disk;
mod error;
mod files;
mod flush;
mod flushes;
mod follow;
mod frame;
mod hot;
mod log;
mod measures;
mod narrow;
mod parquet_file;
mod provider;
mod reach;
mod readers;
mod rows;
mod scan;
mod schema;
mod side_by_side;
mod space;
mod state;
mod terms;
mod times;
mod unfinished;
mod upkeep;
mod verified;
mod verify;
mod write;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::TableProvider;
use model::lake::{AsOf, CatalogState};
use model::{Clock, Table, TenantId, Ticks};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};

pub use batch::rows_from_batch;
pub use catalog::{Catalog, CatalogFuture};
pub use delete::{Deleted, DeletedRows};
pub use delta::{DeltaConfig, DeltaTable};
pub use disk::{Disk, FolderDisk, LogFile};
pub use error::LakeError;
pub use files::{Files, HiddenText, RemoteConfig};
pub use log::Appended;
pub use narrow::Explain;
pub use provider::{is_lake_table, object_store_url};
pub use reach::{Devices, is_narrowed};
pub use rows::{LineError, Rows, RowsBuilder, RowsReader, StreamError, Texts, rows_of_stream};
pub use scan::{Scan, rows_after};
pub use schema::{INGESTED_COLUMN, SEQUENCE_COLUMN, arrow_type, declared_schema, stored_schema};
pub use terms::{BlockSet, Needle, ROWS_PER_BLOCK, TermIndex, TermIndexBuilder, TextMatch};
pub use upkeep::Upkeep;
pub use verified::Damage;
pub use verify::{Finding, TableStats, Verified};

use crate::frame::Payload;
use crate::log::{Append, Job, Producers};
use crate::reach::NarrowedTable;
use crate::space::Space;
use crate::state::State;
use crate::unfinished::Unfinished;

/// Bounds and rhythm of the lake.
#[derive(Clone, Debug)]
pub struct LakeConfig {
    /// Hot rows are flushed when they take this much memory, in bytes...
    pub flush_bytes: usize,
    /// ...or when this much time has passed since the last flush.
    pub flush_interval: Duration,
    /// Appends are refused with [`LakeError::Busy`] while hot rows take more than this, in bytes.
    pub hot_bytes_max: usize,
    /// How often files are merged, retired and deleted.
    pub upkeep_interval: Duration,
    /// How long files stay that were merged or retired: queries under way read them, and questions about the
    /// past reach back that far.
    pub grace: Duration,
    /// Appends are refused with [`LakeError::NoSpace`] while the disk has less than this left, in bytes, so that
    /// everything else has room; 0 leaves nothing over.
    pub reserve_bytes: u64,
}

impl Default for LakeConfig {
    fn default() -> LakeConfig {
        LakeConfig {
            flush_bytes: 64 << 20,
            flush_interval: Duration::from_secs(60),
            hot_bytes_max: 160 << 20,
            upkeep_interval: upkeep::UPKEEP_INTERVAL,
            grace: upkeep::GRACE,
            reserve_bytes: 256 << 20,
        }
    }
}

/// All events of all tenants.
#[derive(Clone)]
pub struct Lake(Arc<Shared>);

struct Shared {
    config: LakeConfig,
    state: Arc<State>,
    files: Files,
    catalog: Arc<dyn Catalog>,
    disk: Arc<dyn Disk>,
    producers: Producers,
    jobs: std::sync::Mutex<Option<mpsc::Sender<Job>>>,
    thread: std::sync::Mutex<Option<std::thread::JoinHandle<()>>>,
    /// One flush at a time.
    flushing: tokio::sync::Mutex<()>,
    /// One change of files at a time, flushes apart.
    maintaining: tokio::sync::Mutex<()>,
    clock: Arc<dyn Clock>,
    heads: Arc<narrow::IndexHeads>,
    space: Space,
    unfinished: Unfinished,
    /// What other engines are told, by tenant and table.
    published: tokio::sync::Mutex<HashMap<(TenantId, &'static str), DeltaTable>>,
    /// Wakes followers and the flush loop after every acknowledged group.
    accepted: watch::Sender<u64>,
    /// Wakes who waits for room after every flush.
    flushed: watch::Sender<()>,
    new_name: Box<dyn Fn() -> String + Send + Sync>,
}

/// What the lake is made of; everything that touches the world is passed in.
pub struct Parts {
    pub config: LakeConfig,
    pub catalog: Arc<dyn Catalog>,
    pub files: Files,
    /// Where the log is.
    pub disk: Arc<dyn Disk>,
    pub clock: Arc<dyn Clock>,
    /// Makes the unique part of a data file's name.
    pub new_name: Box<dyn Fn() -> String + Send + Sync>,
}

/// Numbers about the lake as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LakeStats {
    pub hot_rows: usize,
    pub hot_bytes: usize,
}

impl Lake {
    /// Opens the lake: reads the catalog, replays the log, and removes files that no transaction added.
    pub async fn open(parts: Parts) -> Result<Lake, LakeError> {
        let Parts { config, catalog, files, disk, clock, new_name } = parts;
        let known = catalog.load().await?;
        files.claim(known.files.is_empty()).await?;
        if files.is_local() {
            remove_orphans(&files, &known).await?;
        }
        let unfinished = Unfinished::recover(disk.clone(), files.clone()).await?;
        unfinished.sweep(&*catalog).await;
        files.known().add(&known.files);
        let state = Arc::new(State::default());
        state.set_files(known.files.clone(), &known.sequences);
        let writer = {
            let (disk, clock, state) = (disk.clone(), clock.clone(), state.clone());
            blocking(move || log::Writer::recover(disk, clock, state, &known)).await??
        };
        let producers = writer.producers();
        let space = {
            let (disk, files) = (disk.clone(), files.clone());
            Space::new(config.reserve_bytes, move || disk.free().into_iter().chain(files.free()).min())
        };
        let heads = Arc::new(narrow::IndexHeads::new(files.cache()));
        let (jobs, thread) =
            log::start(writer).map_err(|source| LakeError::Log { doing: "start the writer", source })?;
        Ok(Lake(Arc::new(Shared {
            config,
            state,
            files,
            catalog,
            disk,
            producers,
            jobs: std::sync::Mutex::new(Some(jobs)),
            thread: std::sync::Mutex::new(Some(thread)),
            flushing: tokio::sync::Mutex::new(()),
            maintaining: tokio::sync::Mutex::new(()),
            clock,
            heads,
            space,
            unfinished,
            published: tokio::sync::Mutex::default(),
            accepted: watch::channel(0).0,
            flushed: watch::channel(()).0,
            new_name,
        })))
    }

    /// A handle that sees one tenant only.
    pub fn tenant(&self, tenant: TenantId) -> TenantLake {
        TenantLake { lake: self.clone(), tenant, devices: None }
    }

    /// The tenants that have rows.
    pub fn tenants(&self) -> Vec<TenantId> {
        self.0.state.tenants()
    }

    pub fn stats(&self) -> LakeStats {
        LakeStats { hot_rows: self.0.state.hot_rows(), hot_bytes: self.0.state.hot_bytes() }
    }

    /// The object store of the data files, to register with an engine under [`object_store_url`].
    pub fn object_store(&self) -> Arc<dyn object_store::ObjectStore> {
        self.0.files.store()
    }

    /// Changes whenever rows were accepted.
    pub fn accepted(&self) -> watch::Receiver<u64> {
        self.0.accepted.subscribe()
    }

    /// Whether rows are refused for want of room on the disk.
    pub fn is_full(&self) -> bool {
        self.0.space.is_full()
    }

    /// Whether rows come faster than they are written to files.
    fn is_pressed(&self) -> bool {
        self.0.state.hot_bytes() > self.0.config.flush_bytes + self.0.config.flush_bytes / 2
    }

    /// Flushes, tells other engines, then stops the writer. Later appends are refused.
    pub async fn close(&self) -> Result<(), LakeError> {
        self.flush().await?;
        for tenant in self.tenants() {
            if let Err(error) = self.publish(tenant).await {
                warn!(%tenant, %error, "cannot tell other engines of the last rows; the next start does");
            }
        }
        log::lock(&self.0.jobs).take();
        let thread = log::lock(&self.0.thread).take();
        if let Some(thread) = thread {
            let joined = blocking(move || thread.join()).await?;
            joined.map_err(|_| LakeError::Task("the log writer panicked".to_owned()))?;
        }
        Ok(())
    }

    async fn send(&self, job: Job) -> Result<(), LakeError> {
        let jobs = log::lock(&self.0.jobs).clone().ok_or(LakeError::Stopped)?;
        jobs.send(job).await.map_err(|_| LakeError::Stopped)
    }
}

/// One tenant's events.
#[derive(Clone)]
pub struct TenantLake {
    lake: Lake,
    tenant: TenantId,
    /// Whose rows are seen; none for all rows.
    devices: Option<Devices>,
}

impl TenantLake {
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Whether rows come faster than they are written to files.
    pub fn is_pressed(&self) -> bool {
        self.lake.is_pressed()
    }

    /// Waits while an append would be refused because too many rows wait to be flushed, so long at most.
    pub async fn wait_for_room(&self, patience: Duration) {
        let shared = &self.lake.0;
        let mut flushed = shared.flushed.subscribe();
        let room = async {
            while shared.state.hot_bytes() > shared.config.hot_bytes_max {
                if flushed.changed().await.is_err() {
                    return;
                }
            }
        };
        // What comes of it the append says.
        let _ = tokio::time::timeout(patience, room).await;
    }

    /// The handle that sees rows of these devices only.
    pub fn within(self, devices: Devices) -> TenantLake {
        TenantLake { devices: Some(devices), ..self }
    }

    /// Appends rows. When this returns they are durable and visible. A `producer` (its name and a sequence that
    /// it only ever raises) makes a repeated call add nothing.
    pub async fn append(
        &self,
        rows: Vec<Rows>,
        producer: Option<(String, i64)>,
    ) -> Result<Appended, LakeError> {
        let appended = self.try_append(rows, producer).await;
        appended.inspect_err(measures::refused)
    }

    async fn try_append(
        &self,
        rows: Vec<Rows>,
        producer: Option<(String, i64)>,
    ) -> Result<Appended, LakeError> {
        let shared = &self.lake.0;
        if shared.state.hot_bytes() > shared.config.hot_bytes_max {
            return Err(LakeError::Busy);
        }
        // What is hot already has to find room in files.
        let needed = if shared.files.is_local() { shared.state.hot_bytes() as u64 } else { 0 };
        if shared.space.is_full() || !shared.space.has_room_for(needed) {
            return Err(LakeError::NoSpace);
        }
        let (parts, payload) = blocking(move || {
            let payload = Payload::encode(&rows)?;
            Ok::<_, LakeError>((rows, payload))
        })
        .await??;
        let (reply, answer) = oneshot::channel();
        let append = Append { tenant: self.tenant, producer, parts, payload, reply };
        self.lake.send(Job::Append(Box::new(append))).await?;
        let appended = answer.await.map_err(|_| LakeError::Stopped)??;
        shared.accepted.send_modify(|count| *count += 1);
        Ok(appended)
    }

    /// The rows of one table as they are now.
    pub fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        self.snapshot().table(table)
    }

    /// Every table as it is now: what is accepted later is not in it.
    pub fn snapshot(&self) -> Snapshot {
        let shared = &self.lake.0;
        let (now, grace) = (shared.clock.now(), shared.config.grace);
        let state = shared.state.snapshot(self.tenant);
        let heads = shared.heads.clone();
        let store = self.lake.object_store();
        let devices = self.devices.clone();
        Snapshot { state, store, heads, devices, explain: None, as_of: None, now, grace }
    }

    /// How long what was deleted stays on the disk, and as far back the past can be asked.
    pub fn grace(&self) -> Duration {
        self.lake.0.config.grace
    }

    /// The highest sequence accepted so far; 0 before the first row.
    pub fn last_sequence(&self) -> i64 {
        self.lake.0.state.snapshot(self.tenant).last_sequence
    }
}

/// One tenant's tables at one moment.
#[derive(Clone)]
pub struct Snapshot {
    state: state::TenantState,
    store: Arc<dyn object_store::ObjectStore>,
    heads: Arc<narrow::IndexHeads>,
    devices: Option<Devices>,
    explain: Option<Explain>,
    as_of: Option<AsOf>,
    now: Ticks,
    grace: Duration,
}

impl Snapshot {
    /// The same tables, which ask the indexes of files about the conditions that `explain` understands.
    pub fn explained_by(self, explain: Explain) -> Snapshot {
        Snapshot { explain: Some(explain), ..self }
    }

    /// Every table as it was. What retention and deletions removed since is there again, as far back as the
    /// grace period reaches; a time before that is an error.
    pub fn as_of(&self, as_of: AsOf) -> Result<Snapshot, LakeError> {
        if self.devices.is_some() && matches!(as_of, AsOf::Sequence(_)) {
            return Err(LakeError::Narrowed {
                what: "as of a sequence, which counts the rows of all devices,",
            });
        }
        as_of::check(as_of, self.now, self.grace)?;
        let state = as_of::select(as_of, self.state.clone());
        Ok(Snapshot { state, as_of: Some(as_of), ..self.clone() })
    }

    /// The highest sequence of its rows; 0 without any.
    pub fn last_sequence(&self) -> i64 {
        self.state.last_sequence
    }

    /// Whether a table has no file and no row that is not in one yet. Whoever does not see all devices is not told.
    pub fn is_empty(&self, table: &'static Table) -> bool {
        if self.devices.is_some() {
            return false;
        }
        let files = self.state.files.get(table.name);
        let has_files = files.is_some_and(|files| !files.listed.is_empty() || !files.removed.is_empty());
        !has_files && self.state.hot.iter().all(|batch| batch.table.name != table.name)
    }

    pub fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        let now = provider::LakeTable {
            table,
            state: self.state.clone(),
            store: self.store.clone(),
            heads: self.heads.clone(),
            explain: self.explain,
        };
        let whole: Arc<dyn TableProvider> = match self.as_of {
            Some(as_of) => Arc::new(as_of::PastTable::new(now, as_of)),
            None => Arc::new(now),
        };
        match &self.devices {
            Some(devices) => NarrowedTable::of(table, whole, devices),
            None => whole,
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LakeError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| LakeError::Task(error.to_string()))
}

/// Removes files of a folder that a crash left while they were written, or between that and their commit.
async fn remove_orphans(files: &Files, known: &CatalogState) -> Result<(), LakeError> {
    let mut committed: std::collections::HashSet<String> = std::collections::HashSet::new();
    for file in &known.files {
        committed.insert(file.path.clone());
        committed.extend(file.index_bytes.map(|_| file.index_path()));
    }
    files.remove_unfinished().await?;
    for path in files.list().await? {
        // What is named otherwise was not written by a flush or a merge.
        let is_ours = path.ends_with(".terms") || path.ends_with(".parquet") && !path.contains("/_");
        if is_ours && !committed.contains(path.as_str()) {
            info!(%path, "removing a file that was never committed");
            files.remove(&path).await?;
        }
    }
    Ok(())
}
