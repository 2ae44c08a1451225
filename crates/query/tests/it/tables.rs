//! Fixture rows as the lake stores them.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray,
    TimestampNanosecondArray,
};
use datafusion::arrow::datatypes::{Field, Schema};
use model::{Cell, Kind, Row, Table, Ticks};

pub fn batch(table: &'static Table, rows: &[Row]) -> RecordBatch {
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (at, column) in table.columns.iter().enumerate() {
        let cells = rows.iter().map(|row| &row.cells[at]);
        let long = |cell: &Cell| if let Cell::Long(n) = cell { Some(*n) } else { None };
        let array: ArrayRef = match column.kind {
            Kind::Bool => Arc::new(
                cells.map(|c| if let Cell::Bool(v) = c { Some(*v) } else { None }).collect::<BooleanArray>(),
            ),
            Kind::Int => Arc::new(cells.map(|c| long(c).map(|n| n as i32)).collect::<Int32Array>()),
            Kind::Long | Kind::TimeSpan => Arc::new(cells.map(long).collect::<Int64Array>()),
            Kind::Real | Kind::Decimal => Arc::new(
                cells.map(|c| if let Cell::Real(v) = c { Some(*v) } else { None }).collect::<Float64Array>(),
            ),
            Kind::DateTime => {
                let nanos = cells.map(|c| if let Cell::Time(t) = c { t.unix_nanos() } else { None });
                Arc::new(nanos.collect::<TimestampNanosecondArray>().with_timezone("UTC"))
            }
            Kind::Dynamic => Arc::new(
                cells
                    .map(|c| if let Cell::Text(t) = c { Some(t.as_str()) } else { None })
                    .collect::<StringViewArray>(),
            ),
            Kind::String | Kind::Guid => Arc::new(
                cells
                    .map(|c| Some(if let Cell::Text(t) = c { t.as_str() } else { "" }))
                    .collect::<StringViewArray>(),
            ),
        };
        fields.push(Field::new(column.name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let ingested = Ticks::parse("2024-05-07T11:00:00Z").unwrap().unix_nanos();
    let ingested: ArrayRef =
        Arc::new(rows.iter().map(|_| ingested).collect::<TimestampNanosecondArray>().with_timezone("UTC"));
    fields.push(Field::new("_ingested", ingested.data_type().clone(), true));
    arrays.push(ingested);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
}
