//! The terms of a file's rows, block by block, as hashes.

use bytes::Bytes;
use model::terms::{fold, terms};
use twox_hash::XxHash64;

use super::blocks::BlockSet;
use super::format::{BLOCKS_MAX, HASH_BITS, encode};
use super::seen::Seen;

/// Shorter terms are in every block and are looked up by nobody. In bytes.
pub(super) const TERM_BYTES_MIN: usize = 3;
/// A block with more different terms is read for every term: it would take the memory of many others.
pub(super) const BLOCK_TERMS_MAX: usize = 1 << 21;
/// Different terms of each block, together. Blocks beyond are read for every term. 256 MiB.
pub(super) const FILE_TERMS_MAX: usize = 1 << 25;
/// Terms are collected in so many lists, by the upper bits of their hash. One list would take twice its room whenever it
/// has to grow, and be sorted in memory that no cache holds.
const LISTS: usize = 1 << LIST_BITS;
const LIST_BITS: u32 = 6;
/// Values of a column that are remembered, to cut each of them into terms only once.
const RECENT: usize = 1 << 12;

/// Which ASCII characters belong to terms.
const IN_TERM: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    table
};

/// The hash by which a term or a whole value is known: XXH64 of its folded text, seed 0.
pub(super) fn hash(folded: &[u8]) -> u64 {
    XxHash64::oneshot(0, folded)
}

/// Whether a whole value is known as the one term that it is, rather than beside its terms.
fn is_one_term(folded: &str) -> bool {
    folded.len() >= TERM_BYTES_MIN && terms(folded).next().is_some_and(|(_, term)| term.len() == folded.len())
}

/// Collects terms. Everything it allocates is used again for the next block.
pub(super) struct Collector {
    rows: u64,
    rows_per_block: u32,
    /// Of the block at hand.
    seen: Seen,
    folded: Vec<u8>,
    is_opaque: bool,
    /// A hash's upper bits and, below them, a block that has it.
    pairs: Vec<Vec<u64>>,
    pairs_len: usize,
    opaque: Vec<bool>,
}

impl Collector {
    pub fn new(rows_per_block: u32) -> Collector {
        Collector {
            rows: 0,
            rows_per_block,
            seen: Seen::new(),
            folded: Vec::new(),
            is_opaque: false,
            pairs: vec![Vec::new(); LISTS],
            pairs_len: 0,
            opaque: Vec::new(),
        }
    }

    /// Takes the terms of a column's values, in the block at hand, and, with `whole`, the values themselves.
    pub fn take_values<'a>(&mut self, values: impl Iterator<Item = &'a str>, whole: bool) {
        // Values are compared, not their hashes: nobody can hide a value behind another.
        let mut recent = vec![""; RECENT];
        for text in values.filter(|text| !text.is_empty()) {
            let recent = &mut recent[hash(text.as_bytes()) as usize % RECENT];
            if *recent != text {
                *recent = text;
                self.take(text, whole);
            }
        }
    }

    fn take(&mut self, text: &str, whole: bool) {
        if self.is_opaque {
            return;
        }
        if text.is_ascii() {
            self.take_ascii(text.as_bytes(), whole)
        } else {
            self.take_any(text, whole)
        }
        if self.seen.len() > BLOCK_TERMS_MAX {
            self.is_opaque = true;
            self.seen.clear();
        }
    }

    /// The same as [`Collector::take_any`] in one pass over the bytes.
    fn take_ascii(&mut self, text: &[u8], whole: bool) {
        self.folded.clear();
        self.folded.extend(text.iter().map(u8::to_ascii_lowercase));
        let mut start = 0;
        for (at, byte) in text.iter().enumerate() {
            if !IN_TERM[*byte as usize] {
                if at - start >= TERM_BYTES_MIN {
                    self.seen.insert(hash(&self.folded[start..at]));
                }
                start = at + 1;
            }
        }
        if text.len() - start >= TERM_BYTES_MIN {
            self.seen.insert(hash(&self.folded[start..]));
        }
        if whole && (start > 0 || text.len() < TERM_BYTES_MIN) {
            self.seen.insert(hash(&self.folded));
        }
    }

    fn take_any(&mut self, text: &str, whole: bool) {
        let folded = fold(text);
        for (_, term) in terms(&folded).filter(|(_, term)| term.len() >= TERM_BYTES_MIN) {
            self.seen.insert(hash(term.as_bytes()));
        }
        if whole && !is_one_term(&folded) {
            self.seen.insert(hash(folded.as_bytes()));
        }
    }

    /// Ends a block of that many rows.
    pub fn end_block(&mut self, rows: usize) {
        let block = self.opaque.len() as u64;
        self.rows += rows as u64;
        self.is_opaque |= self.pairs_len + self.seen.len() > FILE_TERMS_MAX;
        if !self.is_opaque {
            let upper = u64::MAX << (64 - HASH_BITS);
            self.pairs_len += self.seen.len();
            for hash in self.seen.iter() {
                self.pairs[(hash >> (64 - LIST_BITS)) as usize].push((hash & upper) | block);
            }
        }
        self.opaque.push(self.is_opaque);
        self.is_opaque = false;
        self.seen.clear();
    }

    /// Whether another block can be told from the others.
    pub fn is_full(&self) -> bool {
        self.opaque.len() >= BLOCKS_MAX as usize
    }

    pub fn finish(mut self) -> Bytes {
        self.pairs.iter_mut().for_each(|pairs| pairs.sort_unstable());
        let mut opaque = BlockSet::none(self.opaque.len() as u32);
        let blocks = self.opaque.iter().enumerate().filter(|(_, is_opaque)| **is_opaque);
        blocks.for_each(|(block, _)| opaque.insert(block as u32));
        encode(&self.pairs, self.rows, self.rows_per_block, &opaque)
    }
}
