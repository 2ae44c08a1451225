//! Views, by which arrays of text tell where their texts are: a length and a beginning, and then either the rest or a
//! buffer and a place in it.

use std::hash::BuildHasher;
use std::sync::LazyLock;

use datafusion::arrow::array::{Array, StringViewArray};
use foldhash::fast::RandomState;

/// A text of up to that many bytes is in its view.
const INLINE_MAX: u32 = 12;
/// Where in a view the number of the buffer is.
const BUFFER_AT: u32 = 64;
const BUFFER_MASK: u128 = (u32::MAX as u128) << BUFFER_AT;
/// Two to the power of 64 by the golden ratio: it brings every bit of a number to the upper ones.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

pub(crate) fn is_inline(view: u128) -> bool {
    view as u32 <= INLINE_MAX
}

/// The number of the buffer that a text is in which is not in its view.
pub(crate) fn buffer(view: u128) -> usize {
    (view >> BUFFER_AT) as u32 as usize
}

/// The same text in another buffer.
pub(crate) fn in_buffer(view: u128, buffer: u32) -> u128 {
    view & !BUFFER_MASK | u128::from(buffer) << BUFFER_AT
}

/// Where a text stands.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub buffer: usize,
    pub start: usize,
    pub end: usize,
}

impl Place {
    /// `None` of a text that is in its view, and of a null.
    pub fn of(texts: &StringViewArray, row: usize) -> Option<Place> {
        let view = texts.views()[row];
        if is_inline(view) || texts.is_null(row) {
            return None;
        }
        let start = (view >> 96) as u32 as usize;
        Some(Place { buffer: buffer(view), start, end: start + view as u32 as usize })
    }
}

/// What keys are mixed with before they are looked for, another for each process: nobody can choose keys that are all
/// looked for at the same slot.
#[derive(Clone, Copy)]
pub(crate) struct Seeds(u64, u64);

impl Seeds {
    pub fn of_process() -> Seeds {
        static SEEDS: LazyLock<Seeds> = LazyLock::new(Seeds::random);
        *SEEDS
    }

    fn random() -> Seeds {
        let state = RandomState::default();
        Seeds(state.hash_one(0), state.hash_one(1))
    }

    /// Where a key is looked for first, of `1 << bits` slots.
    pub fn slot(self, key: u128, bits: u32) -> usize {
        let (low, high) = (key as u64 ^ self.0, (key >> 64) as u64 ^ self.1);
        let product = u128::from(low) * u128::from(high);
        let mixed = product as u64 ^ (product >> 64) as u64;
        // Of keys that differ in a few bits, some seeds leave the upper ones alike.
        (mixed.wrapping_mul(SPREAD) >> (64 - bits)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_tell_where_texts_are() {
        let texts = StringViewArray::from(vec![Some("twelve bytes"), Some("a text of more bytes"), None]);
        let views = texts.views();
        assert!(is_inline(views[0]) && !is_inline(views[1]));
        assert!(Place::of(&texts, 0).is_none() && Place::of(&texts, 2).is_none());
        let place = Place::of(&texts, 1).unwrap();
        assert_eq!(&texts.data_buffers()[place.buffer][place.start..place.end], b"a text of more bytes");
        let moved = in_buffer(views[1], 7);
        assert_eq!((buffer(moved), moved as u64), (7, views[1] as u64));
        assert_eq!(in_buffer(moved, 0), views[1]);
    }

    #[test]
    fn keys_that_differ_little_are_looked_for_in_many_slots() {
        for _ in 0..500 {
            let seeds = Seeds::random();
            for shift in [0, 20, 32, 64, 96] {
                let slots: std::collections::HashSet<usize> =
                    (0..1_000_u128).map(|key| seeds.slot(key << shift, 16)).collect();
                assert!(slots.len() > 900, "{} {} {shift}: {}", seeds.0, seeds.1, slots.len());
            }
        }
    }
}
