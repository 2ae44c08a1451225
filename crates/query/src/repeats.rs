//! Values that a batch of texts repeats. What is read from a dictionary page has the same view wherever it has the same
//! value, so that equal values are found by sixteen bytes each, and a function of a text is calculated once for each
//! distinct value of a batch. Equal texts with other views count as distinct: that costs time and changes nothing.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringViewArray, UInt32Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::take;
use datafusion::error::Result;

/// Batches with fewer rows are not looked at.
pub(crate) const ROWS_MIN: usize = 128;
/// As many rows are looked at before it is decided whether to look on.
const SAMPLE_ROWS: usize = 1_024;
/// As many distinct values in them are too many: of values that come equally often, it is about as many as
/// `SHARE` lets a batch have.
const SAMPLE_DISTINCT: usize = 820;
/// What is distinct may be this part of the rows at the most.
const SHARE: usize = 4;
/// Pairs of values that are told by their place in a table.
const PAIRS_MAX: usize = 1 << 15;
const NONE: u32 = u32::MAX;

/// Which rows of a batch have the same value.
pub(crate) struct Repeats {
    /// For each distinct value, the first row that has it.
    first: Vec<u32>,
    /// For each row, which distinct value it has.
    of: Vec<u32>,
}

impl Repeats {
    /// `None` where too little is repeated for it to pay.
    pub fn find(texts: &StringViewArray) -> Option<Repeats> {
        let views = texts.views().as_ref();
        of_keys(views.len(), |row| views[row], texts.nulls(), view_slot)
    }

    /// Which rows have the same values in all of some columns; `None` too where a column is of a kind that is not
    /// looked at.
    pub fn of_rows(columns: &[ArrayRef]) -> Option<Repeats> {
        let (first, others) = columns.split_first()?;
        let mut repeats = of_column(first)?;
        for other in others {
            repeats = pairs(&repeats, &of_column(other)?)?;
        }
        Some(repeats)
    }

    /// For each row, which distinct value it has.
    pub fn rows(&self) -> &[u32] {
        &self.of
    }

    /// How many distinct values there are.
    pub fn count(&self) -> usize {
        self.first.len()
    }

    /// Which distinct value a row has.
    pub fn of(&self, row: usize) -> usize {
        self.of[row] as usize
    }

    /// The distinct values.
    pub fn values(&self, texts: &dyn Array) -> Result<ArrayRef> {
        Ok(take(texts, &UInt32Array::from(self.first.clone()), None)?)
    }

    /// What was calculated for each distinct value, for each row.
    pub fn spread(self, calculated: &dyn Array) -> Result<ArrayRef> {
        Ok(take(calculated, &UInt32Array::from(self.of), None)?)
    }
}

fn of_column(column: &ArrayRef) -> Option<Repeats> {
    if let Some(texts) = column.as_string_view_opt() {
        return Repeats::find(texts);
    }
    if let Some(bools) = column.as_boolean_opt() {
        let values = bools.values();
        return of_keys(column.len(), |row| u64::from(values.value(row)), bools.nulls(), number_slot);
    }
    let (data, rows) = (column.to_data(), column.len());
    match column.data_type().primitive_width()? {
        8 => {
            let keys = &data.buffer::<u64>(0)[..rows];
            of_keys(rows, |row| keys[row], data.nulls(), number_slot)
        }
        4 => {
            let keys = &data.buffer::<u32>(0)[..rows];
            of_keys(rows, |row| u64::from(keys[row]), data.nulls(), number_slot)
        }
        _ => None,
    }
}

/// Keys that are the same mean values that are the same; a null has any key, and is one value of its own.
fn of_keys<K: Copy + PartialEq + Default>(
    rows: usize,
    key: impl Fn(usize) -> K,
    nulls: Option<&NullBuffer>,
    slot: impl Fn(K, u32) -> usize,
) -> Option<Repeats> {
    if rows < ROWS_MIN || u32::try_from(rows).is_err() {
        return None;
    }
    let distinct_max = rows / SHARE;
    // Half of the slots stay free.
    let bits = (2 * distinct_max).ilog2() + 1;
    let mut slots = vec![NONE; 1 << bits];
    let mut keys: Vec<K> = Vec::new();
    let (mut first, mut of) = (Vec::new(), vec![0; rows]);
    let mut null = NONE;
    // Files are sorted: the same value comes many times in a row.
    let mut last = (K::default(), NONE);
    for (row, of) in of.iter_mut().enumerate() {
        if let Some(nulls) = nulls
            && nulls.is_null(row)
        {
            if null == NONE {
                null = first.len() as u32;
                keys.push(K::default());
                first.push(row as u32);
            }
            *of = null;
            continue;
        }
        let key = key(row);
        if last.1 == NONE || last.0 != key {
            let mut slot = slot(key, bits);
            while slots[slot] != NONE && keys[slots[slot] as usize] != key {
                slot = (slot + 1) & (slots.len() - 1);
            }
            if slots[slot] == NONE {
                let at = keys.len();
                if at >= distinct_max || row < SAMPLE_ROWS && at >= SAMPLE_DISTINCT {
                    return None;
                }
                slots[slot] = at as u32;
                keys.push(key);
                first.push(row as u32);
            }
            last = (key, slots[slot]);
        }
        *of = last.1;
    }
    Some(Repeats { first, of })
}

