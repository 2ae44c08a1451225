//! Reading every row there is, file by file: for work that minds neither their order nor where they lie.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use model::Table;
use model::lake::DataFile;

use crate::compact::open_typed;
use crate::state::HotBatch;
use crate::{Lake, LakeError, TenantLake, blocking};

/// Rows of a file that are decoded at a time.
const BATCH_ROWS: usize = 8_192;

/// One tenant's rows as they were at one moment.
pub struct Scan {
    lake: Lake,
    files: std::vec::IntoIter<Arc<DataFile>>,
    reading: Option<(&'static Table, ParquetRecordBatchReader)>,
    hot: std::vec::IntoIter<Arc<HotBatch>>,
    position: i64,
}

impl TenantLake {
    /// Every row as of now. Each comes once, in no order that means anything.
    pub fn scan(&self) -> Scan {
        let state = self.lake.0.state.snapshot(self.tenant);
        let files: Vec<_> = state.files.values().flat_map(|files| files.listed.iter().cloned()).collect();
        let hot: Vec<_> = state.hot.iter().cloned().collect();
        Scan {
            lake: self.lake.clone(),
            files: files.into_iter(),
            reading: None,
            hot: hot.into_iter(),
            position: state.last_sequence,
        }
    }
}

impl Scan {
    /// The sequence up to which rows are in the scan.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Some more rows; none when there are no more.
    pub async fn next(&mut self) -> Result<Option<(&'static Table, RecordBatch)>, LakeError> {
        loop {
            if let Some((table, mut reader)) = self.reading.take() {
                let (batch, reader) = blocking(move || (reader.next().transpose(), reader)).await?;
                if let Some(batch) = batch? {
                    self.reading = Some((table, reader));
                    return Ok(Some((table, batch)));
                }
            }
            let Some(file) = self.files.next() else {
                return Ok(self.hot.next().map(|hot| (hot.table, hot.batch.clone())));
            };
            let Some(table) = model::tables::find(&file.table) else { continue };
            let files = self.lake.0.files.clone();
            let opened = blocking(move || open_typed(&files, table, &file.path));
            let (opened, metadata) = opened.await??;
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(opened, metadata);
            let reader = reader.with_batch_size(BATCH_ROWS).build()?;
            self.reading = Some((table, reader));
        }
    }
}
