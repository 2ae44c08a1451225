//! A lake over a simulated disk and catalog that survive a simulated power loss.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::{SessionConfig, SessionContext};
use lake::{Catalog, CatalogFuture, Disk, Files, Lake, LakeConfig, LogFile, Parts, Rows, Snapshot};
use model::lake::{CatalogChange, CatalogState, DataFile, Policies};
use model::{Cell, Clock, Row, TenantId, Ticks};
use object_store::memory::InMemory;
use uuid::Uuid;

/// What is left after the power goes: the synced part of each file, and some of the rest.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<SimulatedFiles>>);

#[derive(Default)]
struct SimulatedFiles {
    files: BTreeMap<String, SimulatedFile>,
    /// Writes fail with this when set.
    fault: Option<io::ErrorKind>,
    /// What it says is left, if anything.
    free: Option<u64>,
}

#[derive(Clone, Default)]
struct SimulatedFile {
    bytes: Vec<u8>,
    synced: usize,
}

impl SimulatedDisk {
    pub fn fail_writes(&self, fault: Option<io::ErrorKind>) {
        self.0.lock().unwrap().fault = fault;
    }

    pub fn set_free(&self, bytes: u64) {
        self.0.lock().unwrap().free = Some(bytes);
    }

    /// The disk as found after a power loss: `keep` says how much of what was not synced survived.
    pub fn after_power_loss(&self, keep: impl Fn(usize) -> usize) -> SimulatedDisk {
        let files = &self.0.lock().unwrap().files;
        let survived = files.iter().map(|(name, file)| {
            let unsynced = file.bytes.len() - file.synced;
            let length = file.synced + keep(unsynced).min(unsynced);
            (name.clone(), SimulatedFile { bytes: file.bytes[..length].to_vec(), synced: length })
        });
        SimulatedDisk(Arc::new(Mutex::new(SimulatedFiles {
            files: survived.collect(),
            ..SimulatedFiles::default()
        })))
    }

    /// Flips one bit of a segment.
    pub fn damage(&self, name: &str, at: usize) {
        if let Some(file) = self.0.lock().unwrap().files.get_mut(name) {
            file.bytes[at] ^= 1;
        }
    }

    pub fn segments(&self) -> Vec<String> {
        self.0.lock().unwrap().files.keys().cloned().collect()
    }
}

struct OpenFile(SimulatedDisk, String);

impl Disk for SimulatedDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.segments())
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.lock().unwrap().files.get(name).ok_or(io::ErrorKind::NotFound)?.bytes.clone())
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn LogFile>> {
        self.0.lock().unwrap().files.insert(name.to_owned(), SimulatedFile::default());
        Ok(Box::new(OpenFile(self.clone(), name.to_owned())))
    }

    fn reopen(&self, name: &str, length: u64) -> io::Result<Box<dyn LogFile>> {
        let mut file = OpenFile(self.clone(), name.to_owned());
        file.truncate(length)?;
        file.sync()?;
        Ok(Box::new(file))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().files.remove(name);
        Ok(())
    }

    fn free(&self) -> Option<u64> {
        self.0.lock().unwrap().free
    }
}

impl LogFile for OpenFile {
    fn append(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let bytes = parts.concat();
        let mut disk = self.0.0.lock().unwrap();
        let fault = disk.fault;
        let file = disk.files.get_mut(&self.1).ok_or(io::ErrorKind::NotFound)?;
        if let Some(kind) = fault {
            // A failing disk takes part of a write.
            file.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
            return Err(kind.into());
        }
        file.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.0.0.lock().unwrap();
        let file = disk.files.get_mut(&self.1).ok_or(io::ErrorKind::NotFound)?;
        file.synced = file.bytes.len();
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        let mut disk = self.0.0.lock().unwrap();
        let file = disk.files.get_mut(&self.1).ok_or(io::ErrorKind::NotFound)?;
        file.bytes.truncate(length as usize);
        file.synced = file.synced.min(length as usize);
        Ok(())
    }
}

/// A catalog in memory, with commits that are atomic as SQL's are.
#[derive(Clone, Default)]
pub struct MemoryCatalog(Arc<Mutex<CatalogState>>, Arc<Mutex<Policies>>, Arc<Faults>);

#[derive(Default)]
struct Faults {
    /// Commits fail from now on.
    all: AtomicBool,
    /// One commit fails when so many others have not, if it is above 0.
    after: AtomicI64,
}

impl MemoryCatalog {
    pub fn files(&self) -> Vec<DataFile> {
        self.0.lock().unwrap().files.clone()
    }

    /// As it is now; it does not change when this one does.
    pub fn backup(&self) -> MemoryCatalog {
        let copied = |policies: &Policies| Arc::new(Mutex::new(policies.clone()));
        let state = Arc::new(Mutex::new(self.0.lock().unwrap().clone()));
        MemoryCatalog(state, copied(&self.1.lock().unwrap()), Arc::default())
    }

    pub fn fail_commits(&self, fail: bool) {
        self.2.all.store(fail, Ordering::SeqCst);
    }

    /// Lets the commit fail that comes behind so many others, and none after it.
    pub fn fail_one_commit_after(&self, others: i64) {
        self.2.after.store(others + 1, Ordering::SeqCst);
    }

    pub fn set_policies(&self, policies: Policies) {
        *self.1.lock().unwrap() = policies;
    }
}