/// Which rows have the same pair of values.
fn pairs(left: &Repeats, right: &Repeats) -> Option<Repeats> {
    let (rows, others) = (left.of.as_slice(), right.of.as_slice());
    if left.count() * right.count() > PAIRS_MAX {
        let key = |row: usize| u64::from(rows[row]) << 32 | u64::from(others[row]);
        return of_keys(rows.len(), key, None, number_slot);
    }
    let distinct_max = left.of.len() / SHARE;
    let mut places = vec![NONE; left.count() * right.count()];
    let (mut first, mut of) = (Vec::new(), Vec::with_capacity(left.of.len()));
    for (row, (left, other)) in rows.iter().zip(others).enumerate() {
        let place = &mut places[*left as usize * right.count() + *other as usize];
        if *place == NONE {
            if first.len() >= distinct_max {
                return None;
            }
            *place = first.len() as u32;
            first.push(row as u32);
        }
        of.push(*place);
    }
    Some(Repeats { first, of })
}

/// Where a view is looked for first: its length and beginning, and where the rest is, all count.
fn view_slot(view: u128, bits: u32) -> usize {
    let (low, high) = (view as u64, (view >> 64) as u64);
    number_slot(low ^ high.rotate_left(29), bits)
}

fn number_slot(number: u64, bits: u32) -> usize {
    let mixed = (number ^ number >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> (64 - bits)) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{BooleanArray, Int64Array};

    use super::*;

    /// The texts as a dictionary page gives them.
    fn of_dictionary(values: &[Option<&str>], keys: impl Iterator<Item = usize>) -> StringViewArray {
        let values: StringViewArray = values.iter().copied().collect();
        let keys: UInt32Array = keys.map(|key| key as u32).collect();
        take(&values, &keys, None).unwrap().as_string_view().clone()
    }

    #[test]
    fn what_is_calculated_for_distinct_values_comes_to_every_row() {
        let long = "a text that is longer than twelve bytes";
        let values = [Some(long), Some("short"), None, Some("")];
        let texts = of_dictionary(&values, (0..1_000).map(|row| row * 7 % 4));
        let repeats = Repeats::find(&texts).unwrap();
        assert_eq!(repeats.count(), 4);
        let distinct = repeats.values(&texts).unwrap();
        assert_eq!(repeats.of(4), repeats.of(0));
        let spread = repeats.spread(&Arc::clone(&distinct)).unwrap();
        assert_eq!(spread.as_string_view(), &texts);
    }

    #[test]
    fn rows_are_the_same_where_all_columns_are() {
        let texts = of_dictionary(&[Some("a"), Some("b"), None], (0..900).map(|row| row / 2 % 3));
        let numbers: Int64Array = (0..900).map(|row| (row % 5 > 0).then_some(row % 5)).collect();
        let bools: BooleanArray = (0..900).map(|row| Some(row < 450)).collect();
        let columns: Vec<ArrayRef> = vec![Arc::new(texts), Arc::new(numbers), Arc::new(bools)];
        let repeats = Repeats::of_rows(&columns).unwrap();
        assert_eq!(repeats.count(), 30);
        for column in &columns {
            let distinct = repeats.values(column).unwrap();
            let spread = take(&distinct, &UInt32Array::from(repeats.rows().to_vec()), None).unwrap();
            assert_eq!(&spread, column);
        }
        let sliced = columns[1].slice(1, 899);
        assert_eq!(Repeats::of_rows(&[sliced]).unwrap().rows()[..5], [0, 1, 2, 3, 4]);
    }

    #[test]
    fn many_pairs_are_told_as_well() {
        let column = |of: fn(i64) -> i64| Arc::new((0..8_192).map(of).collect::<Int64Array>()) as ArrayRef;
        let few = Repeats::of_rows(&[column(|row| row % 512), column(|row| row % 512 * 2)]).unwrap();
        assert_eq!(few.count(), 512);
        assert!(Repeats::of_rows(&[column(|row| row % 64), column(|row| row / 8)]).is_none());
        assert!(Repeats::of_rows(&[column(|row| row % 1_500), column(|row| row / 8)]).is_none());
    }

    #[test]
    fn little_that_is_repeated_does_not_pay() {
        let texts: StringViewArray = (0..1_000).map(|row| Some(format!("text {row} with a tail"))).collect();
        assert!(Repeats::find(&texts).is_none());
        let few: StringViewArray = std::iter::repeat_n(Some("same"), ROWS_MIN - 1).collect();
        assert!(Repeats::find(&few).is_none());
        let late = (0..6_000).map(|row: usize| row.saturating_sub(2_000));
        let values: Vec<String> = (0..4_000).map(|value| format!("value {value} with a tail")).collect();
        let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
        assert!(Repeats::find(&of_dictionary(&values, late)).is_none());
    }
}
