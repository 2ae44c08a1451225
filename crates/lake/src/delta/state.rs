//! What a Delta log says about its table, and what has to be said so that it says something else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::Ticks;

use super::action::{
    Action, Add, CommitInfo, Format, MetaData, Protocol, READER_VERSION, Remove, WRITER_VERSION,
};
use model::lake::DataFile;

/// The table as the log describes it at its latest version.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Published {
    /// None before the first commit.
    pub version: Option<u64>,
    /// The latest version that has a checkpoint.
    pub checkpoint: Option<u64>,
    pub protocol: Option<Protocol>,
    pub meta: Option<MetaData>,
    /// By path.
    pub files: BTreeMap<String, Add>,
    pub removed: BTreeMap<String, Remove>,
}

/// How the table should be.
pub(super) struct Wanted<'a> {
    /// By path below the table's root.
    pub files: BTreeMap<&'a str, &'a DataFile>,
    pub schema_string: &'a str,
    pub configuration: &'a BTreeMap<String, String>,
    pub has_time: bool,
}

impl Published {
    pub fn apply(&mut self, action: Action) -> Result<(), String> {
        if let Some(protocol) = action.protocol {
            if protocol.min_reader_version > READER_VERSION || protocol.min_writer_version > WRITER_VERSION {
                return Err(format!(
                    "the log asks for reader version {} and writer version {}; {READER_VERSION} and \
                     {WRITER_VERSION} are known",
                    protocol.min_reader_version, protocol.min_writer_version
                ));
            }
            self.protocol = Some(protocol);
        }
        if let Some(meta) = action.meta_data {
            self.meta = Some(meta);
        }
        if let Some(remove) = action.remove {
            self.files.remove(&remove.path);
            self.removed.insert(remove.path.clone(), remove);
        }
        if let Some(add) = action.add {
            self.removed.remove(&add.path);
            self.files.insert(add.path.clone(), add);
        }
        Ok(())
    }

    /// Forgets removed files that nobody can need any more.
    pub fn expire(&mut self, grace: Duration, now: Ticks) {
        let kept_from = now.unix_millis().saturating_sub(grace.as_millis() as i64);
        self.removed.retain(|_, remove| remove.deletion_timestamp.unwrap_or(0) >= kept_from);
    }

    /// The commit that makes the table as wanted; nothing when it is.
    pub fn difference(&self, wanted: &Wanted<'_>, new_id: &dyn Fn() -> String, now: Ticks) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.protocol.is_none() {
            let protocol =
                Protocol { min_reader_version: READER_VERSION, min_writer_version: WRITER_VERSION };
            actions.push(Action { protocol: Some(protocol), ..Action::default() });
        }
        if let Some(meta) = self.new_meta(wanted, new_id, now) {
            actions.push(Action { meta_data: Some(meta), ..Action::default() });
        }

        let added = || wanted.files.iter().filter(|(path, _)| !self.files.contains_key(**path));
        let removed: Vec<&Add> =
            self.files.values().filter(|add| !wanted.files.contains_key(add.path.as_str())).collect();
        let rewrites = self.rewrites(&removed, added().map(|(path, file)| (*path, *file)));
        for (path, file) in added() {
            let data_change = !rewrites.contains(path);
            let add = Add::of(file, path, wanted.has_time, data_change, now);
            actions.push(Action { add: Some(add), ..Action::default() });
        }
        for add in &removed {
            let remove = add.removal(!rewrites.contains(add.path.as_str()), now);
            actions.push(Action { remove: Some(remove), ..Action::default() });
        }
        if actions.is_empty() {
            return actions;
        }
        let operation = match self.version {
            None => "CREATE TABLE",
            Some(_) if !rewrites.is_empty() => "OPTIMIZE",
            Some(_) if added().next().is_some() => "WRITE",
            Some(_) if !removed.is_empty() => "DELETE",
            Some(_) => "CHANGE COLUMNS",
        };
        let info = CommitInfo {
            timestamp: now.unix_millis(),
            operation,
            operation_parameters: BTreeMap::new(),
            engine_info: concat!("bartizan/", env!("CARGO_PKG_VERSION")),
        };
        actions.insert(0, Action { commit_info: Some(info), ..Action::default() });
        actions
    }

    fn new_meta(&self, wanted: &Wanted<'_>, new_id: &dyn Fn() -> String, now: Ticks) -> Option<MetaData> {
        let configuration = wanted.configuration.clone();
        let schema_string = wanted.schema_string.to_owned();
        let Some(meta) = &self.meta else {
            return Some(MetaData {
                id: new_id(),
                format: Format { provider: "parquet".to_owned(), options: BTreeMap::new() },
                schema_string,
                partition_columns: Vec::new(),
                configuration,
                created_time: Some(now.unix_millis()),
            });
        };
        let same = meta.schema_string == schema_string && meta.configuration == configuration;
        (!same).then(|| MetaData { schema_string, configuration, ..meta.clone() })
    }

    /// The paths of files that only move rows from one file to another. That is decided for each folder, which is a day,
    /// as compaction does not move rows between days: there, as many rows go as come back of those that were
    /// published before.
    fn rewrites<'a>(
        &self,
        removed: &[&'a Add],
        added: impl Iterator<Item = (&'a str, &'a DataFile)>,
    ) -> BTreeSet<&'a str> {
        if removed.is_empty() {
            return BTreeSet::new();
        }
        let known = self.files.values().filter_map(|add| add.stats().max_values.sequence).max().unwrap_or(0);
        let mut days: BTreeMap<&str, Day<'a>> = BTreeMap::new();
        for add in removed {
            let day = days.entry(folder(&add.path)).or_default();
            day.rows_gone += add.stats().num_records;
            day.files.push(&add.path);
        }
        for (path, file) in added.filter(|(_, file)| file.first_sequence <= known) {
            let day = days.entry(folder(path)).or_default();
            day.rows_back += file.rows;
            day.mixed |= file.last_sequence > known;
            day.files.push(path);
        }
        let moved = |day: &Day<'_>| day.rows_gone > 0 && day.rows_gone == day.rows_back && !day.mixed;
        days.into_values().filter(moved).flat_map(|day| day.files).collect()
    }
}

#[derive(Default)]
struct Day<'a> {
    rows_gone: i64,
    rows_back: i64,
    /// A file has rows that were never published beside some that were.
    mixed: bool,
    files: Vec<&'a str>,
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}
