//! Rows of one table as columns, on their way into the lake.

mod arrow_stream;
mod column;
mod json;
mod ndjson;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, StringArray, StringViewArray, cast::AsArray, new_null_array,
};
use datafusion::arrow::compute::{concat, filter};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use model::{Kind, Row, Table};

pub use self::arrow_stream::{StreamError, rows_of_stream};
use self::column::ColumnBuilder;
pub use self::ndjson::{LineError, RowsReader};
use crate::LakeError;
use crate::schema::arrow_type;

/// Rows of one table as columns. Columns that hold nothing are left out: most rows fill a few of many.
#[derive(Clone, Debug)]
pub struct Rows {
    table: &'static Table,
    len: usize,
    /// One for each column of the table, in its order. Text is `Utf8` here.
    columns: Vec<Option<ArrayRef>>,
}

/// The texts of one column; empty where there is none.
#[derive(Clone, Copy)]
pub struct Texts<'a>(Option<&'a StringArray>);

impl<'a> Texts<'a> {
    pub fn get(self, row: usize) -> &'a str {
        self.0.filter(|texts| texts.is_valid(row)).map_or("", |texts| texts.value(row))
    }
}

impl Rows {
    /// Rows of several tables, one part for each, in the order in which the tables come up.
    pub fn of(rows: &[Row]) -> Result<Vec<Rows>, LakeError> {
        let mut builders: Vec<RowsBuilder> = Vec::new();
        for row in rows {
            match builders.iter_mut().find(|builder| builder.table == row.table) {
                Some(builder) => builder.push(row),
                None => {
                    let mut builder = RowsBuilder::new(row.table);
                    builder.push(row);
                    builders.push(builder);
                }
            }
        }
        builders.into_iter().map(RowsBuilder::finish).collect()
    }

    pub fn table(&self) -> &'static Table {
        self.table
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The texts of a column; all empty when the table has no such column of text.
    pub fn texts(&self, column: &str) -> Texts<'_> {
        let array = self.table.position(column).and_then(|at| self.columns[at].as_ref());
        Texts(array.and_then(|array| array.as_string_opt::<i32>()))
    }

    /// The same rows with other texts in a column, one for each row.
    pub fn with_texts(mut self, column: &str, texts: StringArray) -> Result<Rows, LakeError> {
        let at = self.table.position(column).filter(|at| self.table.columns[*at].kind.is_text());
        let Some(at) = at.filter(|_| texts.len() == self.len) else {
            return Err(LakeError::Rows(format!("{column} cannot take {} texts", texts.len())));
        };
        self.columns[at] = Some(Arc::new(texts));
        Ok(self)
    }

    /// The rows for which `keep` is true.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Rows, LakeError> {
        let columns = self.columns.iter().map(|column| column.as_ref().map(|array| filter(array, keep)));
        let columns = columns.map(Option::transpose).collect::<Result<_, _>>()?;
        Ok(Rows { table: self.table, len: keep.true_count(), columns })
    }

    /// Rows of a batch that has some of the table's columns, under their names and with text in any of its
    /// forms. Columns that the table does not have are an error.
    pub(crate) fn from_batch(table: &'static Table, batch: &RecordBatch) -> Result<Rows, LakeError> {
        let mut columns = vec![None; table.columns.len()];
        for (field, array) in batch.schema_ref().fields().iter().zip(batch.columns()) {
            let at = table.position(field.name());
            let at = at.ok_or_else(|| {
                LakeError::Rows(format!("'{}' is not a column of {}", field.name(), table.name))
            })?;
            columns[at] = Some(datafusion::arrow::compute::cast(array, &row_type(table.columns[at].kind))?);
        }
        Ok(Rows { table, len: batch.num_rows(), columns })
    }

    /// The memory that the rows keep: whole pieces, of which columns may use a part.
    fn kept(&self) -> usize {
        let mut pieces = HashMap::new();
        for data in self.columns.iter().flatten().map(|array| array.to_data()) {
            let nulls = data.nulls().map(|nulls| nulls.buffer());
            for buffer in data.buffers().iter().chain(nulls) {
                pieces.insert(buffer.data_ptr(), buffer.capacity());
            }
        }
        pieces.values().sum()
    }

    /// The same rows, in memory of their own where they keep more than twice as much as they count for.
    fn compacted(mut self) -> Result<Rows, LakeError> {
        if self.kept() > 2 * self.memory() + SPARE_BYTES {
            let half = self.len / 2;
            for column in self.columns.iter_mut().flatten() {
                *column = concat(&[&column.slice(0, half), &column.slice(half, self.len - half)])?;
            }
        }
        Ok(self)
    }

    /// The columns that hold something, for the log.
    pub(crate) fn to_batch(&self) -> Result<RecordBatch, LakeError> {
        let mut fields = Vec::new();
        let mut arrays = Vec::new();
        for (column, array) in self.table.columns.iter().zip(&self.columns) {
            if let Some(array) = array {
                fields.push(Field::new(column.name, array.data_type().clone(), true));
                arrays.push(array.clone());
            }
        }
        let options = datafusion::arrow::array::RecordBatchOptions::new().with_row_count(Some(self.len));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
    }

    /// The columns of the table; none for one that holds nothing.
    pub(crate) fn columns(&self) -> &[Option<ArrayRef>] {
        &self.columns
    }

    /// A column as readers see it; none for one that holds nothing.
    pub(crate) fn seen_column(&self, at: usize) -> Option<ArrayRef> {
        let array = self.columns[at].as_ref()?;
        Some(match array.as_string_opt::<i32>() {
            Some(texts) if self.table.columns[at].kind.is_never_null() && texts.null_count() > 0 => {
                let texts = texts.iter().map(|text| Some(text.unwrap_or_default()));
                Arc::new(texts.collect::<StringViewArray>())
            }
            Some(texts) => Arc::new(StringViewArray::from(texts)),
            None => array.clone(),
        })
    }

    /// The memory that the rows take, with that of the columns that readers see once all of them were asked for.
    pub(crate) fn memory(&self) -> usize {
        let column = |array: &ArrayRef| {
            let views = if array.as_string_opt::<i32>().is_some() { size_of::<u128>() * self.len } else { 0 };
            array.to_data().get_slice_memory_size().unwrap_or_default() + views
        };
        self.columns.iter().flatten().map(column).sum::<usize>() + ABSENT_BYTES * self.len
    }
}

