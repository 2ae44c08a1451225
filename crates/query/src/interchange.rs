//! Results as Arrow columns that other programs understand.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, TimestampNanosecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use model::{Kind, Ticks};

/// The key under which a field's metadata tells its kind in the query language.
const KIND: &str = "kql.type";

/// The schema of [`interchange`]: text is LargeUtf8, times are UTC timestamps, timespans durations, both of
/// nanoseconds. `dynamic` is JSON text.
pub fn interchange_schema(columns: &[(String, Kind)]) -> SchemaRef {
    let fields = columns.iter().map(|(name, kind)| {
        let metadata = HashMap::from([(KIND.to_owned(), kind.name().to_owned())]);
        Field::new(name, interchange_type(*kind), true).with_metadata(metadata)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn interchange_type(kind: Kind) -> DataType {
    match kind {
        Kind::Bool => DataType::Boolean,
        Kind::Int => DataType::Int32,
        Kind::Long => DataType::Int64,
        Kind::Real | Kind::Decimal => DataType::Float64,
        Kind::DateTime => DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into())),
        Kind::TimeSpan => DataType::Duration(TimeUnit::Nanosecond),
        Kind::String | Kind::Guid | Kind::Dynamic => DataType::LargeUtf8,
    }
}

/// Rows of a result in that schema. A time before 1677-09-21 or after 2262-04-11 is null, since nanoseconds do
/// not reach there, and so is a timespan of more than 292 years.
pub fn interchange(
    batch: &RecordBatch,
    columns: &[(String, Kind)],
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let converted = columns.iter().zip(batch.columns()).map(|((_, kind), array)| convert(*kind, array));
    RecordBatch::try_new(schema.clone(), converted.collect::<Result<_, _>>()?)
}

fn convert(kind: Kind, array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let ticks = || array.as_primitive_opt::<Int64Type>();
    match (kind, ticks()) {
        (Kind::DateTime, Some(ticks)) => {
            let nanos = ticks.iter().map(|ticks| Ticks(ticks?).unix_nanos());
            Ok(Arc::new(nanos.collect::<TimestampNanosecondArray>().with_timezone("UTC")))
        }
        (Kind::TimeSpan, Some(ticks)) => {
            let nanos = ticks.iter().map(|ticks| ticks?.checked_mul(100)).collect::<Int64Array>();
            cast(&nanos, &interchange_type(kind))
        }
        _ => cast(array, &interchange_type(kind)),
    }
}
