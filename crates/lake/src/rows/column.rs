//! One column that grows row by row.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, BooleanBufferBuilder, NullBufferBuilder, PrimitiveArray,
    StringArray,
};
use datafusion::arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampNanosecondType};
use model::{Cell, Kind, Ticks};

use crate::LakeError;

/// The values of a column so far. Rows that have none are filled in when the next value comes.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    values: Values,
    nulls: NullBufferBuilder,
    /// Whether a missing value is empty text; otherwise it is null.
    is_never_null: bool,
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBufferBuilder),
    Int(Vec<i32>),
    Long(Vec<i64>),
    Real(Vec<f64>),
    /// In nanoseconds since 1970.
    Time(Vec<i64>),
    Text(Texts),
}

/// Texts, one behind the other.
#[derive(Debug)]
struct Texts {
    bytes: Vec<u8>,
    /// Where the first one begins and where each one ends.
    ends: Vec<i32>,
}

impl ColumnBuilder {
    pub fn new(kind: Kind) -> ColumnBuilder {
        let values = match kind {
            Kind::Bool => Values::Bool(BooleanBufferBuilder::new(0)),
            Kind::Int => Values::Int(Vec::new()),
            Kind::Long | Kind::TimeSpan => Values::Long(Vec::new()),
            Kind::Real | Kind::Decimal => Values::Real(Vec::new()),
            Kind::DateTime => Values::Time(Vec::new()),
            Kind::String | Kind::Guid | Kind::Dynamic => {
                Values::Text(Texts { bytes: Vec::new(), ends: vec![0] })
            }
        };
        ColumnBuilder { values, nulls: NullBufferBuilder::new(0), is_never_null: kind.is_never_null() }
    }

    pub fn len(&self) -> usize {
        self.nulls.len()
    }

    /// Makes room for so many rows, whose texts are as long as those of the `of` rows so far.
    pub fn reserve(&mut self, rows: usize, of: usize) {
        match &mut self.values {
            Values::Bool(_) => {}
            Values::Int(values) => values.reserve(rows),
            Values::Long(values) | Values::Time(values) => values.reserve(rows),
            Values::Real(values) => values.reserve(rows),
            Values::Text(texts) => {
                let text_bytes = texts.bytes.len() * rows / of;
                texts.bytes.reserve(text_bytes + text_bytes / 8);
                texts.ends.reserve(rows);
            }
        }
    }

    /// Adds rows without a value until there are `len`.
    pub fn fill_to(&mut self, len: usize) {
        let missing = len.saturating_sub(self.len());
        if missing == 0 {
            return;
        }
        match &mut self.values {
            Values::Bool(values) => values.append_n(missing, false),
            Values::Int(values) => values.resize(len, 0),
            Values::Long(values) | Values::Time(values) => values.resize(len, 0),
            Values::Real(values) => values.resize(len, 0.0),
            Values::Text(texts) => texts.ends.resize(len + 1, texts.bytes.len() as i32),
        }
        match self.is_never_null {
            true => self.nulls.append_n_non_nulls(missing),
            false => self.nulls.append_n_nulls(missing),
        }
    }

    /// Takes rows back until there are `len` at most, and a text that was begun.
    pub fn truncate(&mut self, len: usize) {
        let len = len.min(self.len());
        match &mut self.values {
            Values::Bool(values) => values.truncate(len),
            Values::Int(values) => values.truncate(len),
            Values::Long(values) | Values::Time(values) => values.truncate(len),
            Values::Real(values) => values.truncate(len),
            Values::Text(texts) => {
                texts.ends.truncate(len + 1);
                texts.bytes.truncate(texts.ends.last().map_or(0, |end| *end as usize));
            }
        }
        self.nulls.truncate(len);
    }

    pub fn push_cell(&mut self, cell: &Cell) {
        match cell {
            Cell::Bool(value) => self.push_bool(*value),
            Cell::Long(number) => self.push_long(*number),
            Cell::Time(time) => self.push_time(*time),
            Cell::Text(text) => self.push_text(text.as_bytes()),
            Cell::Real(number) => match &mut self.values {
                Values::Real(values) => {
                    values.push(*number);
                    self.nulls.append_non_null();
                }
                _ => self.push_nothing(),
            },
            Cell::Null => self.push_nothing(),
        }
    }

    fn push_nothing(&mut self) {
        self.fill_to(self.len() + 1);
    }

    /// Adds text, which has to be UTF-8, to a column of text.
    pub fn push_text(&mut self, text: &[u8]) {
        match self.text_begun() {
            Some(begun) => {
                begun.extend_from_slice(text);
                self.end_text();
            }
            None => self.push_nothing(),
        }
    }

    /// Where the next text of a column of text is written to, before [`ColumnBuilder::end_text`].
    pub fn text_begun(&mut self) -> Option<&mut Vec<u8>> {
        match &mut self.values {
            Values::Text(texts) => Some(&mut texts.bytes),
            _ => None,
        }
    }

    pub fn end_text(&mut self) {
        if let Values::Text(texts) = &mut self.values {
            // Larger ones are refused in the end.
            texts.ends.push(texts.bytes.len() as i32);
            self.nulls.append_non_null();
        }
    }

    /// Adds a whole number to a column of numbers.
    pub fn push_long(&mut self, number: i64) {
        match (&mut self.values, i32::try_from(number)) {
            (Values::Long(values), _) => values.push(number),
            (Values::Int(values), Ok(number)) => values.push(number),
            _ => return self.push_nothing(),
        }
        self.nulls.append_non_null();
    }

    pub fn push_time(&mut self, time: Ticks) {
        match (&mut self.values, time.unix_nanos()) {
            (Values::Time(values), Some(nanos)) => values.push(nanos),
            _ => return self.push_nothing(),
        }
        self.nulls.append_non_null();
    }

    pub fn push_bool(&mut self, value: bool) {
        match &mut self.values {
            Values::Bool(values) => values.append(value),
            _ => return self.push_nothing(),
        }
        self.nulls.append_non_null();
    }

    pub fn finish(mut self) -> Result<ArrayRef, LakeError> {
        let nulls = self.nulls.finish();
        Ok(match self.values {
            Values::Bool(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int(values) => primitive::<Int32Type>(values, nulls),
            Values::Long(values) => primitive::<Int64Type>(values, nulls),
            Values::Real(values) => primitive::<Float64Type>(values, nulls),
            Values::Time(values) => {
                let times = PrimitiveArray::<TimestampNanosecondType>::new(values.into(), nulls);
                Arc::new(times.with_timezone("UTC"))
            }
            Values::Text(Texts { bytes, ends }) => {
                if i32::try_from(bytes.len()).is_err() {
                    return Err(LakeError::TooLarge { max: i32::MAX as usize });
                }
                let ends = OffsetBuffer::new(ends.into());
                Arc::new(StringArray::try_new(ends, Buffer::from_vec(bytes), nulls)?)
            }
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(values: Vec<T::Native>, nulls: Option<NullBuffer>) -> ArrayRef {
    Arc::new(PrimitiveArray::<T>::new(values.into(), nulls))
}
