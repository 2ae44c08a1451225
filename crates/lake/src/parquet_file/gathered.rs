//! Columns whose rows lie in batches, and in another order than that of the file.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, StringArray, StringViewArray, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::arrow::error::ArrowError;

/// A column of some batches, whose rows are numbered through.
pub(crate) enum Gathered {
    /// Text that never lacks a value. It stays where it is: put together it would have to be copied.
    Texts(Texts),
    Values(ArrayRef),
}

/// The texts of a column, batch by batch.
pub(crate) struct Texts {
    /// None for a batch without any.
    pub parts: Vec<Option<StringArray>>,
    /// The number of the first row of each batch, and that behind the last.
    pub starts: Arc<[u32]>,
}

/// Some rows of such columns, in the order of a file.
pub(crate) struct Order<'a> {
    pub rows: &'a [u32],
    /// The same rows by their number, each with its place in `rows`.
    pub ascending: Vec<(u32, u32)>,
    /// For each of `rows` its batch and its number there.
    pub in_parts: Vec<(u32, u32)>,
}

impl Order<'_> {
    /// `starts` are the numbers of the first rows of the batches.
    pub fn new<'a>(rows: &'a [u32], starts: &[u32]) -> Order<'a> {
        let mut ascending: Vec<(u32, u32)> = rows.iter().copied().zip(0..).collect();
        ascending.sort_unstable_by_key(|(row, _)| *row);
        let mut in_parts = vec![(0, 0); rows.len()];
        let mut part = 0;
        for (row, place) in &ascending {
            while starts.get(part + 1).is_some_and(|start| start <= row) {
                part += 1;
            }
            in_parts[*place as usize] = (part as u32, row - starts.get(part).unwrap_or(&0));
        }
        Order { rows, ascending, in_parts }
    }
}

impl Gathered {
    /// The values of some rows, in that order.
    pub fn take(&self, rows: &[u32]) -> Result<ArrayRef, ArrowError> {
        match self {
            Gathered::Texts(texts) => {
                Ok(Arc::new(StringViewArray::from_iter_values(rows.iter().map(|row| texts.get(*row)))))
            }
            Gathered::Values(values) => take(values, &UInt32Array::from(rows.to_vec()), None),
        }
    }
}

impl Texts {
    pub fn get(&self, row: u32) -> &str {
        self.of_part(self.starts.partition_point(|start| *start <= row) - 1, row)
    }

    /// The texts of rows whose numbers ascend.
    pub fn of_ascending(&self, rows: impl Iterator<Item = u32>) -> impl Iterator<Item = &str> {
        let mut part = 0;
        rows.map(move |row| {
            while self.starts[part + 1] <= row {
                part += 1;
            }
            self.of_part(part, row)
        })
    }

    fn of_part(&self, part: usize, row: u32) -> &str {
        self.in_part((part as u32, row - self.starts[part]))
    }

    /// The text of a batch's row.
    pub fn in_part(&self, (part, row): (u32, u32)) -> &str {
        let row = row as usize;
        let texts = self.parts[part as usize].as_ref().filter(|texts| texts.is_valid(row));
        texts.map_or("", |texts| texts.value(row))
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.starts.last().map_or(0, |end| *end as usize)
    }

    /// How many bytes all texts have.
    pub fn bytes(&self) -> usize {
        self.parts.iter().flatten().map(|texts| texts.value_data().len()).sum()
    }

    /// Whether no row has text.
    pub fn are_empty(&self) -> bool {
        self.bytes() == 0
    }
}
