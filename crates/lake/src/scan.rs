//! Reading rows file by file, a part at a time: for work that minds neither their order nor where they lie.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, cast::AsArray};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use model::Table;
use model::lake::DataFile;

use crate::compact::{filled_columns, open_typed};
use crate::hot::HotBatch;
use crate::schema::SEQUENCE_COLUMN;
use crate::times::joined_batch;
use crate::{Devices, Lake, LakeError, TenantLake, blocking};

/// Rows of a file that are decoded at a time.
const BATCH_ROWS: usize = 8_192;

/// Rows of a table.
type Part = (&'static Table, RecordBatch);

/// Some of one tenant's rows, as they were at one moment.
pub struct Scan {
    lake: Lake,
    files: std::vec::IntoIter<Arc<DataFile>>,
    reading: Option<(&'static Table, ParquetRecordBatchReader)>,
    hot: std::vec::IntoIter<Arc<HotBatch>>,
    /// Rows that were read to see whether there are more.
    ahead: Option<Part>,
    is_at_end: bool,
    /// Rows up to this sequence are left out, and those behind the position.
    after: i64,
    position: i64,
    more: bool,
    /// Whose rows are handed out; none for all rows.
    devices: Option<Devices>,
}

impl TenantLake {
    /// Every row as of now. Each comes once, in no order that means anything.
    pub fn scan(&self) -> Scan {
        let state = self.lake.0.state.snapshot(self.tenant);
        let files: Vec<_> = state.files.values().flat_map(|files| files.listed.iter().cloned()).collect();
        let hot: Vec<_> = state.hot.iter().cloned().collect();
        Scan::new(self, files, hot, 0, state.last_sequence, false)
    }
}

impl Scan {
    pub(crate) fn new(
        lake: &TenantLake,
        files: Vec<Arc<DataFile>>,
        hot: Vec<Arc<HotBatch>>,
        after: i64,
        position: i64,
        more: bool,
    ) -> Scan {
        let (files, hot) = (files.into_iter(), hot.into_iter());
        let (lake, devices) = (lake.lake.clone(), lake.devices.clone());
        Scan {
            lake,
            files,
            reading: None,
            hot,
            ahead: None,
            is_at_end: false,
            after,
            position,
            more,
            devices,
        }
    }

    /// The sequence up to which rows are in the scan.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Whether there were more rows behind the position when the scan began.
    pub fn has_more(&self) -> bool {
        self.more
    }

    fn seen(&self, table: &'static Table, batch: RecordBatch) -> Result<RecordBatch, LakeError> {
        match &self.devices {
            Some(devices) => devices.rows(table, batch),
            None => Ok(batch),
        }
    }

    /// Some more rows, without columns that hold nothing in their whole file; none when there are no more.
    pub async fn next(&mut self) -> Result<Option<(&'static Table, RecordBatch)>, LakeError> {
        match self.ahead.take() {
            Some(part) => Ok(Some(part)),
            None => self.read().await,
        }
    }

    /// The next rows, about `rows_max` of them at most, and about as many as take `bytes_max`. None are left out: there
    /// are no more only at the end.
    pub async fn gather(&mut self, rows_max: usize, bytes_max: usize) -> Result<Vec<Part>, LakeError> {
        let (mut parts, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < rows_max
            && bytes < bytes_max
            && let Some((table, batch)) = self.next().await?
        {
            rows += batch.num_rows();
            bytes += memory(&batch);
            parts.push((table, batch));
        }
        self.ahead = self.next().await?;
        self.is_at_end = self.ahead.is_none();
        Ok(parts)
    }

    /// Whether what was gathered last were the last rows.
    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    async fn read(&mut self) -> Result<Option<Part>, LakeError> {
        loop {
            if let Some((table, mut reader)) = self.reading.take() {
                let (batch, reader) = blocking(move || (reader.next().transpose(), reader)).await?;
                if let Some(batch) = batch? {
                    self.reading = Some((table, reader));
                    let batch =
                        self.seen(table, rows_between(&joined_batch(&batch)?, self.after, self.position)?)?;
                    if batch.num_rows() > 0 {
                        return Ok(Some((table, batch)));
                    }
                    continue;
                }
            }
            let Some(file) = self.files.next() else {
                let Some(hot) = self.hot.next() else { return Ok(None) };
                return Ok(Some((hot.table, self.seen(hot.table, hot.batch(None)?)?)));
            };
            let Some(table) = model::tables::find(&file.table) else { continue };
            let files = self.lake.0.files.clone();
            let opened = blocking(move || open_typed(&files, table, &file.path));
            let (opened, metadata) = opened.await??;
            let (mask, _) = filled_columns(table, &metadata);
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(opened, metadata);
            let reader = reader.with_projection(mask).with_batch_size(BATCH_ROWS).build()?;
            self.reading = Some((table, reader));
        }
    }
}

/// About what a batch takes. Columns of hot rows that hold nothing share one array: they count once.
fn memory(batch: &RecordBatch) -> usize {
    let mut seen = HashSet::new();
    let data = |array: &ArrayRef| array.to_data();
    let columns = batch.columns().iter().map(data);
    let parts = columns.flat_map(|data| data.buffers().to_vec());
    parts.filter(|buffer| seen.insert(buffer.as_ptr())).map(|buffer| buffer.len()).sum()
}

/// The rows of a stored batch with a sequence above `position`.
pub fn rows_after(batch: &RecordBatch, position: i64) -> Result<RecordBatch, LakeError> {
    rows_between(batch, position, i64::MAX)
}

/// The rows with a sequence above `after`, up to `until`.
fn rows_between(batch: &RecordBatch, after: i64, until: i64) -> Result<RecordBatch, LakeError> {
    let Some(sequences) = batch.column_by_name(SEQUENCE_COLUMN) else { return Ok(batch.slice(0, 0)) };
    let sequences = sequences.as_primitive::<Int64Type>();
    let is_between =
        |sequence: Option<i64>| sequence.is_some_and(|sequence| after < sequence && sequence <= until);
    if sequences.iter().all(is_between) {
        return Ok(batch.clone());
    }
    Ok(filter_record_batch(batch, &sequences.iter().map(|sequence| Some(is_between(sequence))).collect())?)
}
