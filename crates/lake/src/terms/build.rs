//! Building the index of a file from its rows.

use bytes::Bytes;
use datafusion::arrow::array::{Array, RecordBatch, cast::AsArray};
use datafusion::arrow::datatypes::DataType;
use model::{Kind, Table};

use super::collect::Collector;
use crate::LakeError;

/// Columns whose whole values are in the index beside their terms, by the ends of their names: those that are
/// looked up by a value which has no term, or several.
const LOOKED_UP: &[&str] = &[
    "AccountName",
    "AccountObjectId",
    "AccountSid",
    "AccountUpn",
    "DeviceId",
    "DeviceName",
    "FileName",
    "IP",
    "IPAddress",
    "MD5",
    "SHA1",
    "SHA256",
];

/// Whether whole values of a column are in the index.
pub(super) fn is_looked_up(column: &str) -> bool {
    LOOKED_UP.iter().any(|end| column.ends_with(end))
}

/// Whether the terms of a column are in the index: of all text, JSON included as it is spelled.
pub(super) fn is_indexed(kind: Kind) -> bool {
    matches!(kind, Kind::String | Kind::Guid | Kind::Dynamic)
}

/// Takes a file's rows, block by block in the file's order, and makes its index.
pub struct TermIndexBuilder {
    rows_per_block: u32,
    collector: Collector,
    /// A block with fewer rows has to be the last.
    is_ended: bool,
}

impl TermIndexBuilder {
    pub fn new(rows_per_block: u32) -> TermIndexBuilder {
        TermIndexBuilder { rows_per_block, collector: Collector::new(rows_per_block), is_ended: false }
    }

    /// Adds a block, of `rows_per_block` rows or, as the last one, fewer. The batch has the columns of the table
    /// as they are stored; those that it lacks hold nothing.
    pub fn add_block(&mut self, table: &'static Table, block: &RecordBatch) -> Result<(), LakeError> {
        let rows = block.num_rows();
        if self.is_ended || rows == 0 || rows > self.rows_per_block as usize || self.collector.is_full() {
            let reason = format!(
                "a block of {rows} rows does not fit: each but the last has {}, and there are not too many",
                self.rows_per_block
            );
            return Err(LakeError::TermIndex { path: table.name.to_owned(), reason });
        }
        self.is_ended = rows < self.rows_per_block as usize;
        for column in table.columns.iter().filter(|column| is_indexed(column.kind)) {
            if let Some(values) = block.column_by_name(column.name) {
                self.take_column(values, is_looked_up(column.name))?;
            }
        }
        self.collector.end_block(rows);
        Ok(())
    }

    fn take_column(&mut self, values: &dyn Array, whole: bool) -> Result<(), LakeError> {
        match values.data_type() {
            DataType::Utf8View => {
                self.collector.take_values(values.as_string_view().iter().flatten(), whole);
            }
            DataType::Utf8 => {
                self.collector.take_values(values.as_string::<i32>().iter().flatten(), whole);
            }
            other => {
                let reason = format!("text is expected, not {other}");
                return Err(LakeError::TermIndex { path: "a block".to_owned(), reason });
            }
        }
        Ok(())
    }

    /// The index's bytes. Work for a thread that may block.
    pub fn finish(self) -> Bytes {
        self.collector.finish()
    }
}
