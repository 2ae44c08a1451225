//! Looking at what is stored: whether it is what was written, and how much it is.

use model::lake::DataFile;
use model::{TenantId, Ticks, tables};

use crate::compact::open_typed;
use crate::terms::TermIndex;
use crate::{Lake, LakeError, blocking};

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// Data files, those that were replaced and not deleted yet included.
    pub files: u64,
    pub indexes: u64,
    pub rows: u64,
    /// Of files and indexes.
    pub bytes: u64,
    /// Files without checksums, which an older version wrote: only that they can be opened is known.
    pub unchecked: u64,
    pub findings: Vec<Finding>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub path: String,
    pub problem: String,
}

/// How much of a table is stored for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableStats {
    pub tenant: TenantId,
    pub table: &'static str,
    pub files: u64,
    /// Files that were merged.
    pub merged: u64,
    pub rows: u64,
    pub bytes: u64,
    /// Of the indexes of terms.
    pub index_bytes: u64,
    /// Of files that were replaced and not deleted yet.
    pub replaced_bytes: u64,
    /// The earliest and the latest time of a row.
    pub times: Option<(Ticks, Ticks)>,
}

impl Lake {
    /// Reads every file and checks it. The log is checked whenever a lake is opened.
    pub async fn verify(&self) -> Result<Verified, LakeError> {
        let mut verified = Verified::default();
        for tenant in self.tenants() {
            for files in self.0.state.snapshot(tenant).files.values() {
                for file in files.listed.iter().chain(files.removed.iter().filter(|file| !self.is_due(file)))
                {
                    self.verify_file(file, &mut verified).await;
                }
            }
        }
        Ok(verified)
    }

    async fn verify_file(&self, file: &DataFile, verified: &mut Verified) {
        let mut found =
            |path: &str, problem: String| verified.findings.push(Finding { path: path.to_owned(), problem });
        verified.files += 1;
        verified.rows += file.rows as u64;
        verified.bytes += file.bytes as u64 + file.index_bytes.unwrap_or(0) as u64;
        verified.unchecked += u64::from(file.checksums.is_empty());
        match self.0.files.find_damage(file).await {
            Ok(damages) => damages.iter().for_each(|damage| found(&file.path, damage.to_string())),
            Err(error) => found(&file.path, error.to_string()),
        }
        match self.rows_of(file).await {
            Ok(rows) if rows == file.rows => {}
            Ok(rows) => found(&file.path, format!("it has {rows} rows, and the catalog says {}", file.rows)),
            Err(error) => found(&file.path, error.to_string()),
        }
        if file.index_bytes.is_some() {
            verified.indexes += 1;
            let path = file.index_path();
            if let Err(error) = self.verify_index(file, &path).await {
                verified.findings.push(Finding { path, problem: error.to_string() });
            }
        }
    }

    async fn rows_of(&self, file: &DataFile) -> Result<i64, LakeError> {
        // The rows of a table that this version does not know are left to the version that does.
        let Some(table) = tables::find(&file.table) else { return Ok(file.rows) };
        let (files, path) = (self.0.files.clone(), file.path.clone());
        let (_, metadata) = blocking(move || open_typed(&files, table, &path)).await??;
        Ok(metadata.metadata().file_metadata().num_rows())
    }

    async fn verify_index(&self, file: &DataFile, path: &str) -> Result<(), LakeError> {
        // It checks itself, and what is kept in memory of it says nothing about what is stored.
        let index = TermIndex::open(self.0.files.unchecked(), path).await?;
        if index.rows() != file.rows as u64 {
            let reason = format!("it is of {} rows, and the file has {}", index.rows(), file.rows);
            return Err(LakeError::TermIndex { path: path.to_owned(), reason });
        }
        index.check_pages().await
    }

    /// How much is stored, by tenant and table. Hot rows are in [`Lake::stats`].
    pub fn table_stats(&self) -> Vec<TableStats> {
        let mut stats = Vec::new();
        let mut tenants = self.tenants();
        tenants.sort_unstable();
        for tenant in tenants {
            for (table, files) in &self.0.state.snapshot(tenant).files {
                let sum = |of: fn(&DataFile) -> i64| files.listed.iter().map(|file| of(file) as u64).sum();
                let first = files.listed.iter().filter_map(|file| file.first_time).min();
                let last = files.listed.iter().filter_map(|file| file.last_time).max();
                stats.push(TableStats {
                    tenant,
                    table,
                    files: files.listed.len() as u64,
                    merged: files.listed.iter().filter(|file| file.level > 0).count() as u64,
                    rows: sum(|file| file.rows),
                    bytes: sum(|file| file.bytes),
                    index_bytes: sum(|file| file.index_bytes.unwrap_or(0)),
                    replaced_bytes: files.removed.iter().map(|file| file.bytes as u64).sum(),
                    times: first.zip(last).map(|(first, last)| (Ticks(first), Ticks(last))),
                });
            }
        }
        stats
    }
}
