//! The different terms of one block.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A set of hashes, which keeps its memory when it is cleared.
pub(super) struct Seen {
    /// A power of two of them, at most half full; 0 where there is none.
    slots: Vec<u64>,
    len: usize,
    /// Odd, and different for each set: nobody can choose texts that all want the same slot.
    factor: u64,
}

const SLOTS_MIN: usize = 1 << 10;

impl Seen {
    pub fn new() -> Seen {
        Seen { slots: vec![0; SLOTS_MIN], len: 0, factor: RandomState::new().build_hasher().finish() | 1 }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// The hash 0 counts as 1, which makes two terms one and loses none.
    pub fn insert(&mut self, hash: u64) {
        let hash = hash.max(1);
        let mask = self.slots.len() - 1;
        let mut at = (hash.wrapping_mul(self.factor) >> 32) as usize & mask;
        while self.slots[at] != 0 {
            if self.slots[at] == hash {
                return;
            }
            at = (at + 1) & mask;
        }
        self.slots[at] = hash;
        self.len += 1;
        if self.len * 2 > self.slots.len() {
            self.grow();
        }
    }

    #[cold]
    fn grow(&mut self) {
        let larger = vec![0; self.slots.len() * 2];
        let slots = std::mem::replace(&mut self.slots, larger);
        self.len = 0;
        slots.into_iter().filter(|hash| *hash != 0).for_each(|hash| self.insert(hash));
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().copied().filter(|hash| *hash != 0)
    }

    pub fn clear(&mut self) {
        self.slots.fill(0);
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_set_of_hashes(first in proptest::collection::vec(0u64..3000, 0..3000), second in proptest::collection::vec(any::<u64>(), 0..50)) {
            let mut seen = Seen::new();
            for hashes in [first, second] {
                hashes.iter().for_each(|hash| seen.insert(*hash));
                let expected: BTreeSet<u64> = hashes.into_iter().map(|hash| hash.max(1)).collect();
                prop_assert_eq!(seen.len(), expected.len());
                prop_assert_eq!(seen.iter().collect::<BTreeSet<_>>(), expected);
                seen.clear();
            }
        }
    }
}
