//! Numbers for the rows of batches, equal where their keys are equal and kept from batch to batch. What is read from a
//! dictionary page has the same view wherever it has the same value, so that a text costs no more than sixteen bytes.
//! Equal keys may have several numbers, where their texts are in several places: that costs time and changes nothing.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use datafusion::arrow::buffer::{Buffer, NullBuffer};

use crate::views::{self, Seeds};

const NONE: u32 = u32::MAX;
/// Numbers that are given before all are forgotten.
const NUMBERS_MAX: usize = 1 << 17;
/// Places of texts that are held on to, which keeps their views valid.
const PLACES_MAX: usize = 8;
/// Places of the texts of one batch.
const BATCH_PLACES_MAX: usize = 32;
/// Places of up to that many bytes are the same where their bytes are: a constant has a new one in every batch.
const SMALL_PLACE: usize = 256;

/// Numbers of the rows of batches that have the same columns.
#[derive(Default)]
pub(crate) struct Numbering {
    columns: Vec<Column>,
    /// For each column but the first, the pairs of what is numbered before it and itself.
    pairs: Vec<Table<u64>>,
    /// The number of each row of the last batch.
    of: Vec<u32>,
    /// The rows of the last batch that brought a new number, in the order of these.
    new: Vec<u32>,
    other: Vec<u32>,
    other_new: Vec<u32>,
}

#[derive(Default)]
struct Column {
    texts: Table<u128>,
    numbers: Table<u64>,
    places: Vec<Buffer>,
}

/// What became of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Those that were given before are as they were.
    Kept,
    /// They are given anew, from zero.
    Forgotten,
}

impl Numbering {
    /// Numbers the rows; `None` where a column is of a kind that is not numbered, or its texts are scattered.
    pub fn add(&mut self, columns: &[ArrayRef]) -> Option<Numbers> {
        let texts = columns.iter().filter_map(|column| column.as_string_view_opt());
        if texts.map(|texts| texts.data_buffers().len()).any(|places| places > BATCH_PLACES_MAX) {
            return None;
        }
        let fits = self.columns.iter().zip(columns).all(|(column, array)| column.fits(array))
            && self.pairs.iter().all(|pairs| pairs.keys.len() < NUMBERS_MAX);
        if !fits {
            (self.columns, self.pairs) = (Vec::new(), Vec::new());
        }
        self.columns.resize_with(columns.len(), Column::default);
        self.pairs.resize_with(columns.len().saturating_sub(1), Table::default);
        let (first, others) = columns.split_first()?;
        self.columns[0].number(first, &mut self.of, &mut self.new)?;
        for (at, array) in others.iter().enumerate() {
            self.columns[at + 1].number(array, &mut self.other, &mut self.other_new)?;
            self.new.clear();
            let (pairs, other) = (&mut self.pairs[at], &self.other);
            let mut last = (u64::MAX, NONE);
            for (row, of) in self.of.iter_mut().enumerate() {
                let key = u64::from(*of) << 32 | u64::from(other[row]);
                if last.0 != key {
                    last = (key, pairs.number(key, row, &mut self.new));
                }
                *of = last.1;
            }
        }
        Some(if fits { Numbers::Kept } else { Numbers::Forgotten })
    }

    /// The number of each row of the last batch.
    pub fn of_rows(&self) -> &[u32] {
        &self.of
    }

    /// The rows of the last batch that brought a new number, in the order of these.
    pub fn new_rows(&self) -> &[u32] {
        &self.new
    }

    /// Bytes that are held.
    pub fn size(&self) -> usize {
        let columns = self.columns.iter().map(Column::size).sum::<usize>();
        let rows = [&self.of, &self.new, &self.other, &self.other_new].map(Vec::capacity);
        let rows = rows.iter().sum::<usize>() * size_of::<u32>();
        columns + self.pairs.iter().map(Table::size).sum::<usize>() + rows
    }
}

impl Column {
    /// Whether what was numbered is valid with the texts of another batch.
    fn fits(&self, array: &ArrayRef) -> bool {
        let unknown = array.as_string_view_opt().map_or(0, |texts| {
            texts.data_buffers().iter().filter(|buffer| self.place_of(buffer).is_none()).count()
        });
        (self.places.is_empty() || self.places.len() + unknown <= PLACES_MAX)
            && self.texts.keys.len().max(self.numbers.keys.len()) < NUMBERS_MAX
    }

    fn place_of(&self, buffer: &Buffer) -> Option<usize> {
        let is_small = buffer.len() <= SMALL_PLACE;
        self.places.iter().position(|place| place.ptr_eq(buffer) || is_small && place == buffer)
    }

    fn size(&self) -> usize {
        let places = self.places.iter().map(Buffer::capacity).sum::<usize>();
        self.texts.size() + self.numbers.size() + places
    }

