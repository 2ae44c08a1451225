//! What is done to files behind the backs of readers: merging, retention, and deleting what was replaced.
//!
//! Nothing here touches the log or hot rows, and every change is one transaction of the catalog. Files that are
//! replaced or retired stay readable for the grace period: for queries that hold a snapshot, and for questions
//! about the past.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use model::lake::{CatalogChange, DataFile, Policies};
use model::time::{TICKS_PER_DAY, TICKS_PER_SECOND};
use model::{DeviceId, TenantId, Ticks, tables};
use tracing::{info, warn};

use crate::compact::{self, Task};
use crate::delta::{DeltaConfig, DeltaTable};
use crate::flush::Encoded;
use crate::schema::file_schema;
use crate::{Lake, LakeError, blocking};

/// No merge begins later in a round: other engines are told of the rest, and what is too old goes, before more is merged.
const ROUND_TICKS: i64 = 60 * TICKS_PER_SECOND;

/// What one round of upkeep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Files that were merged, and the files made of them.
    pub merged: usize,
    pub made: usize,
    /// Files whose rows are older than they have to be kept.
    pub retired: usize,
    /// Files whose bytes were deleted.
    pub purged: usize,
    /// Merges that are left for the next round for want of time.
    pub left: usize,
}

impl Lake {
    /// Looks after the files until the lake is closed.
    pub async fn run_upkeep(&self) {
        self.read_heads().await;
        let mut pause = self.0.config.upkeep_interval;
        loop {
            tokio::time::sleep(std::mem::replace(&mut pause, self.0.config.upkeep_interval)).await;
            let started = std::time::Instant::now();
            let done = self.upkeep().await;
            metrics::histogram!("bartizan_lake_upkeep_seconds").record(started.elapsed().as_secs_f64());
            match done {
                Ok(done) if done != Upkeep::default() => {
                    info!(?done, "looked after the lake's files");
                    if done.left > 0 {
                        pause = Duration::ZERO;
                    }
                }
                Ok(_) => {}
                Err(LakeError::Stopped) => return,
                Err(error) => {
                    metrics::counter!("bartizan_lake_upkeep_errors_total").increment(1);
                    warn!(%error, "cannot look after the lake's files; trying again");
                }
            }
        }
    }

    /// Reads the heads of indexes, those of the latest rows first: questions need that of every file.
    async fn read_heads(&self) {
        let mut indexed: Vec<Arc<DataFile>> = Vec::new();
        for tenant in self.tenants() {
            let files = self.0.state.snapshot(tenant).files;
            let listed = files.values().flat_map(|files| files.listed.iter());
            indexed.extend(listed.filter(|file| file.index_bytes.is_some()).cloned());
        }
        indexed.sort_by_key(|file| Reverse(file.last_time));
        let paths = indexed.iter().map(|file| file.index_path()).collect();
        self.0.heads.read_ahead(&self.0.files.store(), paths).await;
    }

    /// One round: retires what is too old, deletes what was replaced long enough ago, merges what is worth it. What
    /// makes room comes first, and happens also when a merge fails for want of it.
    pub async fn upkeep(&self) -> Result<Upkeep, LakeError> {
        let _one_at_a_time = self.0.maintaining.lock().await;
        self.0.unfinished.sweep(&*self.0.catalog).await;
        let mut done = Upkeep::default();
        let policies = self.0.catalog.policies().await?;
        for tenant in self.tenants() {
            done.retired += self.retire(tenant, &policies).await?;
        }
        done.purged = self.purge().await?;
        let merged = self.merge(&mut done).await;
        for tenant in self.tenants() {
            self.publish(tenant).await?;
        }
        merged.map(|()| done)
    }

