//! Distinct texts and their numbers.

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// The distinct texts of a chunk, numbered in the order in which they came.
#[derive(Default)]
pub(super) struct Dictionary {
    /// Each text behind its length: what the dictionary's page holds.
    page: Vec<u8>,
    texts: Vec<Text>,
    numbers: HashTable<u32>,
    hasher: RandomState,
    /// The data page at hand, counted from 1.
    at_page: u32,
}

/// Where a text is in the page.
struct Text {
    start: u32,
    bytes: u32,
    /// The last data page that had it; 0 for none.
    last_page: u32,
}

impl Text {
    fn of<'a>(&self, page: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        &page[start..start + self.bytes as usize]
    }
}

impl Dictionary {
    pub fn new() -> Dictionary {
        Dictionary { at_page: 1, ..Dictionary::default() }
    }

    /// The number of a text, and whether the chunk did not have it before.
    pub fn code(&mut self, text: &str) -> (u32, bool) {
        let Dictionary { page, texts, numbers, hasher, .. } = self;
        let hash = hasher.hash_one(text.as_bytes());
        let is_it = |code: &u32| texts[*code as usize].of(page) == text.as_bytes();
        if let Some(code) = numbers.find(hash, is_it) {
            return (*code, false);
        }
        let code = texts.len() as u32;
        page.extend_from_slice(&(text.len() as u32).to_le_bytes());
        texts.push(Text { start: page.len() as u32, bytes: text.len() as u32, last_page: 0 });
        page.extend_from_slice(text.as_bytes());
        numbers.insert_unique(hash, code, |code| hasher.hash_one(texts[*code as usize].of(page)));
        (code, true)
    }

    /// Notes that a row of the data page has this text. Says how long it is, and whether the page has it for the first
    /// time.
    pub fn used(&mut self, code: u32) -> (usize, bool) {
        let text = &mut self.texts[code as usize];
        let before = std::mem::replace(&mut text.last_page, self.at_page);
        (text.bytes as usize, before != self.at_page)
    }

    pub fn text(&self, code: u32) -> &str {
        std::str::from_utf8(self.texts[code as usize].of(&self.page)).unwrap_or_default()
    }

    pub fn end_page(&mut self) {
        self.at_page += 1;
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    pub fn bytes(&self) -> usize {
        self.page.len()
    }

    pub fn page(&self) -> &[u8] {
        &self.page
    }
}