    fn number(&mut self, array: &ArrayRef, of: &mut Vec<u32>, new: &mut Vec<u32>) -> Option<()> {
        let rows = array.len();
        u32::try_from(rows).ok()?;
        new.clear();
        of.clear();
        of.reserve(rows);
        if let Some(texts) = array.as_string_view_opt() {
            self.number_texts(texts, of, new);
            return Some(());
        }
        if let Some(bools) = array.as_boolean_opt() {
            let values = bools.values();
            self.numbers.number_rows(rows, |row| u64::from(values.value(row)), bools.nulls(), of, new);
            return Some(());
        }
        let data = array.to_data();
        match array.data_type().primitive_width()? {
            8 => {
                let keys = &data.buffer::<u64>(0)[..rows];
                self.numbers.number_rows(rows, |row| keys[row], data.nulls(), of, new);
            }
            4 => {
                let keys = &data.buffer::<u32>(0)[..rows];
                self.numbers.number_rows(rows, |row| u64::from(keys[row]), data.nulls(), of, new);
            }
            _ => return None,
        }
        Some(())
    }

    fn number_texts(&mut self, texts: &StringViewArray, of: &mut Vec<u32>, new: &mut Vec<u32>) {
        let mut places = Vec::with_capacity(texts.data_buffers().len());
        for buffer in texts.data_buffers() {
            let place = self.place_of(buffer).unwrap_or_else(|| {
                self.places.push(buffer.clone());
                self.places.len() - 1
            });
            places.push(place as u32);
        }
        let views = texts.views().as_ref();
        let in_place = places.iter().enumerate().all(|(at, place)| at as u32 == *place);
        if in_place {
            return self.texts.number_rows(views.len(), |row| views[row], texts.nulls(), of, new);
        }
        let key = |row: usize| {
            let view = views[row];
            match places.get(views::buffer(view)) {
                Some(place) if !views::is_inline(view) => views::in_buffer(view, *place),
                _ => view,
            }
        };
        self.texts.number_rows(views.len(), key, texts.nulls(), of, new);
    }
}

/// Keys that were numbered.
struct Table<K> {
    keys: Vec<K>,
    slots: Vec<u32>,
    /// Of how many bits a slot's place is.
    bits: u32,
    /// The number of null, which has no slot.
    null: u32,
    seeds: Seeds,
}

impl<K> Default for Table<K> {
    fn default() -> Table<K> {
        Table { keys: Vec::new(), slots: vec![NONE; 1 << 6], bits: 6, null: NONE, seeds: Seeds::of_process() }
    }
}

impl<K: Copy + PartialEq + Default + Into<u128>> Table<K> {
    fn number_rows(
        &mut self,
        rows: usize,
        key: impl Fn(usize) -> K,
        nulls: Option<&NullBuffer>,
        of: &mut Vec<u32>,
        new: &mut Vec<u32>,
    ) {
        // Files are sorted: the same value comes many times in a row.
        let mut last = (K::default(), NONE);
        let mut number = |row: usize| {
            let key = key(row);
            if last.1 == NONE || last.0 != key {
                last = (key, self.number(key, row, new));
            }
            last.1
        };
        let Some(nulls) = nulls.filter(|nulls| nulls.null_count() > 0) else {
            return of.extend((0..rows).map(number));
        };
        let mut null = None;
        for row in 0..rows {
            // A null has any key.
            let at = if nulls.is_valid(row) { number(row) } else { NONE };
            null = null.or((at == NONE).then_some(row));
            of.push(at);
        }
        if let Some(row) = null {
            let number = self.number_of_null(row, new);
            of.iter_mut().filter(|of| **of == NONE).for_each(|of| *of = number);
        }
    }

    fn number_of_null(&mut self, row: usize, new: &mut Vec<u32>) -> u32 {
        if self.null == NONE {
            self.null = self.keys.len() as u32;
            self.keys.push(K::default());
            new.push(row as u32);
        }
        self.null
    }

