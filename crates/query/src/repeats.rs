//! Values that a batch of texts repeats. What is read from a dictionary page has the same view wherever it has the same
//! value, so that equal values are found by sixteen bytes each, and a function of a text is calculated once for each
//! distinct value of a batch. Equal texts with other views count as distinct: that costs time and changes nothing.

use datafusion::arrow::array::{Array, ArrayRef, StringViewArray, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::error::Result;

use crate::views::Seeds;

/// Batches with fewer rows are not looked at.
const ROWS_MIN: usize = 128;
/// As many rows are looked at before it is decided whether to look on.
const SAMPLE_ROWS: usize = 1_024;
/// As many distinct values in them are too many: of values that come equally often, it is about as many as
/// `SHARE` lets a batch have.
const SAMPLE_DISTINCT: usize = 820;
/// What is distinct may be this part of the rows at the most.
const SHARE: usize = 4;
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
        let rows = texts.len();
        if rows < ROWS_MIN || u32::try_from(rows).is_err() {
            return None;
        }
        let distinct_max = rows / SHARE;
        // Half of the slots stay free.
        let bits = (2 * distinct_max).ilog2() + 1;
        let (seeds, mut slots) = (Seeds::of_process(), vec![NONE; 1 << bits]);
        let mut keys: Vec<u128> = Vec::new();
        let (mut first, mut of) = (Vec::new(), vec![0; rows]);
        let (nulls, mut null) = (texts.nulls(), NONE);
        // Files are sorted: the same value comes many times in a row.
        let mut last = (0, NONE);
        for ((row, of), view) in of.iter_mut().enumerate().zip(texts.views().iter()) {
            // A null has any view: it is one value of its own.
            if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                if null == NONE {
                    null = first.len() as u32;
                    keys.push(0);
                    first.push(row as u32);
                }
                *of = null;
                continue;
            }
            if last.1 == NONE || last.0 != *view {
                let mut slot = seeds.slot(*view, bits);
                while slots[slot] != NONE && keys[slots[slot] as usize] != *view {
                    slot = (slot + 1) & (slots.len() - 1);
                }
                if slots[slot] == NONE {
                    let at = keys.len();
                    if at >= distinct_max || row < SAMPLE_ROWS && at >= SAMPLE_DISTINCT {
                        return None;
                    }
                    slots[slot] = at as u32;
                    keys.push(*view);
                    first.push(row as u32);
                }
                last = (*view, slots[slot]);
            }
            *of = last.1;
        }
        Some(Repeats { first, of })
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::AsArray;

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
