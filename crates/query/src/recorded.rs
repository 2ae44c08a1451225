//! Tables of rows in memory, for trying queries where there is no lake.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
    TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use model::lake::AsOf;
use model::{Cell, Kind, Row, Table, Ticks};

use crate::bind::INGESTED_COLUMN;
use crate::{EmptyTables, QueryError, Tables};

/// Rows in one batch.
const BATCH_ROWS: usize = 8_192;

/// The declared tables with some rows, at any time the same.
#[derive(Clone)]
pub struct MemoryTables {
    filled: HashMap<&'static str, Arc<MemTable>>,
    others: EmptyTables,
}

impl MemoryTables {
    /// Tables of rows that were all accepted at one time.
    pub fn of(rows: &[Row], ingested: Ticks) -> Result<MemoryTables, QueryError> {
        let mut of_table: HashMap<&'static str, (&'static Table, Vec<&Row>)> = HashMap::new();
        for row in rows {
            of_table.entry(row.table.name).or_insert_with(|| (row.table, Vec::new())).1.push(row);
        }
        let mut filled = HashMap::new();
        for (name, (table, rows)) in of_table {
            let batches = rows.chunks(BATCH_ROWS).map(|rows| batch(table, rows, ingested));
            let batches = batches.collect::<Result<Vec<_>, QueryError>>()?;
            let Some(schema) = batches.first().map(RecordBatch::schema) else { continue };
            // Several parts, as files of a lake are.
            let half = batches.len().div_ceil(2);
            let mut parts = vec![batches[..half].to_vec(), batches[half..].to_vec()];
            parts.retain(|part| !part.is_empty());
            filled.insert(name, Arc::new(MemTable::try_new(schema, parts)?));
        }
        Ok(MemoryTables { filled, others: EmptyTables::declared() })
    }
}

impl Tables for MemoryTables {
    fn table(&self, table: &'static Table) -> Arc<dyn TableProvider> {
        match self.filled.get(table.name) {
            Some(rows) => rows.clone(),
            None => self.others.table(table),
        }
    }

    fn is_empty(&self, table: &'static Table) -> bool {
        !self.filled.contains_key(table.name)
    }

    fn as_of(&self, _: AsOf) -> Result<Arc<dyn Tables>, String> {
        Ok(Arc::new(self.clone()))
    }
}

/// Rows as the lake hands them out.
fn batch(table: &'static Table, rows: &[&Row], ingested: Ticks) -> Result<RecordBatch, QueryError> {
    let mut fields = Vec::with_capacity(table.columns.len() + 1);
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(table.columns.len() + 1);
    let mut add = |name: &str, array: ArrayRef| {
        fields.push(Field::new(name, array.data_type().clone(), true));
        arrays.push(array);
    };
    for (at, column) in table.columns.iter().enumerate() {
        add(column.name, array_of(column.kind, rows.iter().map(|row| &row.cells[at])));
    }
    let ingested = rows.iter().map(|_| ingested.unix_nanos());
    add(INGESTED_COLUMN, Arc::new(ingested.collect::<TimestampNanosecondArray>().with_timezone("UTC")));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
    Ok(batch.map_err(datafusion::error::DataFusionError::from)?)
}

fn array_of<'c>(kind: Kind, cells: impl Iterator<Item = &'c Cell>) -> ArrayRef {
    let long = |cell: &Cell| if let Cell::Long(number) = cell { Some(*number) } else { None };
    match kind {
        Kind::Bool => Arc::new(
            cells
                .map(|cell| if let Cell::Bool(v) = cell { Some(*v) } else { None })
                .collect::<BooleanArray>(),
        ),
        Kind::Int => {
            Arc::new(cells.map(|cell| long(cell).and_then(|n| i32::try_from(n).ok())).collect::<Int32Array>())
        }
        Kind::Long | Kind::TimeSpan => Arc::new(cells.map(long).collect::<Int64Array>()),
        // No declared table has decimals.
        Kind::Real | Kind::Decimal => Arc::new(
            cells
                .map(|cell| if let Cell::Real(v) = cell { Some(*v) } else { None })
                .collect::<Float64Array>(),
        ),
        Kind::DateTime => {
            let nanos = cells.map(|cell| if let Cell::Time(t) = cell { t.unix_nanos() } else { None });
            Arc::new(nanos.collect::<TimestampNanosecondArray>().with_timezone("UTC"))
        }
        Kind::Dynamic => {
            let texts = cells.map(|cell| if let Cell::Text(t) = cell { Some(t.as_str()) } else { None });
            Arc::new(texts.collect::<StringViewArray>())
        }
        Kind::String | Kind::Guid => {
            let texts = cells.map(|cell| Some(if let Cell::Text(t) = cell { t.as_str() } else { "" }));
            Arc::new(texts.collect::<StringViewArray>())
        }
    }
}
