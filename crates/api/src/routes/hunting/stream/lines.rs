//! One JSON object a line: rows, and between them notes, which have one member whose name begins with
//! [`PREFIX`].

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::error::ArrowError;
use query::RowWriter;
use serde_json::{Value, json};

use super::super::answer::schema;
use super::{Head, Writer};

pub(super) const PREFIX: &str = "@bartizan.";

#[derive(Default)]
pub(super) struct Lines {
    rows: Option<RowWriter>,
    written: Vec<u8>,
}

impl Writer for Lines {
    fn begin(&mut self, head: &Head) -> Result<(), ArrowError> {
        self.rows = Some(RowWriter::new(&head.columns));
        let mut note = json!({ "Schema": schema(&head.columns) });
        if let (Some(note), Some(more)) = (note.as_object_mut(), head.note.as_object()) {
            note.extend(more.clone());
        }
        self.note("schema", &note)
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let Some(rows) = &self.rows else { return Ok(()) };
        for row in 0..batch.num_rows() {
            rows.write(batch, row, &mut self.written);
            self.written.push(b'\n');
        }
        Ok(())
    }

    fn note(&mut self, kind: &str, note: &Value) -> Result<(), ArrowError> {
        self.written.extend_from_slice(format!("{{\"{PREFIX}{kind}\":{note}}}\n").as_bytes());
        Ok(())
    }

    fn end(&mut self) -> Result<(), ArrowError> {
        Ok(())
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.written)
    }
}
