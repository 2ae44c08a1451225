//! The Arrow schema of a table's rows, as the log, the hot buffer and the Parquet files hold them.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use model::tables::TABLES;
use model::{Kind, Table};

/// The position of a row in its tenant's history: 1, 2, 3... across all tables, in order of acceptance.
pub const SEQUENCE_COLUMN: &str = "_sequence";
/// When the lake accepted the row.
pub const INGESTED_COLUMN: &str = "_ingested";
/// Raised when a change needs old files to be read differently; new columns do not.
pub const SCHEMA_VERSION: i64 = 1;

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

static SCHEMAS: LazyLock<HashMap<&'static str, (SchemaRef, SchemaRef)>> = LazyLock::new(|| {
    let schemas = TABLES.iter().map(|table| {
        let mut fields: Vec<Field> =
            table.columns.iter().map(|c| Field::new(c.name, arrow_type(c.kind), true)).collect();
        let declared = Arc::new(Schema::new(fields.clone()));
        fields.push(Field::new(SEQUENCE_COLUMN, DataType::Int64, true));
        fields.push(Field::new(INGESTED_COLUMN, timestamp_type(), true));
        (table.name, (declared, Arc::new(Schema::new(fields))))
    });
    schemas.collect()
});

/// The declared columns of a table.
pub fn declared_schema(table: &'static Table) -> SchemaRef {
    SCHEMAS[table.name].0.clone()
}

/// The declared columns and, behind them, the lake's own: sequence and time of acceptance.
pub fn stored_schema(table: &'static Table) -> SchemaRef {
    SCHEMAS[table.name].1.clone()
}
