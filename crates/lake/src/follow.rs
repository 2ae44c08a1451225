//! Reading the lake by sequence: how profiles, detections and exports see every row.

use datafusion::arrow::array::{RecordBatch, cast::AsArray};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use model::Table;

use crate::compact::open_typed;
use crate::files::Files;
use crate::schema::SEQUENCE_COLUMN;
use crate::{LakeError, TenantLake, blocking};

/// Rows behind a position.
#[derive(Debug, Default)]
pub struct Followed {
    /// In order of acceptance within the hot rows; rows that are in files already come sorted as the files are.
    pub batches: Vec<(&'static Table, RecordBatch)>,
    /// The position after these rows: every row up to it was handed out.
    pub position: i64,
    /// Whether there is more behind the position now.
    pub more: bool,
}

impl TenantLake {
    /// The rows with a sequence above `position`, about `rows_max` of them at most from the hot buffer. Rows that were flushed
    /// before the follower read them come from their files, all of a flush at once.
    pub async fn read_after(&self, position: i64, rows_max: usize) -> Result<Followed, LakeError> {
        let state = self.lake.0.state.snapshot(self.tenant);
        if position < state.flushed_sequence {
            return self.read_files_after(position, &state).await;
        }
        let mut followed = Followed { batches: Vec::new(), position, more: false };
        let mut rows = 0;
        // Batches of one append share its place; they are handed out together.
        for hot in state.hot.iter().filter(|hot| hot.first_sequence > position) {
            if rows >= rows_max {
                followed.more = true;
                break;
            }
            rows += hot.batch.num_rows();
            followed.position = followed.position.max(hot.last_sequence);
            followed.batches.push((hot.table, hot.batch.clone()));
        }
        Ok(followed)
    }

    async fn read_files_after(
        &self,
        position: i64,
        state: &crate::state::TenantState,
    ) -> Result<Followed, LakeError> {
        let behind: Vec<_> = state.files.values().flat_map(|files| files.listed.iter().cloned()).collect();
        // The files of the earliest flush behind the position: those that reach no further than its end.
        let mut files: Vec<_> = behind.into_iter().filter(|file| file.last_sequence > position).collect();
        files.sort_by_key(|file| file.first_sequence);
        let mut end = files.first().map_or(state.flushed_sequence, |file| file.last_sequence);
        let mut taken = Vec::new();
        for file in files {
            // Sequences of one flush interleave across its files; those of different flushes never do.
            if file.first_sequence > end && !taken.is_empty() {
                break;
            }
            end = end.max(file.last_sequence);
            taken.push(file);
        }
        let mut batches = Vec::new();
        for file in taken {
            let Some(table) = model::tables::find(&file.table) else { continue };
            let files = self.lake.0.files.clone();
            let read = blocking(move || read_above(&files, table, &file.path, position)).await??;
            batches.extend(read.into_iter().map(|batch| (table, batch)));
        }
        Ok(Followed { batches, position: end, more: true })
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

fn read_above(
    files: &Files,
    table: &'static Table,
    path: &str,
    position: i64,
) -> Result<Vec<RecordBatch>, LakeError> {
    let (opened, metadata) = open_typed(files, table, path)?;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(opened, metadata).build()?;
    let mut batches = Vec::new();
    for batch in reader {
        let batch = rows_after(&batch?, position)?;
        if batch.num_rows() > 0 {
            batches.push(batch);
        }
    }
    Ok(batches)
}
