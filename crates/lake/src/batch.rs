//! Rows to column batches and back.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Array, Int64Builder, RecordBatch,
    StringBuilder, StringViewArray, TimestampNanosecondArray, TimestampNanosecondBuilder, cast::AsArray,
};
use datafusion::arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampNanosecondType};
use model::{Cell, Kind, Row, Table, Ticks};

use crate::LakeError;
use crate::schema::{INGESTED_COLUMN, SEQUENCE_COLUMN, declared_schema, stored_schema};

/// Sorts rows into one batch for each table they belong to, keeping their order.
pub fn batches_from_rows(rows: &[Row]) -> Result<Vec<(&'static Table, RecordBatch)>, LakeError> {
    let mut by_table: Vec<(&'static Table, Vec<&Row>)> = Vec::new();
    for row in rows {
        match by_table.iter_mut().find(|(table, _)| table.name == row.table.name) {
            Some((_, group)) => group.push(row),
            None => by_table.push((row.table, vec![row])),
        }
    }
    by_table.into_iter().map(|(table, rows)| Ok((table, batch_from_rows(table, &rows)?))).collect()
}

fn batch_from_rows(table: &'static Table, rows: &[&Row]) -> Result<RecordBatch, LakeError> {
    let columns =
        table.columns.iter().enumerate().map(|(at, column)| column_from_cells(column.kind, rows, at));
    Ok(RecordBatch::try_new(declared_schema(table), columns.collect())?)
}

/// A cell whose variant does not fit its column reads as null: [`Row::from_json`] and the adapters only make
/// cells that fit.
fn column_from_cells(kind: Kind, rows: &[&Row], at: usize) -> ArrayRef {
    let cells = rows.iter().map(|row| &row.cells[at]);
    match kind {
        Kind::Bool => {
            let mut builder = BooleanBuilder::with_capacity(rows.len());
            cells.for_each(|cell| {
                builder.append_option(if let Cell::Bool(v) = cell { Some(*v) } else { None })
            });
            Arc::new(builder.finish())
        }
        Kind::Int => {
            let mut builder = Int32Builder::with_capacity(rows.len());
            cells.for_each(|cell| builder.append_option(long(cell).and_then(|n| i32::try_from(n).ok())));
            Arc::new(builder.finish())
        }
        Kind::Long | Kind::TimeSpan => {
            let mut builder = Int64Builder::with_capacity(rows.len());
            cells.for_each(|cell| builder.append_option(long(cell)));
            Arc::new(builder.finish())
        }
        Kind::Real | Kind::Decimal => {
            let mut builder = Float64Builder::with_capacity(rows.len());
            cells.for_each(|cell| {
                builder.append_option(if let Cell::Real(v) = cell { Some(*v) } else { None })
            });
            Arc::new(builder.finish())
        }
        Kind::DateTime => {
            let mut builder = TimestampNanosecondBuilder::with_capacity(rows.len()).with_timezone("UTC");
            cells.for_each(|cell| {
                builder.append_option(if let Cell::Time(time) = cell { time.unix_nanos() } else { None });
            });
            Arc::new(builder.finish())
        }
        // A string is never null: a missing one is empty.
        Kind::String | Kind::Guid => text_column(cells.map(|cell| Some(text(cell).unwrap_or_default()))),
        Kind::Dynamic => text_column(cells.map(text)),
    }
}

/// Text in one buffer of exactly the size it needs: a batch may hold one row, and there are many columns.
fn text_column<'a>(texts: impl Iterator<Item = Option<&'a str>> + Clone) -> ArrayRef {
    let bytes = texts.clone().flatten().map(str::len).sum();
    let mut builder = StringBuilder::with_capacity(texts.clone().count(), bytes);
    texts.for_each(|text| builder.append_option(text));
    Arc::new(StringViewArray::from(&builder.finish()))
}

fn text(cell: &Cell) -> Option<&str> {
    if let Cell::Text(text) = cell { Some(text) } else { None }
}

fn long(cell: &Cell) -> Option<i64> {
    if let Cell::Long(number) = cell { Some(*number) } else { None }
}

/// Adds the lake's own columns: sequences from `first_sequence` on, and the time of acceptance.
pub(crate) fn with_lake_columns(
    table: &'static Table,
    batch: &RecordBatch,
    first_sequence: i64,
    ingested: Ticks,
) -> Result<RecordBatch, LakeError> {
    let rows = batch.num_rows();
    let sequences = Int64Array::from_iter_values((0..rows as i64).map(|row| first_sequence + row));
    let nanos = ingested.unix_nanos().unwrap_or_default();
    let ingested = TimestampNanosecondArray::from_value(nanos, rows).with_timezone("UTC");
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(sequences));
    columns.push(Arc::new(ingested));
    Ok(RecordBatch::try_new(stored_schema(table), columns)?)
}

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
