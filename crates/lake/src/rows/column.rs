//! One column that grows row by row.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float64Builder, Int32Builder, Int64Builder, StringBuilder,
    TimestampNanosecondBuilder,
};
use model::{Cell, Kind, Ticks};

/// The values of a column so far. Rows that have none are filled in when the next value comes.
#[derive(Debug)]
pub(super) enum ColumnBuilder {
    Bool(BooleanBuilder),
    Int(Int32Builder),
    Long(Int64Builder),
    Real(Float64Builder),
    Time(TimestampNanosecondBuilder),
    /// Missing values are empty text.
    Text(StringBuilder),
    /// Missing values are null.
    Dynamic(StringBuilder),
}

impl ColumnBuilder {
    pub fn new(kind: Kind) -> ColumnBuilder {
        match kind {
            Kind::Bool => ColumnBuilder::Bool(BooleanBuilder::new()),
            Kind::Int => ColumnBuilder::Int(Int32Builder::new()),
            Kind::Long | Kind::TimeSpan => ColumnBuilder::Long(Int64Builder::new()),
            Kind::Real | Kind::Decimal => ColumnBuilder::Real(Float64Builder::new()),
            Kind::DateTime => ColumnBuilder::Time(TimestampNanosecondBuilder::new().with_timezone("UTC")),
            Kind::String | Kind::Guid => ColumnBuilder::Text(StringBuilder::with_capacity(0, 0)),
            Kind::Dynamic => ColumnBuilder::Dynamic(StringBuilder::with_capacity(0, 0)),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            ColumnBuilder::Bool(builder) => builder.len(),
            ColumnBuilder::Int(builder) => builder.len(),
            ColumnBuilder::Long(builder) => builder.len(),
            ColumnBuilder::Real(builder) => builder.len(),
            ColumnBuilder::Time(builder) => builder.len(),
            ColumnBuilder::Text(builder) | ColumnBuilder::Dynamic(builder) => builder.len(),
        }
    }

    /// Makes room for so many rows, whose texts are as long as those of the `of` rows so far.
    pub fn reserve(&mut self, rows: usize, of: usize) {
        if let ColumnBuilder::Text(builder) | ColumnBuilder::Dynamic(builder) = self {
            let text_bytes = builder.values_slice().len() * rows / of;
            let mut larger = StringBuilder::with_capacity(rows, text_bytes + text_bytes / 16);
            // Appending to a builder of the same kind fails only where its offsets would overflow.
            if larger.append_array(&builder.finish_cloned()).is_ok() {
                *builder = larger;
            }
        }
    }

    /// Adds rows without a value until there are `len`.
    pub fn fill_to(&mut self, len: usize) {
        let missing = len.saturating_sub(self.len());
        if missing == 0 {
            return;
        }
        match self {
            ColumnBuilder::Bool(builder) => builder.append_nulls(missing),
            ColumnBuilder::Int(builder) => builder.append_nulls(missing),
            ColumnBuilder::Long(builder) => builder.append_nulls(missing),
            ColumnBuilder::Real(builder) => builder.append_nulls(missing),
            ColumnBuilder::Time(builder) => builder.append_nulls(missing),
            ColumnBuilder::Text(builder) => builder.append_value_n("", missing),
            ColumnBuilder::Dynamic(builder) => builder.append_nulls(missing),
        }
    }

    pub fn push_cell(&mut self, cell: &Cell) {
        match (self, cell) {
            (ColumnBuilder::Bool(builder), Cell::Bool(value)) => builder.append_value(*value),
            (ColumnBuilder::Int(builder), Cell::Long(number)) => {
                builder.append_option(i32::try_from(*number).ok())
            }
            (ColumnBuilder::Long(builder), Cell::Long(number)) => builder.append_value(*number),
            (ColumnBuilder::Real(builder), Cell::Real(number)) => builder.append_value(*number),
            (ColumnBuilder::Time(builder), Cell::Time(time)) => builder.append_option(time.unix_nanos()),
            (ColumnBuilder::Text(builder) | ColumnBuilder::Dynamic(builder), Cell::Text(text)) => {
                builder.append_value(text)
            }
            (column, _) => column.fill_to(column.len() + 1),
        }
    }

    /// Adds text to a column of text.
    pub fn push_text(&mut self, text: &str) {
        match self {
            ColumnBuilder::Text(builder) | ColumnBuilder::Dynamic(builder) => builder.append_value(text),
            column => column.fill_to(column.len() + 1),
        }
    }

    /// Adds a whole number to a column of numbers.
    pub fn push_long(&mut self, number: i64) {
        self.push_cell(&Cell::Long(number));
    }

    pub fn push_time(&mut self, time: Ticks) {
        self.push_cell(&Cell::Time(time));
    }

    pub fn push_bool(&mut self, value: bool) {
        self.push_cell(&Cell::Bool(value));
    }

    pub fn finish(self) -> ArrayRef {
        match self {
            ColumnBuilder::Bool(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Int(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Long(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Real(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Time(mut builder) => Arc::new(builder.finish()),
            ColumnBuilder::Text(mut builder) | ColumnBuilder::Dynamic(mut builder) => {
                Arc::new(builder.finish())
            }
        }
    }
}
