//! Asking the index of a file, of which only the head and single pages are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::blocks::BlockSet;
use super::format::Head;
use super::needle::Needle;
use crate::LakeError;

/// The head of a file of a million rows with five million terms has half of this.
const HEAD_READ_BYTES: u64 = 16 << 10;

/// The index of one file.
pub struct TermIndex {
    store: Arc<dyn ObjectStore>,
    path: Path,
    head: Head,
}

impl TermIndex {
    /// Reads the head.
    pub async fn open(store: Arc<dyn ObjectStore>, path: &str) -> Result<TermIndex, LakeError> {
        let path = Path::from(path);
        let error = |source| LakeError::File { doing: "read the head", path: path.to_string(), source };
        let damaged = |reason| LakeError::TermIndex { path: path.to_string(), reason };
        let mut bytes = store.get_range(&path, 0..HEAD_READ_BYTES).await.map_err(error)?;
        let length = Head::length(&bytes).map_err(damaged)?;
        if length > bytes.len() {
            bytes = store.get_range(&path, 0..length as u64).await.map_err(error)?;
        }
        let head = Head::decode(&bytes).map_err(damaged)?;
        Ok(TermIndex { store, path, head })
    }

    /// The index that has these bytes.
    pub(crate) fn of_bytes(
        store: Arc<dyn ObjectStore>,
        path: &str,
        bytes: &[u8],
    ) -> Result<TermIndex, LakeError> {
        let damaged = |reason| LakeError::TermIndex { path: path.to_owned(), reason };
        Ok(TermIndex { head: Head::decode(bytes).map_err(damaged)?, store, path: Path::from(path) })
    }

    /// Rows of the file, which has to agree with the file itself.
    pub fn rows(&self) -> u64 {
        self.head.rows
    }

    /// Block `n` is rows `n * rows_per_block` up to the next.
    pub fn rows_per_block(&self) -> u32 {
        self.head.rows_per_block
    }

    pub fn blocks(&self) -> u32 {
        self.head.blocks
    }

    pub fn terms(&self) -> u64 {
        self.head.terms
    }

    /// Bytes that this takes in memory.
    pub fn memory(&self) -> usize {
        self.head.memory() + size_of::<TermIndex>()
    }

    /// The blocks that may hold a row with all of the needle's terms: every block that does, and few others. An
    /// error means that nothing is known, and every block has to be read.
    pub async fn find(&self, needle: &Needle) -> Result<BlockSet, LakeError> {
        let places: Vec<_> = needle.0.iter().map(|hash| self.head.place(*hash)).collect();
        let pages: BTreeMap<u32, Bytes> = self.read_pages(places.iter().map(|place| place.page)).await?;
        let mut found = BlockSet::all(self.head.blocks);
        for place in places {
            let page = pages.get(&place.page).map_or(&[] as &[u8], |page| page);
            let mut blocks = self.head.find(place, page).map_err(|reason| self.damaged(reason))?;
            blocks.unite(&self.head.opaque);
            found.intersect(&blocks);
        }
        Ok(found)
    }

    /// Reads every page and checks it.
    pub async fn check_pages(&self) -> Result<(), LakeError> {
        for page in 0..self.head.pages() {
            let read = self.read_pages(std::iter::once(page)).await?;
            let bytes = read.get(&page).map_or(&[] as &[u8], |bytes| bytes);
            self.head.check(page, bytes).map_err(|reason| self.damaged(reason))?;
        }
        Ok(())
    }

    async fn read_pages(&self, pages: impl Iterator<Item = u32>) -> Result<BTreeMap<u32, Bytes>, LakeError> {
        let mut pages: Vec<u32> = pages.collect();
        pages.sort_unstable();
        pages.dedup();
        let ranges: Vec<_> = pages.iter().map(|page| self.head.range(*page)).collect();
        let read = self.store.get_ranges(&self.path, &ranges).await.map_err(|source| LakeError::File {
            doing: "read a page",
            path: self.path.to_string(),
            source,
        })?;
        Ok(pages.into_iter().zip(read).collect())
    }

    fn damaged(&self, reason: String) -> LakeError {
        LakeError::TermIndex { path: self.path.to_string(), reason }
    }
}