impl Catalog for MemoryCatalog {
    fn load(&self) -> CatalogFuture<'_, CatalogState> {
        let state = self.0.lock().unwrap().clone();
        Box::pin(async move { Ok(state) })
    }

    fn commit(&self, change: CatalogChange) -> CatalogFuture<'_, ()> {
        Box::pin(async move {
            let is_its_turn = self.2.after.fetch_sub(1, Ordering::SeqCst) == 1;
            if is_its_turn || self.2.all.load(Ordering::SeqCst) {
                return Err(lake::LakeError::Catalog {
                    doing: "commit",
                    message: "it is not there".to_owned(),
                });
            }
            let mut state = self.0.lock().unwrap();
            for (path, at) in change.removed {
                let listed = |file: &&mut DataFile| file.path == path && file.removed.is_none();
                let file = state.files.iter_mut().find(listed);
                file.unwrap_or_else(|| panic!("{path} is not listed")).removed = Some(at);
            }
            state.files.retain(|file| file.removed.is_none() || !change.purged.contains(&file.path));
            state.files.extend(change.added);
            state.log_segment = state.log_segment.max(change.log_segment.unwrap_or(0));
            for (tenant, sequence) in change.sequences {
                state.sequences.retain(|(other, _)| *other != tenant);
                state.sequences.push((tenant, sequence));
            }
            for mark in change.producers {
                state
                    .producers
                    .retain(|other| (other.tenant, &other.producer) != (mark.tenant, &mark.producer));
                state.producers.push(mark);
            }
            Ok(())
        })
    }

    fn policies(&self) -> CatalogFuture<'_, Policies> {
        let policies = self.1.lock().unwrap().clone();
        Box::pin(async move { Ok(policies) })
    }
}

/// Enough for the files of a test.
pub const CACHE_BYTES: usize = 4 << 20;

#[derive(Clone)]
pub struct World {
    pub disk: SimulatedDisk,
    pub catalog: MemoryCatalog,
    pub files: Arc<InMemory>,
    pub clock: Arc<TestClock>,
}

impl World {
    pub fn new() -> World {
        World {
            disk: SimulatedDisk::default(),
            catalog: MemoryCatalog::default(),
            files: Arc::new(InMemory::new()),
            clock: Arc::new(TestClock(AtomicI64::new(Ticks::parse("2024-05-06T12:00:00Z").unwrap().0))),
        }
    }

    pub async fn open(&self) -> Result<Lake, lake::LakeError> {
        self.open_with(LakeConfig::default()).await
    }

    pub async fn open_with(&self, config: LakeConfig) -> Result<Lake, lake::LakeError> {
        self.open_over(config, Files::remote(self.files.clone(), CACHE_BYTES)).await
    }

    pub async fn open_over(&self, config: LakeConfig, files: Files) -> Result<Lake, lake::LakeError> {
        Lake::open(Parts { config, ..self.parts(files) }).await
    }

    pub fn parts(&self, files: Files) -> Parts {
        Parts {
            config: LakeConfig::default(),
            catalog: Arc::new(self.catalog.clone()),
            files,
            disk: Arc::new(self.disk.clone()),
            clock: self.clock.clone(),
            new_name: Box::new(|| Uuid::new_v4().to_string()),
        }
    }
}

/// A clock that tests set.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, seconds: i64) {
        self.0.store(self.now().plus_seconds(seconds).0, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Ticks {
        Ticks(self.0.load(Ordering::SeqCst))
    }
}

pub fn tenant(number: u128) -> TenantId {
    TenantId(Uuid::from_u128(number))
}

/// A row that is told apart by its number; days and tables vary with it.
pub fn row(number: i64) -> Row {
    let table = ["DeviceProcessEvents", "DeviceNetworkEvents"][(number % 2) as usize];
    let mut row = Row::new(model::tables::find(table).unwrap());
    let start = Ticks::parse("2024-05-05T23:59:00Z").unwrap();
    row.set("Timestamp", Ticks(start.0 + number * 7_000_001));
    row.set("DeviceId", format!("{:040x}", number % 3));
    row.set("ReportId", number);
    row.set("InitiatingProcessFileName", format!("tool{number}.exe"));
    row.set("AdditionalFields", format!("{{\"number\":{number}}}"));
    row
}

/// Such rows, ready to be appended.
pub fn rows(numbers: impl IntoIterator<Item = i64>) -> Vec<Rows> {
    Rows::of(&numbers.into_iter().map(row).collect::<Vec<_>>()).unwrap()
}

/// The numbers of all rows a tenant sees, sorted.
pub async fn numbers(lake: &Lake, tenant: TenantId) -> Vec<i64> {
    numbers_in(lake, lake.tenant(tenant).snapshot()).await
}

/// The numbers of all rows in a snapshot, sorted.
pub async fn numbers_in(lake: &Lake, snapshot: Snapshot) -> Vec<i64> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    context.runtime_env().register_object_store(lake::object_store_url().as_ref(), lake.object_store());
    let mut numbers = Vec::new();
    for table in ["DeviceProcessEvents", "DeviceNetworkEvents"] {
        let provider = snapshot.table(model::tables::find(table).unwrap());
        let frame = context.read_table(provider).unwrap().select_columns(&["ReportId"]).unwrap();
        for batch in frame.collect().await.unwrap() {
            numbers.extend(batch.column(0).as_primitive::<Int64Type>().iter().flatten());
        }
    }
    numbers.sort_unstable();
    numbers
}

pub fn number_of(row: &Row) -> i64 {
    match row.get("ReportId") {
        Cell::Long(number) => *number,
        other => panic!("a row without its number: {other:?}"),
    }
}
