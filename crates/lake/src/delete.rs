//! Deleting the rows of one device.
//!
//! Files are immutable: one that holds rows of the device is replaced by one without them. Most files hold none, and
//! are told apart without reading their rows: by the index of their terms, by the statistics of their row groups, and
//! by the one column that names the device.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, lit};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection};
use datafusion::parquet::file::metadata::RowGroupMetaData;
use datafusion::parquet::file::statistics::Statistics;
use model::lake::DataFile;
use model::{DeviceId, Table, tables};
use tracing::info;

use crate::compact::{Task, open_typed};
use crate::files::{Files, OpenedFile};
use crate::narrow::{Narrowed, Question, narrow};
use crate::{LakeError, TenantLake, blocking};

const DEVICE_ID: &str = "DeviceId";

/// What a deletion took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// By table; those without a row of the device are left out.
    pub tables: Vec<DeletedRows>,
    /// Files that were not replaced because they hold no row of the device.
    pub files_kept: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedRows {
    pub table: &'static str,
    pub rows: u64,
    /// Files that held them and were replaced.
    pub files: usize,
}

impl Deleted {
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }

    pub fn files(&self) -> usize {
        self.tables.iter().map(|table| table.files).sum()
    }
}

/// A file with rows of the device.
struct Found {
    file: Arc<DataFile>,
    rows: u64,
}

impl TenantLake {
    /// Deletes every row of a device that was accepted before the call: they are gone from queries when this
    /// returns, from the log as well, and from the disk after the grace period. Nothing is deleted while a legal hold
    /// keeps a table that has rows of the device. A call that was cut off is completed by another.
    pub async fn delete_device(&self, device: &DeviceId) -> Result<Deleted, LakeError> {
        if self.devices.is_some() {
            return Err(LakeError::Narrowed { what: "without the rows of a device" });
        }
        self.lake.flush().await?;
        let shared = &self.lake.0;
        let _one_at_a_time = shared.maintaining.lock().await;
        let policies = shared.catalog.policies().await?;
        let mut deleted = Deleted::default();
        let mut found: Vec<(&'static Table, Vec<Found>)> = Vec::new();
        for (name, files) in shared.state.snapshot(self.tenant).files {
            let Some(table) = tables::find(name).filter(|table| table.position(DEVICE_ID).is_some()) else {
                continue;
            };
            let mut holding = Vec::new();
            for file in &files.listed {
                match self.rows_of(table, file, device).await? {
                    0 => deleted.files_kept += 1,
                    rows => holding.push(Found { file: file.clone(), rows }),
                }
            }
            if holding.is_empty() {
                continue;
            }
            if let Some(hold) = policies.hold(self.tenant, name) {
                return Err(LakeError::Held { hold: hold.name.clone(), table: table.name });
            }
            found.push((table, holding));
        }
        for (table, holding) in found {
            let mut rows = DeletedRows { table: table.name, rows: 0, files: 0 };
            for Found { file, rows: held } in holding {
                let task = Task::new(table, vec![file]);
                self.lake.rewrite(task, Some(device.clone())).await?;
                rows.rows += held;
                rows.files += 1;
            }
            metrics::counter!("bartizan_lake_deleted_rows_total").increment(rows.rows);
            deleted.tables.push(rows);
        }
        let (rows, files, kept) = (deleted.rows(), deleted.files(), deleted.files_kept);
        info!(tenant = %self.tenant, %device, rows, files, kept, "deleted the rows of a device");
        Ok(deleted)
    }

    /// How many rows of a file are the device's.
    async fn rows_of(
        &self,
        table: &'static Table,
        file: &Arc<DataFile>,
        device: &DeviceId,
    ) -> Result<u64, LakeError> {
        let shared = &self.lake.0;
        let is_device = Expr::Column(Column::new_unqualified(DEVICE_ID)).eq(lit(device.as_str()));
        let narrowed = match Question::of(table, &[is_device], None) {
            Some(question) => narrow(&shared.heads, &shared.files.store(), file, &question).await,
            None => Narrowed::Everything,
        };
        let selection = match narrowed {
            Narrowed::Nothing => return Ok(0),
            Narrowed::Rows(selection) => Some(selection),
            Narrowed::Everything => None,
        };
        let (files, path, device) = (shared.files.clone(), file.path.clone(), device.clone());
        blocking(move || count_rows(&files, table, &path, &device, selection)).await?
    }
}

/// Counts the rows of a device among the selected ones. Work for a thread that may block.
fn count_rows(
    files: &Files,
    table: &'static Table,
    path: &str,
    device: &DeviceId,
    selection: Option<RowSelection>,
) -> Result<u64, LakeError> {
    let (opened, metadata) = open_typed(files, table, path)?;
    let parquet = metadata.metadata().clone();
    let schema = parquet.file_metadata().schema_descr();
    let column = schema.columns().iter().position(|column| column.name() == DEVICE_ID);
    let Some(column) = column else { return Ok(0) };
    if !parquet.row_groups().iter().any(|group| may_hold(group, column, device)) {
        return Ok(0);
    }
    let mut builder = ParquetRecordBatchReaderBuilder::<OpenedFile>::new_with_metadata(opened, metadata)
        .with_projection(ProjectionMask::leaves(schema, [column]));
    if let Some(selection) = selection {
        builder = builder.with_row_selection(selection);
    }
    let mut rows = 0;
    for batch in builder.build()? {
        let batch = batch?;
        let devices = batch.column_by_name(DEVICE_ID).and_then(|column| column.as_string_view_opt().cloned());
        let devices = devices.ok_or_else(|| LakeError::Rows(format!("{DEVICE_ID} of {path} is no text")))?;
        rows += devices.iter().filter(|found| *found == Some(device.as_str())).count() as u64;
    }
    Ok(rows)
}

/// Whether the statistics of a row group leave it open that it has rows of a device.
fn may_hold(group: &RowGroupMetaData, column: usize, device: &DeviceId) -> bool {
    match group.column(column).statistics() {
        Some(Statistics::ByteArray(texts)) => {
            let device = device.as_str().as_bytes();
            texts.min_opt().is_none_or(|min| min.data() <= device)
                && texts.max_opt().is_none_or(|max| max.data() >= device)
        }
        _ => true,
    }
}