    fn number(&mut self, key: K, row: usize, new: &mut Vec<u32>) -> u32 {
        let mut slot = self.seeds.slot(key.into(), self.bits);
        loop {
            match self.slots[slot] {
                NONE => break,
                at if self.keys[at as usize] == key => return at,
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
        let at = self.keys.len() as u32;
        self.slots[slot] = at;
        self.keys.push(key);
        new.push(row as u32);
        // Half of the slots stay free.
        if self.keys.len() * 2 > self.slots.len() {
            self.grow();
        }
        at
    }

    fn grow(&mut self) {
        self.bits += 2;
        self.slots = vec![NONE; 1 << self.bits];
        for (at, key) in self.keys.iter().enumerate() {
            if at as u32 == self.null {
                continue;
            }
            let mut slot = self.seeds.slot((*key).into(), self.bits);
            while self.slots[slot] != NONE {
                slot = (slot + 1) & (self.slots.len() - 1);
            }
            self.slots[slot] = at as u32;
        }
    }

    fn size(&self) -> usize {
        self.keys.capacity() * size_of::<K>() + self.slots.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use datafusion::arrow::array::{BooleanArray, Int32Array, Int64Array, UInt32Array};
    use datafusion::arrow::compute::{concat, take};
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::common::ScalarValue;

    use super::*;

    /// Texts as a dictionary page gives them.
    fn of_dictionary(values: &StringViewArray, keys: impl Iterator<Item = usize>) -> ArrayRef {
        take(values, &UInt32Array::from_iter_values(keys.map(|key| key as u32)), None).unwrap()
    }

    fn texts(count: usize) -> StringViewArray {
        let text = |at: usize| (at != 3).then(|| format!("{at}{}", " and more".repeat(at % 3)));
        (0..count).map(text).collect()
    }

    /// Rows that have the same number have the same keys, in all batches since numbers were forgotten.
    fn check(numbering: &mut Numbering, known: &mut Vec<String>, columns: &[ArrayRef]) -> Numbers {
        let numbers = numbering.add(columns).unwrap();
        if numbers == Numbers::Forgotten {
            known.clear();
        }
        let shown = |row: usize| {
            let shown = columns.iter().map(|column| match column.is_null(row) {
                true => "null".to_owned(),
                false => format!("{:?}", array_value_to_string(column, row).unwrap()),
            });
            shown.collect::<Vec<_>>().join(", ")
        };
        known.extend(numbering.new_rows().iter().map(|row| shown(*row as usize)));
        assert_eq!(numbering.of_rows().len(), columns[0].len());
        for (row, number) in numbering.of_rows().iter().enumerate() {
            assert_eq!(known[*number as usize], shown(row), "{row}");
        }
        numbers
    }

    #[test]
    fn rows_have_the_number_of_their_keys() {
        let (mut numbering, mut known) = (Numbering::default(), Vec::new());
        let values = texts(300);
        for from in [0, 7, 100] {
            let text = of_dictionary(&values, (from..from + 2_000).map(|row| row / 2 % 300));
            let int: Int32Array = (0..2_000).map(|row| (row % 5 > 0).then_some(row % 5 - 3)).collect();
            let long: Int64Array = (0..2_000).map(|row| Some(row % 2)).collect();
            let bool: BooleanArray = (0..2_000).map(|row| (row % 3 > 0).then_some(row % 3 > 1)).collect();
            let columns: Vec<ArrayRef> = vec![text, Arc::new(int), Arc::new(long), Arc::new(bool)];
            assert_eq!(check(&mut numbering, &mut known, &columns), Numbers::Kept);
            let sliced: Vec<ArrayRef> = columns.iter().map(|column| column.slice(3, 1_500)).collect();
            let before = known.len();
            check(&mut numbering, &mut known, &sliced);
            assert_eq!(known.len(), before);
        }
    }

    #[test]
    fn texts_in_the_same_place_keep_their_numbers() {
        let (mut numbering, mut known) = (Numbering::default(), Vec::new());
        let (one, other) = (texts(50), texts(60));
        let of_one = of_dictionary(&one, (0..500).map(|row| row % 50));
        let of_other = of_dictionary(&other, (0..500).map(|row| row % 60));
        let both = concat(&[&of_other, &of_one, &of_one]).unwrap();
        for batch in [&of_one, &both, &of_other, &both] {
            assert_eq!(check(&mut numbering, &mut known, std::slice::from_ref(batch)), Numbers::Kept);
        }
        let mut counts: HashMap<&String, usize> = HashMap::new();
        known.iter().for_each(|shown| *counts.entry(shown).or_default() += 1);
        assert!(counts.values().all(|count| *count <= 2), "once for each place");
        assert_eq!(counts.len(), 60);
    }

    #[test]
    fn a_constant_keeps_its_number() {
        let (mut numbering, mut known) = (Numbering::default(), Vec::new());
        for _ in 0..3 * PLACES_MAX {
            let constant = ScalarValue::Utf8View(Some("a constant of many bytes".to_owned()));
            let batch = constant.to_array_of_size(100).unwrap();
            assert_eq!(check(&mut numbering, &mut known, &[batch]), Numbers::Kept);
        }
        assert_eq!(known.len(), 1);
    }

    #[test]
    fn texts_in_many_places_are_not_numbered() {
        let parts: Vec<ArrayRef> = (0..=BATCH_PLACES_MAX).map(|_| Arc::new(texts(10)) as ArrayRef).collect();
        let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
        let scattered = concat(&parts).unwrap();
        assert!(scattered.as_string_view().data_buffers().len() > BATCH_PLACES_MAX);
        assert!(Numbering::default().add(&[scattered]).is_none());
    }

    #[test]
    fn what_is_held_is_bounded() {
        let (mut numbering, mut known) = (Numbering::default(), Vec::new());
        let mut forgotten = 0;
        for _ in 0..3 * PLACES_MAX {
            let batch = of_dictionary(&texts(90), (0..100).map(|row| row % 90));
            forgotten += usize::from(check(&mut numbering, &mut known, &[batch]) == Numbers::Forgotten);
            assert!(numbering.columns[0].places.len() <= PLACES_MAX);
        }
        assert!(forgotten > 0);
        let mut numbering = Numbering::default();
        let numbers = |from: i64| Arc::new((from..from + 50_000).collect::<Int64Array>()) as ArrayRef;
        for at in 0..10 {
            numbering.add(&[numbers(at * 50_000)]).unwrap();
            assert!(numbering.size() < 16 << 20);
        }
    }
}
