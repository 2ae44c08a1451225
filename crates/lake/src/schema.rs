//! The Arrow schema of a table's rows, as the log and the hot buffer hold them, and as the Parquet files do.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use model::tables::TABLES;
use model::{Kind, Table};

use crate::times::{TICK_TYPE, micros_type, tick_column};

/// The position of a row in its tenant's history: 1, 2, 3... across all tables, in order of acceptance.
pub const SEQUENCE_COLUMN: &str = "_sequence";
/// When the lake accepted the row.
pub const INGESTED_COLUMN: &str = "_ingested";
/// Raised when a change needs old files to be read differently; new columns do not.
/// 2: times of microseconds, with the rest in columns of their own.
pub const SCHEMA_VERSION: i64 = 2;

/// The Arrow type of a kind. A `string`, `guid` or `dynamic` is text; a `datetime` is UTC nanoseconds, which
/// other engines read as a timestamp; a `timespan` is ticks of 100 ns.
pub fn arrow_type(kind: Kind) -> DataType {
    match kind {
        Kind::Bool => DataType::Boolean,
        Kind::Int => DataType::Int32,
        Kind::Long | Kind::TimeSpan => DataType::Int64,
        Kind::Real | Kind::Decimal => DataType::Float64,
        Kind::DateTime => timestamp_type(),
        Kind::Guid | Kind::String | Kind::Dynamic => DataType::Utf8View,
    }
}

pub(crate) fn timestamp_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
}

struct Schemas {
    declared: SchemaRef,
    stored: SchemaRef,
    file: SchemaRef,
}

static SCHEMAS: LazyLock<HashMap<&'static str, Schemas>> = LazyLock::new(|| {
    let schemas = TABLES.iter().map(|table| {
        let mut fields: Vec<Field> =
            table.columns.iter().map(|c| Field::new(c.name, arrow_type(c.kind), true)).collect();
        let declared = Arc::new(Schema::new(fields.clone()));
        fields.push(Field::new(SEQUENCE_COLUMN, DataType::Int64, true));
        fields.push(Field::new(INGESTED_COLUMN, timestamp_type(), true));
        let file = Arc::new(Schema::new(file_fields(&fields)));
        (table.name, Schemas { declared, stored: Arc::new(Schema::new(fields)), file })
    });
    schemas.collect()
});

/// The declared columns of a table.
pub fn declared_schema(table: &'static Table) -> SchemaRef {
    SCHEMAS[table.name].declared.clone()
}

/// The declared columns and, behind them, the lake's own: sequence and time of acceptance.
pub fn stored_schema(table: &'static Table) -> SchemaRef {
    SCHEMAS[table.name].stored.clone()
}

/// The stored columns at the positions they have in memory, with times of microseconds, and behind them the digits
/// of 100 ns of each declared time.
pub(crate) fn file_schema(table: &'static Table) -> SchemaRef {
    SCHEMAS[table.name].file.clone()
}

fn file_fields(stored: &[Field]) -> Vec<Field> {
    let is_time = |field: &&Field| *field.data_type() == timestamp_type();
    let columns = stored.iter().map(|field| match is_time(&field) {
        true => Field::new(field.name(), micros_type(), true),
        false => field.clone(),
    });
    // The lake accepts rows at whole microseconds.
    let times = stored.iter().filter(is_time).filter(|field| field.name() != INGESTED_COLUMN);
    columns.chain(times.map(|field| Field::new(tick_column(field.name()), TICK_TYPE, true))).collect()
}
