//! Values that a batch of texts repeats. What is read from a dictionary page has the same view wherever it has the same
//! value, so that equal values are found by sixteen bytes each, and a function of a text is calculated once for each
//! distinct value of a batch. Equal texts with other views count as distinct: that costs time and changes nothing.

use datafusion::arrow::array::{Array, ArrayRef, StringViewArray, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::error::Result;

/// Batches with fewer rows are not looked at.
const ROWS_MIN: usize = 128;
/// As many rows are looked at before it is decided whether to look on.
const SAMPLE_ROWS: usize = 512;
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
        let bits = (2 * rows).ilog2() + 1;
        let mut slots = vec![NONE; 1 << bits];
        let mut keys: Vec<Option<u128>> = Vec::new();
        let mut first = Vec::new();
        let mut of = Vec::with_capacity(rows);
        let nulls = texts.nulls();
        let mut last = (Some(0), NONE);
        for (row, view) in texts.views().iter().enumerate() {
            let key = nulls.is_none_or(|nulls| nulls.is_valid(row)).then_some(*view);
            if key == last.0 && last.1 != NONE {
                of.push(last.1);
                continue;
            }
            let mut slot = slot(key, bits);
            let at = loop {
                match slots[slot] {
                    NONE => {
                        let at = keys.len();
                        if at >= distinct_max || row < SAMPLE_ROWS && at >= SAMPLE_ROWS / SHARE {
                            return None;
                        }
                        slots[slot] = at as u32;
                        keys.push(key);
                        first.push(row as u32);
                        break at as u32;
                    }
                    at if keys[at as usize] == key => break at,
                    _ => slot = (slot + 1) & (slots.len() - 1),
                }
            };
            last = (key, at);
            of.push(at);
        }
        Some(Repeats { first, of })
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

fn slot(key: Option<u128>, bits: u32) -> usize {
    let Some(view) = key else { return 0 };
    let (low, high) = (view as u64, (view >> 64) as u64);
    let product = u128::from(low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(high ^ 0xd1b5_4a32_d192_ed03);
    let mixed = (product as u64) ^ ((product >> 64) as u64);
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - bits)) as usize
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
        let late = (0..4_000).map(|row: usize| row.saturating_sub(2_000));
        let values: Vec<String> = (0..2_000).map(|value| format!("value {value} with a tail")).collect();
        let values: Vec<Option<&str>> = values.iter().map(|value| Some(value.as_str())).collect();
        assert!(Repeats::find(&of_dictionary(&values, late)).is_none());
    }
}
