//! The open lake: a Delta Lake log beside the Parquet files of a table, from which DuckDB, Polars, Spark and
//! others read it while rows come in.
//!
//! The log is derived: the catalog says which files there are, and [`DeltaTable::publish`] writes the difference
//! between that and what the log says. So a publication that was missed, repeated or cut short by a crash is
//! made good by the next, and a log that was removed is written anew.

mod action;
mod checkpoint;
mod log;
mod schema;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::datatypes::Schema;
use model::Ticks;
use tracing::warn;

use self::log::DeltaLog;
use self::state::{Published, Wanted};
use crate::{Files, LakeError};
use model::lake::DataFile;

/// Another writer may be ahead this often before a publication gives up.
const ATTEMPTS_MAX: usize = 5;

/// Rhythm and memory of the log.
#[derive(Clone, Debug)]
pub struct DeltaConfig {
    /// A checkpoint is written after this many commits.
    pub checkpoint_commits: u64,
    /// Older versions of the table can be read for this long.
    pub log_retention: Duration,
    /// How long removed files are remembered. They should stay on disk for as long.
    pub removed_retention: Duration,
}

impl Default for DeltaConfig {
    fn default() -> DeltaConfig {
        DeltaConfig {
            checkpoint_commits: 20,
            log_retention: Duration::from_secs(24 * 3600),
            removed_retention: Duration::from_secs(24 * 3600),
        }
    }
}

/// The published side of one tenant's table.
pub struct DeltaTable {
    log: DeltaLog,
    config: DeltaConfig,
    /// Where the table's files are, with a slash at the end.
    prefix: String,
    schema_string: String,
    configuration: BTreeMap<String, String>,
    has_time: bool,
    published: Published,
}

impl DeltaTable {
    /// Reads what is published of the table whose files are below `root`, such as `<tenant>/<table>`. `schema`
    /// is that of the files.
    pub async fn open(
        files: Files,
        root: &str,
        schema: &Schema,
        config: DeltaConfig,
    ) -> Result<DeltaTable, LakeError> {
        let log = DeltaLog::new(files, root);
        Ok(DeltaTable {
            published: log.read().await?,
            log,
            config,
            prefix: format!("{root}/"),
            schema_string: schema::schema_string(schema)
                .map_err(|reason| LakeError::Delta { path: root.to_owned(), reason })?,
            configuration: schema::configuration(schema),
            has_time: schema::has_time(schema),
        })
    }

    /// The latest version, or none when nothing was published yet.
    pub fn version(&self) -> Option<u64> {
        self.published.version
    }

    /// Makes `live` the files of the table, in one commit. Returns its version, or none when they are already.
    /// What another writer committed since the last publication is found, and undone, by the next that changes
    /// something.
    ///
    /// `new_id` names the table when it is published for the first time.
    pub async fn publish(
        &mut self,
        live: &[Arc<DataFile>],
        new_id: &(dyn Fn() -> String + Send + Sync),
        now: Ticks,
    ) -> Result<Option<u64>, LakeError> {
        for _ in 0..ATTEMPTS_MAX {
            let wanted = Wanted {
                files: self.by_path(live)?,
                schema_string: &self.schema_string,
                configuration: &self.configuration,
                has_time: self.has_time,
            };
            let actions = self.published.difference(&wanted, new_id, now);
            if actions.is_empty() {
                return Ok(None);
            }
            let version = self.published.version.map_or(0, |version| version + 1);
            if self.log.commit(version, &actions).await? {
                let apply = actions.into_iter().try_for_each(|action| self.published.apply(action));
                apply.map_err(|reason| LakeError::Delta { path: self.prefix.clone(), reason })?;
                self.published.version = Some(version);
                self.tidy(version, now).await;
                return Ok(Some(version));
            }
            // The version exists: another writer's, or ours, whose answer was lost.
            self.published = self.log.read().await?;
        }
        let reason = format!("other writers were ahead {ATTEMPTS_MAX} times");
        Err(LakeError::Delta { path: self.prefix.clone(), reason })
    }

    fn by_path<'a>(&self, live: &'a [Arc<DataFile>]) -> Result<BTreeMap<&'a str, &'a DataFile>, LakeError> {
        let relative = |file: &'a Arc<DataFile>| match file.path.strip_prefix(&self.prefix) {
            Some(path) => Ok((path, file.as_ref())),
            None => {
                let reason = format!("file {} is not below the table's root", file.path);
                Err(LakeError::Delta { path: self.prefix.clone(), reason })
            }
        };
        live.iter().map(relative).collect()
    }

    /// Keeps the log short. The commit stands whether or not this succeeds; the next one tries again.
    async fn tidy(&mut self, version: u64, now: Ticks) {
        let since = self.published.checkpoint.map_or(version + 1, |checkpoint| version - checkpoint);
        if since < self.config.checkpoint_commits {
            return;
        }
        self.published.expire(self.config.removed_retention, now);
        if let Err(error) = self.log.write_checkpoint(&self.published, version).await {
            warn!(table = self.prefix, version, %error, "cannot write a checkpoint; the next commit tries again");
            return;
        }
        self.published.checkpoint = Some(version);
        if let Err(error) = self.log.clean_up(self.config.log_retention, now).await {
            warn!(table = self.prefix, %error, "cannot clean up the log; the next checkpoint tries again");
        }
    }
}