    /// Merges what is worth it, for as long as a round may take. One merge that fails does not keep the others from being
    /// done, and the first failure is returned.
    async fn merge(&self, done: &mut Upkeep) -> Result<(), LakeError> {
        let until = self.0.clock.now().0 + ROUND_TICKS;
        let mut outcome = Ok(());
        for task in self.merges() {
            // While rows come faster than they are written, merges wait.
            if !self.has_room_for(&task) || (self.is_pressed() && !task.is_urgent) {
                continue;
            }
            if self.0.clock.now().0 >= until {
                done.left += 1;
                continue;
            }
            let files = task.files.len();
            match self.rewrite(task, None).await {
                Ok(made) => {
                    done.merged += files;
                    done.made += made;
                }
                Err(LakeError::Stopped) => return Err(LakeError::Stopped),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    fn merges(&self) -> Vec<Task> {
        let now = self.0.clock.now();
        let of_tenant = |tenant: TenantId| {
            let mut tasks = Vec::new();
            for (name, files) in self.0.state.snapshot(tenant).files {
                let Some(table) = tables::find(name) else { continue };
                let is_urgent = compact::is_urgent(&files.listed);
                let of_table = compact::tasks(table, &files.listed, now).into_iter();
                tasks
                    .extend(of_table.map(|task| Task { is_urgent: is_urgent && !task.is_indexed(), ..task }));
            }
            tasks
        };
        compact::in_turn(self.tenants().into_iter().map(of_tenant).collect())
    }

    /// Whether the reserve is left alone by a merge: its sources stay for a while beside what is made of them.
    fn has_room_for(&self, task: &Task) -> bool {
        let bytes = |file: &Arc<DataFile>| (file.bytes + file.index_bytes.unwrap_or(0)).max(0) as u64;
        !self.0.files.is_local() || self.0.space.has_room_for(task.files.iter().map(bytes).sum())
    }

    /// Brings the logs that other engines read to the files that are listed now.
    pub(crate) async fn publish(&self, tenant: TenantId) -> Result<(), LakeError> {
        let mut published = self.0.published.lock().await;
        for (name, files) in self.0.state.snapshot(tenant).files {
            let Some(table) = tables::find(name) else { continue };
            let log = match published.entry((tenant, name)) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => {
                    let config =
                        DeltaConfig { removed_retention: self.0.config.grace, ..DeltaConfig::default() };
                    let root = format!("{tenant}/{name}");
                    let schema = file_schema(table);
                    unknown.insert(DeltaTable::open(self.0.files.clone(), &root, &schema, config).await?)
                }
            };
            log.publish(&files.listed, &*self.0.new_name, self.0.clock.now()).await?;
        }
        Ok(())
    }

    /// Replaces files by one with their rows, but for those of a device. Returns how many files were made.
    pub(crate) async fn rewrite(&self, task: Task, without: Option<DeviceId>) -> Result<usize, LakeError> {
        let started = std::time::Instant::now();
        let (shared, now) = (self.0.clone(), self.0.clock.now());
        let replaced = task.files.clone();
        let merged = blocking(move || {
            compact::merge_files(&shared.files, &task, without.as_ref(), now, &*shared.new_name)
        });
        let merged = merged.await??;
        let made = merged.len();
        let rows: i64 = merged.iter().map(|encoded| encoded.file.rows).sum();
        self.replace(&replaced, &merged, now).await?;
        metrics::counter!("bartizan_lake_merged_rows_total").increment(rows as u64);
        metrics::histogram!("bartizan_lake_merge_seconds").record(started.elapsed().as_secs_f64());
        Ok(made)
    }

    async fn replace(
        &self,
        removed: &[Arc<DataFile>],
        encoded: &[Encoded],
        now: Ticks,
    ) -> Result<(), LakeError> {
        let added: Vec<DataFile> = encoded.iter().map(|encoded| encoded.file.clone()).collect();
        let change = CatalogChange {
            added: added.clone(),
            removed: removed.iter().map(|file| (file.path.clone(), now)).collect(),
            ..CatalogChange::default()
        };
        self.commit_files(encoded, change).await?;
        self.0.files.known().add(&added);
        let store = self.0.files.store();
        for Encoded { file, index, .. } in encoded {
            if let Some(index) = index {
                self.0.heads.add(&store, file.index_path(), index);
            }
        }
        self.0.state.replace_files(removed, added, now);
        Ok(())
    }

    /// Takes files off the list whose rows are older than their table's rule says.
    async fn retire(&self, tenant: TenantId, policies: &Policies) -> Result<usize, LakeError> {
        let now = self.0.clock.now();
        let today = now.0.div_euclid(TICKS_PER_DAY);
        let mut retired = Vec::new();
        for (table, files) in &self.0.state.snapshot(tenant).files {
            let Some(days) = policies.days(tenant, table) else { continue };
            if policies.is_held(tenant, table) {
                continue;
            }
            let old = files.listed.iter().filter(|file| day_of(file) + days.max(0) < today);
            retired.extend(old.cloned());
        }
        if !retired.is_empty() {
            self.replace(&retired, &[], now).await?;
            let rows: i64 = retired.iter().map(|file| file.rows).sum();
            info!(%tenant, files = retired.len(), rows, "retired rows");
            metrics::counter!("bartizan_lake_retired_rows_total").increment(rows as u64);
        }
        Ok(retired.len())
    }

    /// Whether a file was taken off the list longer ago than the grace period: nothing reads it any more, and its
    /// bytes may be deleted already.
    pub(crate) fn is_due(&self, file: &DataFile) -> bool {
        let grace = i64::try_from(self.0.config.grace.as_nanos() / 100).unwrap_or(i64::MAX);
        let until = self.0.clock.now().0.saturating_sub(grace);
        file.removed.is_some_and(|removed| removed.0 <= until)
    }

    /// Deletes files that were taken off the list longer ago than the grace period.
    async fn purge(&self) -> Result<usize, LakeError> {
        let mut purged = Vec::new();
        for tenant in self.tenants() {
            for files in self.0.state.snapshot(tenant).files.values() {
                purged.extend(files.removed.iter().filter(|file| self.is_due(file)).cloned());
            }
        }
        if purged.is_empty() {
            return Ok(0);
        }
        // What fails here is due again in the next round: files are forgotten when nothing is left of them. The past
        // that can be asked for does not reach back to them.
        for file in &purged {
            self.0.files.remove(&file.path).await?;
            if file.index_bytes.is_some() {
                self.0.heads.forget(&file.index_path());
                self.0.files.remove(&file.index_path()).await?;
            }
        }
        let paths = purged.iter().map(|file| file.path.clone()).collect();
        self.0.catalog.commit(CatalogChange { purged: paths, ..CatalogChange::default() }).await?;
        self.0.files.known().forget(purged.iter().map(AsRef::as_ref));
        self.0.state.forget(&purged);
        metrics::counter!("bartizan_lake_purged_files_total").increment(purged.len() as u64);
        Ok(purged.len())
    }
}

/// The day that counts for retention: that of the rows, or else of their arrival.
fn day_of(file: &DataFile) -> i64 {
    match file.last_time {
        Some(_) => file.day,
        None => file.added.0.div_euclid(TICKS_PER_DAY),
    }
}

/// How often files are looked after.
pub(crate) const UPKEEP_INTERVAL: Duration = Duration::from_secs(30);
/// How long replaced files stay.
pub(crate) const GRACE: Duration = Duration::from_secs(3_600);
