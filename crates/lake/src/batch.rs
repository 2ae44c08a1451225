//! Stored batches back to rows.

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, cast::AsArray};
use datafusion::arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampNanosecondType};
use model::{Cell, Kind, Row, Table, Ticks};

use crate::schema::{INGESTED_COLUMN, SEQUENCE_COLUMN};

/// The rows of a stored batch. Columns that the batch lacks are null; the lake's own columns are left out.
pub fn rows_from_batch(table: &'static Table, batch: &RecordBatch) -> Vec<Row> {
    let mut rows: Vec<Row> = (0..batch.num_rows()).map(|_| Row::new(table)).collect();
    for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if field.name() == SEQUENCE_COLUMN || field.name() == INGESTED_COLUMN {
            continue;
        }
        let Some(at) = table.position(field.name()) else { continue };
        let kind = table.columns[at].kind;
        for (row, out) in rows.iter_mut().enumerate().filter(|(row, _)| array.is_valid(*row)) {
            out.cells[at] = cell_at(kind, array, row);
        }
    }
    rows
}

fn cell_at(kind: Kind, array: &ArrayRef, row: usize) -> Cell {
    match kind {
        Kind::Bool => Cell::Bool(array.as_boolean().value(row)),
        Kind::Int => Cell::Long(array.as_primitive::<Int32Type>().value(row).into()),
        Kind::Long | Kind::TimeSpan => Cell::Long(array.as_primitive::<Int64Type>().value(row)),
        Kind::Real | Kind::Decimal => Cell::Real(array.as_primitive::<Float64Type>().value(row)),
        Kind::DateTime => {
            Cell::Time(Ticks::from_unix_nanos(array.as_primitive::<TimestampNanosecondType>().value(row)))
        }
        Kind::String | Kind::Guid | Kind::Dynamic => match array.as_string_view().value(row) {
            "" => Cell::Null,
            text => Cell::Text(text.to_owned()),
        },
    }
}
