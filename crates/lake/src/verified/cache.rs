//! Pieces of remote files that were read lately: footers, statistics, indexes of terms, pages that are asked again.
//!
//! Files never change once written, so what is kept is right for as long as it is kept.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

/// What a piece costs besides its bytes.
const ENTRY_BYTES: usize = 128;

/// Pieces by file and number, as many as fit; those unused for longest go first.
pub(crate) struct PieceCache {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    uses: u64,
    bytes: usize,
    files: HashMap<Arc<str>, BTreeMap<u64, Piece>>,
    /// File and number by last use.
    by_use: BTreeMap<u64, (Arc<str>, u64)>,
}

struct Piece {
    bytes: Bytes,
    used: u64,
}

impl PieceCache {
    pub fn new(bytes_max: usize) -> PieceCache {
        PieceCache { bytes_max, kept: Mutex::default() }
    }

    /// What is kept of some pieces of a file, in their order.
    pub fn get(&self, path: &str, numbers: Range<u64>) -> Vec<Option<Bytes>> {
        let mut kept = crate::log::lock(&self.kept);
        let found: Vec<_> = numbers.map(|number| kept.get(path, number)).collect();
        let hits = found.iter().flatten().count();
        metrics::counter!("bartizan_lake_cache_hits_total").increment(hits as u64);
        metrics::counter!("bartizan_lake_cache_misses_total").increment((found.len() - hits) as u64);
        found
    }

    /// Keeps a copy of a piece, which is not held in memory by what it was read with.
    pub fn insert(&self, path: &str, number: u64, piece: &[u8]) {
        let mut kept = crate::log::lock(&self.kept);
        kept.insert(path, number, Bytes::copy_from_slice(piece));
        while kept.bytes > self.bytes_max {
            let Some((_, (path, number))) = kept.by_use.pop_first() else { break };
            kept.remove(&path, number);
        }
        metrics::gauge!("bartizan_lake_cache_bytes").set(kept.bytes as f64);
    }

    /// Forgets a file.
    pub fn forget(&self, path: &str) {
        let mut kept = crate::log::lock(&self.kept);
        for piece in kept.files.remove(path).unwrap_or_default().into_values() {
            kept.by_use.remove(&piece.used);
            kept.bytes -= piece.bytes.len() + ENTRY_BYTES;
        }
    }
}

impl Kept {
    fn get(&mut self, path: &str, number: u64) -> Option<Bytes> {
        let piece = self.files.get_mut(path)?.get_mut(&number)?;
        let name = self.by_use.remove(&piece.used)?;
        self.uses += 1;
        piece.used = self.uses;
        self.by_use.insert(self.uses, name);
        Some(piece.bytes.clone())
    }

    fn insert(&mut self, path: &str, number: u64, bytes: Bytes) {
        let name = match self.files.get_key_value(path) {
            Some((name, _)) => name.clone(),
            None => path.into(),
        };
        self.uses += 1;
        self.bytes += bytes.len() + ENTRY_BYTES;
        self.by_use.insert(self.uses, (name.clone(), number));
        let piece = Piece { bytes, used: self.uses };
        if let Some(replaced) = self.files.entry(name).or_default().insert(number, piece) {
            self.by_use.remove(&replaced.used);
            self.bytes -= replaced.bytes.len() + ENTRY_BYTES;
        }
    }

    /// Takes out a piece that is not listed by its use any more.
    fn remove(&mut self, path: &str, number: u64) {
        let Some(pieces) = self.files.get_mut(path) else { return };
        if let Some(piece) = pieces.remove(&number) {
            self.bytes -= piece.bytes.len() + ENTRY_BYTES;
        }
        if pieces.is_empty() {
            self.files.remove(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(cache: &PieceCache, path: &str) -> Vec<u64> {
        let found = cache.get(path, 0..8);
        (0..8).filter(|number| found[*number as usize].is_some()).collect()
    }

    #[test]
    fn what_was_unused_for_longest_goes_first() {
        let cache = PieceCache::new(3 * (100 + ENTRY_BYTES));
        for number in [0, 1, 2] {
            cache.insert("a", number, &[number as u8; 100]);
        }
        assert_eq!(cache.get("a", 0..1), [Some(Bytes::from(vec![0; 100]))]);
        cache.insert("b", 5, &[5; 100]);
        assert_eq!((kept(&cache, "a"), kept(&cache, "b")), (vec![0, 2], vec![5]));
        cache.insert("b", 5, &[6; 100]);
        assert_eq!(cache.get("b", 5..6), [Some(Bytes::from(vec![6; 100]))]);
        cache.insert("b", 6, &[6; 200]);
        assert_eq!((kept(&cache, "a"), kept(&cache, "b")), (vec![], vec![5, 6]));
        cache.forget("b");
        let kept = cache.kept.into_inner().unwrap();
        assert_eq!((kept.bytes, kept.files.len(), kept.by_use.len()), (0, 0, 0));
    }

    #[test]
    fn a_piece_that_does_not_fit_is_not_kept() {
        let cache = PieceCache::new(100);
        cache.insert("a", 0, &[0; 200]);
        assert_eq!(kept(&cache, "a"), [] as [u64; 0]);
    }
}
