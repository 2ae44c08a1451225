//! Reading rows file by file, a part at a time: for work that minds neither their order nor where they lie.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, cast::AsArray};
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

/// Some of one tenant's rows, as they were at one moment.
pub struct Scan {
    lake: Lake,
    files: std::vec::IntoIter<Arc<DataFile>>,
    reading: Option<(&'static Table, ParquetRecordBatchReader)>,
    hot: std::vec::IntoIter<Arc<HotBatch>>,
    /// Rows up to this sequence are left out.
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
        Scan { lake, files, reading: None, hot, after, position, more, devices }
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
        loop {
            if let Some((table, mut reader)) = self.reading.take() {
                let (batch, reader) = blocking(move || (reader.next().transpose(), reader)).await?;
                if let Some(batch) = batch? {
                    self.reading = Some((table, reader));
                    let batch = self.seen(table, rows_after(&joined_batch(&batch)?, self.after)?)?;
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

/// The rows of a stored batch with a sequence above `position`.
pub fn rows_after(batch: &RecordBatch, position: i64) -> Result<RecordBatch, LakeError> {
    let Some(sequences) = batch.column_by_name(SEQUENCE_COLUMN) else { return Ok(batch.slice(0, 0)) };
    let sequences = sequences.as_primitive::<Int64Type>();
    let is_above = |sequence: Option<i64>| sequence.is_some_and(|sequence| sequence > position);
    if sequences.iter().all(is_above) {
        return Ok(batch.clone());
    }
    Ok(filter_record_batch(batch, &sequences.iter().map(|sequence| Some(is_above(sequence))).collect())?)
}
