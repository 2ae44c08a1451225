//! Rows that are in the log and not yet in a file.

use std::sync::{Arc, Mutex, OnceLock};

use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, TimestampNanosecondArray,
};
use model::{Table, Ticks};

use crate::LakeError;
use crate::log::lock;
use crate::rows::{Absent, Rows};
use crate::schema::stored_schema;

/// Rows of one table that were accepted by one call. Most batches are written to a file before anyone reads them, and
/// readers ask for few columns: what they see of a column is made when the first one asks for it.
#[derive(Debug)]
pub(crate) struct HotBatch {
    pub table: &'static Table,
    pub rows: Rows,
    pub first_sequence: i64,
    pub last_sequence: i64,
    pub ingested: Ticks,
    /// The log segment that holds it.
    pub segment: u64,
    /// The memory it takes, or will when all of it was asked for.
    pub bytes: usize,
    seen: Vec<OnceLock<ArrayRef>>,
    absent: Mutex<Absent>,
}

/// Of a row, for the lake's own columns.
const OWN_BYTES: usize = 16;

impl HotBatch {
    pub fn new(rows: Rows, first_sequence: i64, ingested: Ticks, segment: u64) -> HotBatch {
        let (table, len) = (rows.table(), rows.len());
        HotBatch {
            table,
            first_sequence,
            last_sequence: first_sequence + len as i64 - 1,
            ingested,
            segment,
            bytes: rows.memory() + OWN_BYTES * len,
            seen: stored_schema(table).fields().iter().map(|_| OnceLock::new()).collect(),
            absent: Mutex::new(Absent::new(len)),
            rows,
        }
    }

    /// A column of the stored schema.
    pub fn column(&self, at: usize) -> ArrayRef {
        if let Some(seen) = self.seen[at].get() {
            return seen.clone();
        }
        let declared = self.table.columns.get(at);
        let made: ArrayRef = match declared {
            Some(column) => match self.rows.seen_column(at) {
                Some(array) => array,
                None => {
                    let schema = stored_schema(self.table);
                    return lock(&self.absent).column(Some(column.kind), schema.field(at).data_type());
                }
            },
            None if at == self.table.columns.len() => {
                Arc::new(Int64Array::from_iter_values(self.first_sequence..=self.last_sequence))
            }
            None => {
                // Files hold it to the microsecond.
                let nanos = self.ingested.unix_nanos().unwrap_or_default().div_euclid(1_000) * 1_000;
                let ingested = TimestampNanosecondArray::from_value(nanos, self.rows.len());
                Arc::new(ingested.with_timezone("UTC"))
            }
        };
        self.seen[at].get_or_init(|| made).clone()
    }

    /// Columns of the stored schema; all of them without a projection.
    pub fn batch(&self, projection: Option<&[usize]>) -> Result<RecordBatch, LakeError> {
        let mut schema = stored_schema(self.table);
        let columns = match projection {
            None => (0..schema.fields().len()).map(|at| self.column(at)).collect(),
            Some(projection) => {
                schema = Arc::new(schema.project(projection)?);
                projection.iter().map(|at| self.column(*at)).collect()
            }
        };
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
    }
}
