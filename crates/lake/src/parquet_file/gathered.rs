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
pub(crate) struct Order {
    numbers: UInt32Array,
    /// For each row its batch and its number there.
    pub in_parts: Vec<(u32, u32)>,
    /// The same in the order of the batches, each behind its place in `in_parts`.
    pub ascending: Vec<(u32, (u32, u32))>,
}

impl Order {
    /// `rows` are the numbers of rows, each of them once; `starts` as in [`Texts`], or empty when no column is text.
    pub fn new(rows: &[u32], starts: &[u32]) -> Order {
        let mut places = vec![None; starts.last().map_or(0, |end| *end as usize)];
        for (place, row) in (0..).zip(rows) {
            if let Some(known) = places.get_mut(*row as usize) {
                *known = Some(place);
            }
        }
        let mut in_parts = vec![(0, 0); rows.len()];
        let mut ascending = Vec::with_capacity(rows.len());
        for (part, bounds) in (0..).zip(starts.windows(2)) {
            let places = &places[bounds[0] as usize..bounds[1] as usize];
            for (row, place) in (0..).zip(places) {
                let Some(place) = *place else { continue };
                in_parts[place as usize] = (part, row);
                ascending.push((place, (part, row)));
            }
        }
        Order { numbers: rows.to_vec().into(), in_parts, ascending }
    }

    pub fn len(&self) -> usize {
        self.in_parts.len()
    }
}

impl Gathered {
    /// The values of some rows, in that order.
    pub fn take(&self, order: &Order) -> Result<ArrayRef, ArrowError> {
        match self {
            Gathered::Texts(texts) => {
                let texts = order.in_parts.iter().map(|row| texts.in_part(*row));
                Ok(Arc::new(StringViewArray::from_iter_values(texts)))
            }
            Gathered::Values(values) => take(values, &order.numbers, None),
        }
    }
}

impl Texts {
    /// All texts, batch by batch.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let of_part = move |(part, bounds): (u32, &[u32])| {
            (0..bounds[1] - bounds[0]).map(move |row| self.in_part((part, row)))
        };
        (0..).zip(self.starts.windows(2)).flat_map(of_part)
    }

    /// The text of a batch's row.
    pub fn in_part(&self, (part, row): (u32, u32)) -> &str {
        let row = row as usize;
        let texts = self.parts[part as usize].as_ref().filter(|texts| texts.is_valid(row));
        texts.map_or("", |texts| texts.value(row))
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
