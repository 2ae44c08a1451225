//! What readers see: files and hot rows, changed together, read as one snapshot.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use model::lake::DataFile;
use model::{TenantId, Ticks};

use crate::hot::HotBatch;

/// One tenant's rows at one moment. Cheap to clone; never changes once handed out.
#[derive(Clone, Debug, Default)]
pub(crate) struct TenantState {
    /// The files that are listed, by table, and with them those that were taken off and are not purged yet.
    pub files: BTreeMap<&'static str, Arc<TableFiles>>,
    pub hot: Arc<Vec<Arc<HotBatch>>>,
    /// The highest sequence accepted, 0 before the first row.
    pub last_sequence: i64,
    /// The highest sequence that is in files.
    pub flushed_sequence: i64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct TableFiles {
    pub listed: Vec<Arc<DataFile>>,
    pub removed: Vec<Arc<DataFile>>,
}

#[derive(Debug, Default)]
struct Inner {
    tenants: HashMap<TenantId, TenantState>,
    hot_bytes: usize,
    hot_rows: usize,
}

/// The state shared by writer, flush and readers. The lock is never held across input or output.
#[derive(Debug, Default)]
pub(crate) struct State(RwLock<Inner>);

impl State {
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn snapshot(&self, tenant: TenantId) -> TenantState {
        self.read().tenants.get(&tenant).cloned().unwrap_or_default()
    }

    pub fn tenants(&self) -> Vec<TenantId> {
        self.read().tenants.keys().copied().collect()
    }

    pub fn hot_bytes(&self) -> usize {
        self.read().hot_bytes
    }

    pub fn hot_rows(&self) -> usize {
        self.read().hot_rows
    }

    /// When the first of the hot rows came.
    pub fn oldest_hot(&self) -> Option<Ticks> {
        hot(&self.read()).map(|batch| batch.ingested).min()
    }

    pub fn set_files(&self, files: Vec<DataFile>, sequences: &[(TenantId, i64)]) {
        let mut inner = self.write();
        for (tenant, sequence) in sequences {
            let state = inner.tenants.entry(*tenant).or_default();
            state.last_sequence = state.last_sequence.max(*sequence);
            state.flushed_sequence = *sequence;
        }
        add_files(&mut inner, files);
    }

    /// Makes accepted rows visible.
    pub fn publish(&self, accepted: Vec<(TenantId, HotBatch)>) {
        let mut inner = self.write();
        for (tenant, batch) in accepted {
            inner.hot_bytes += batch.bytes;
            inner.hot_rows += batch.rows.len();
            let state = inner.tenants.entry(tenant).or_default();
            state.last_sequence = state.last_sequence.max(batch.last_sequence);
            // Readers that still hold the list keep theirs; otherwise it grows in place.
            Arc::make_mut(&mut state.hot).push(Arc::new(batch));
        }
    }

    /// Hot batches of segments above `after`, up to and including `until`.
    pub fn hot_between(&self, after: u64, until: u64) -> Vec<(TenantId, Arc<HotBatch>)> {
        let inner = self.read();
        let hot =
            inner.tenants.iter().flat_map(|(tenant, state)| state.hot.iter().map(|batch| (*tenant, batch)));
        hot.filter(|(_, batch)| after < batch.segment && batch.segment <= until)
            .map(|(tenant, batch)| (tenant, batch.clone()))
            .collect()
    }

    /// The memory of hot batches of segments above `after`.
    pub fn hot_bytes_after(&self, after: u64) -> usize {
        hot(&self.read()).filter(|batch| batch.segment > after).map(|batch| batch.bytes).sum()
    }

    /// Swaps hot rows for the files that now hold them, in one step for every reader.
    pub fn replace_hot(&self, segment: u64, files: Vec<DataFile>, sequences: &[(TenantId, i64)]) {
        // Freed when nobody waits for the lock any more.
        let mut flushed: Vec<Arc<HotBatch>> = Vec::new();
        let mut inner = self.write();
        for (tenant, sequence) in sequences {
            let state = inner.tenants.entry(*tenant).or_default();
            state.flushed_sequence = state.flushed_sequence.max(*sequence);
            let is_flushed = |batch: &mut Arc<HotBatch>| batch.segment <= segment;
            flushed.extend(Arc::make_mut(&mut state.hot).extract_if(.., is_flushed));
        }
        add_files(&mut inner, files);
        inner.hot_bytes = hot(&inner).map(|batch| batch.bytes).sum();
        inner.hot_rows = hot(&inner).map(|batch| batch.rows.len()).sum();
        drop(inner);
    }

    /// Swaps files for others, in one step for every reader. Those taken off the list can still be read as of a
    /// time before `at`.
    pub fn replace_files(&self, removed: &[Arc<DataFile>], added: Vec<DataFile>, at: Ticks) {
        let mut inner = self.write();
        for file in removed {
            let Some(files) = files_of(&mut inner, file) else { continue };
            files.listed.retain(|listed| listed.path != file.path);
            files.removed.push(Arc::new(DataFile { removed: Some(at), ..DataFile::clone(file) }));
        }
        add_files(&mut inner, added);
    }

    /// Forgets removed files whose bytes are gone.
    pub fn forget(&self, purged: &[Arc<DataFile>]) {
        let mut inner = self.write();
        for file in purged {
            if let Some(files) = files_of(&mut inner, file) {
                files.removed.retain(|removed| removed.path != file.path);
            }
        }
    }
}

fn hot(inner: &Inner) -> impl Iterator<Item = &Arc<HotBatch>> {
    inner.tenants.values().flat_map(|state| state.hot.iter())
}

fn add_files(inner: &mut Inner, files: Vec<DataFile>) {
    for file in files {
        let Some(known) = files_of(inner, &file) else { continue };
        let list = if file.removed.is_some() { &mut known.removed } else { &mut known.listed };
        list.push(Arc::new(file));
    }
}

/// The files of a file's tenant and table. One of a table that this version does not know stays in the catalog,
/// unread.
fn files_of<'a>(inner: &'a mut Inner, file: &DataFile) -> Option<&'a mut TableFiles> {
    let table = model::tables::find(&file.table)?;
    let state = inner.tenants.entry(file.tenant).or_default();
    Some(Arc::make_mut(state.files.entry(table.name).or_default()))
}