/// Of a batch, kept beyond what its rows count for.
const SPARE_BYTES: usize = 4 << 10;
/// Of a row, for the arrays that columns without values share.
const ABSENT_BYTES: usize = 48;

/// Arrays for columns that hold nothing. All columns of a type share one.
#[derive(Debug)]
pub(crate) struct Absent {
    len: usize,
    empty: Option<ArrayRef>,
    nulls: Vec<(DataType, ArrayRef)>,
}

impl Absent {
    pub fn new(len: usize) -> Absent {
        Absent { len, empty: None, nulls: Vec::new() }
    }

    /// A column of that kind, or one of the lake's own, which have none.
    pub fn column(&mut self, kind: Option<Kind>, data_type: &DataType) -> ArrayRef {
        if kind.is_some_and(Kind::is_never_null) {
            let make = || -> ArrayRef {
                Arc::new(StringViewArray::from_iter_values(std::iter::repeat_n("", self.len)))
            };
            return self.empty.get_or_insert_with(make).clone();
        }
        if let Some((_, array)) = self.nulls.iter().find(|(known, _)| known == data_type) {
            return array.clone();
        }
        let array = new_null_array(data_type, self.len);
        self.nulls.push((data_type.clone(), array.clone()));
        array
    }
}

/// Takes rows one after the other and makes columns of them.
#[derive(Debug)]
pub struct RowsBuilder {
    table: &'static Table,
    len: usize,
    columns: Vec<Option<ColumnBuilder>>,
}

impl RowsBuilder {
    pub fn new(table: &'static Table) -> RowsBuilder {
        RowsBuilder { table, len: 0, columns: table.columns.iter().map(|_| None).collect() }
    }

    pub fn table(&self) -> &'static Table {
        self.table
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds a row of the table. A cell whose variant does not fit its column reads as null: `Row::from_json`
    /// and the adapters only make cells that fit.
    pub fn push(&mut self, row: &Row) {
        debug_assert_eq!(row.table, self.table);
        for (at, cell) in row.cells.iter().enumerate() {
            if *cell != model::Cell::Null {
                self.column(at).push_cell(cell);
            }
        }
        self.len += 1;
    }

    /// Forgets what was written beyond the rows that count.
    fn take_back(&mut self) {
        for column in &mut self.columns {
            if let Some(taken) = column {
                taken.truncate(self.len);
                if taken.len() == 0 {
                    *column = None;
                }
            }
        }
    }

    /// Makes room for about so many rows like those so far.
    pub fn reserve(&mut self, rows: usize) {
        let len = self.len.max(1);
        self.columns.iter_mut().flatten().for_each(|column| column.reserve(rows, len));
    }

    /// The builder of a column, filled up to the row that is being added.
    fn column(&mut self, at: usize) -> &mut ColumnBuilder {
        let kind = self.table.columns[at].kind;
        let column = self.columns[at].get_or_insert_with(|| ColumnBuilder::new(kind));
        column.fill_to(self.len);
        column
    }

    pub fn finish(self) -> Result<Rows, LakeError> {
        let len = self.len;
        let columns = self.columns.into_iter().map(|column| {
            column.map(|mut column| {
                column.fill_to(len);
                column.finish()
            })
        });
        let columns = columns.map(Option::transpose).collect::<Result<_, _>>()?;
        Ok(Rows { table: self.table, len, columns })
    }
}

/// The type of a column before it is hot: text lies in one piece then.
fn row_type(kind: Kind) -> DataType {
    if kind.is_text() { DataType::Utf8 } else { arrow_type(kind) }
}
