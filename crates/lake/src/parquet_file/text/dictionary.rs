//! Distinct texts and their numbers.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// The distinct texts of a chunk, numbered in the order in which they came.
#[derive(Default)]
pub(super) struct Dictionary {
    /// Each text behind its length: what the dictionary's page holds.
    page: Vec<u8>,
    /// Where each text begins.
    starts: Vec<u32>,
    /// For each text the last page that had it.
    last_page: Vec<u32>,
    numbers: HashTable<u32>,
    hasher: RandomState,
    pages: u32,
}

pub(super) struct Found {
    pub code: u32,
    /// The chunk did not have it before.
    pub is_new: bool,
    /// The page did not have it before.
    pub is_first_of_page: bool,
}

impl Dictionary {
    pub fn code(&mut self, text: &str) -> Found {
        let Dictionary { page, starts, last_page, numbers, hasher, pages } = self;
        let hash = hasher.hash_one(text.as_bytes());
        let is_it = |code: &u32| text_at(page, starts, *code) == text.as_bytes();
        if let Some(code) = numbers.find(hash, is_it).copied() {
            let before = std::mem::replace(&mut last_page[code as usize], *pages);
            return Found { code, is_new: false, is_first_of_page: before != *pages };
        }
        let code = starts.len() as u32;
        page.extend_from_slice(&(text.len() as u32).to_le_bytes());
        starts.push(page.len() as u32);
        page.extend_from_slice(text.as_bytes());
        last_page.push(*pages);
        numbers.insert_unique(hash, code, |code| hasher.hash_one(text_at(page, starts, *code)));
        Found { code, is_new: true, is_first_of_page: true }
    }

    pub fn end_page(&mut self) {
        self.pages += 1;
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    pub fn bytes(&self) -> usize {
        self.page.len()
    }

    pub fn page(&self) -> &[u8] {
        &self.page
    }
}

fn text_at<'a>(page: &'a [u8], starts: &[u32], code: u32) -> &'a [u8] {
    let start = starts[code as usize] as usize;
    let mut length = [0; 4];
    length.copy_from_slice(&page[start - 4..start]);
    &page[start..start + u32::from_le_bytes(length) as usize]
}
