//! Looking for words in many texts at once. Texts that were read from a file stand one behind the other in a buffer:
//! it is searched as a whole for a few letters of each word, and only texts that have them are tested.

use aho_corasick::Span;
use aho_corasick::packed::{Config, MatchKind, Searcher};
use datafusion::arrow::array::{Array, BooleanBufferBuilder, StringViewArray};
use datafusion::arrow::buffer::BooleanBuffer;

use crate::views::Place;

/// Bytes between two texts that are searched with them.
const GAP_MAX: usize = 64;
/// Fewer bytes than that are not searched as one.
const BLOCK_BYTES_MIN: usize = 512;
/// Words that are searched for at once.
const WORDS_MAX: usize = 3;
/// Letters of a word that are searched for.
const LETTERS: usize = 3;
/// The characters outside ASCII whose small letter has one of ASCII.
const FOLDED_TO_ASCII: [&str; 2] = ["\u{212a}", "\u{130}"];

/// Finds the texts that may contain one of some words.
pub(crate) struct Blocks {
    searcher: Searcher,
}

impl Blocks {
    /// Of words that are to be found in whatever case, unless `case_sensitive`. `None` where searching does not tell:
    /// of words that are too many, too short or not of ASCII.
    pub fn of<'w>(words: impl Iterator<Item = &'w str>, case_sensitive: bool) -> Option<Blocks> {
        let words: Vec<&str> = words.take(WORDS_MAX + 1).collect();
        if words.is_empty() || words.len() > WORDS_MAX {
            return None;
        }
        let mut parts = Vec::new();
        for word in words {
            let letters = rarest(word)?;
            parts.extend(if case_sensitive { vec![letters.to_vec()] } else { spellings(letters) });
        }
        // Of parts that begin at the same place the first is found: the shortest, as it fits into a text where others
        // do not.
        parts.sort_by_key(Vec::len);
        let mut builder = Config::new().match_kind(MatchKind::LeftmostFirst).builder();
        builder.extend(parts);
        if !case_sensitive {
            builder.extend(FOLDED_TO_ASCII);
        }
        Some(Blocks { searcher: builder.build()? })
    }

    /// Which texts pass the test. It is asked of each row that may, and of no row twice; a null is an empty text.
    pub fn filter(&self, texts: &StringViewArray, mut test: impl FnMut(&str) -> bool) -> BooleanBuffer {
        let rows = texts.len();
        let mut found = BooleanBufferBuilder::new(rows);
        found.append_n(rows, false);
        let mut check = |row: usize| {
            let text = if texts.is_null(row) { "" } else { texts.value(row) };
            found.set_bit(row, test(text));
        };
        let mut row = 0;
        while row < rows {
            let Some(place) = Place::of(texts, row) else {
                check(row);
                row += 1;
                continue;
            };
            let (mut next, mut end) = (row + 1, place.end);
            while next < rows {
                let Some(other) = Place::of(texts, next) else { break };
                if other.buffer != place.buffer || other.start < end || other.start - end > GAP_MAX {
                    break;
                }
                end = other.end;
                next += 1;
            }
            match texts.data_buffers().get(place.buffer).and_then(|buffer| buffer.get(place.start..end)) {
                Some(block) if block.len() >= BLOCK_BYTES_MIN => {
                    self.candidates(texts, block, place.start, row..next, &mut check);
                }
                _ => (row..next).for_each(&mut check),
            }
            row = next;
        }
        found.finish()
    }

    /// Gives the rows of a block in which something is found.
    fn candidates(
        &self,
        texts: &StringViewArray,
        block: &[u8],
        from: usize,
        rows: std::ops::Range<usize>,
        give: &mut impl FnMut(usize),
    ) {
        let mut at = 0;
        let mut rows = rows.filter_map(|row| Some((row, Place::of(texts, row)?)));
        let Some(mut text) = rows.next() else { return };
        while let Some(found) = self.searcher.find_in(block, Span { start: at, end: block.len() }) {
            let (start, end) = (from + found.start(), from + found.end());
            while text.1.end <= start {
                match rows.next() {
                    Some(next) => text = next,
                    None => return,
                }
            }
            let is_inside = text.1.start <= start && end <= text.1.end;
            if is_inside {
                give(text.0);
            }
            at = if is_inside { text.1.end - from } else { found.start() + 1 };
        }
    }
}

/// Bytes of commands and paths, the most frequent first; those that are not here are rarer.
const FREQUENT: &[u8] = b"e atisornc\\dl-/.fpbm1u02\"3456789hgwvyk_:=x";

/// How rare a byte is in texts.
pub(crate) fn rareness(byte: u8) -> usize {
    FREQUENT.iter().position(|frequent| *frequent == byte.to_ascii_lowercase()).unwrap_or(FREQUENT.len())
}

/// The part of a word that is the rarest in texts.
fn rarest(word: &str) -> Option<&[u8]> {
    let letters = word.len().min(LETTERS);
    if letters < 2 || !word.is_ascii() {
        return None;
    }
    let rareness_of = |part: &&[u8]| part.iter().map(|byte| rareness(*byte)).sum::<usize>();
    word.as_bytes().windows(letters).max_by_key(rareness_of)
}

/// The letters in each combination of cases.
fn spellings(letters: &[u8]) -> Vec<Vec<u8>> {
    letters.iter().fold(vec![Vec::new()], |spelt, letter| {
        let (small, capital) = (letter.to_ascii_lowercase(), letter.to_ascii_uppercase());
        let cases = if small == capital { vec![small] } else { vec![small, capital] };
        let with = |start: &Vec<u8>| {
            let start = start.clone();
            cases.iter().map(move |letter| [start.as_slice(), &[*letter]].concat()).collect::<Vec<_>>()
        };
        spelt.iter().flat_map(with).collect()
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::StringViewBuilder;
    use proptest::prelude::*;

    use super::*;

    fn contained(texts: &StringViewArray, words: &[&str], case_sensitive: bool) -> Vec<usize> {
        let blocks = Blocks::of(words.iter().copied(), case_sensitive).unwrap();
        let contains = |text: &str| match case_sensitive {
            true => words.iter().any(|word| text.contains(word)),
            false => words.iter().any(|word| text.to_lowercase().contains(&word.to_lowercase())),
        };
        let found = blocks.filter(texts, contains);
        let plain: Vec<bool> = texts.iter().map(|text| contains(text.unwrap_or_default())).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), plain);
        found.set_indices().collect()
    }

    #[test]
    fn texts_with_a_word_are_found() {
        let texts = (0..200).map(|row| match row {
            3 => Some("a command line that runs CertUtil from somewhere".to_owned()),
            4 => None,
            5 => Some("certutil".to_owned()),
            100 => Some(
                "of a unit of temperature: CERTUTIL -urlcache, with \u{212a}elvin and a lot more".to_owned(),
            ),
            150 => Some("nothing but \u{212a}elvin, which is spelt like any other \u{212a}".to_owned()),
            row => Some(format!("a command line that does nothing of interest, number {row}, certain until")),
        });
        let texts: StringViewArray = texts.collect();
        assert_eq!(contained(&texts, &["certutil"], false), [3, 5, 100]);
        assert_eq!(contained(&texts, &["CertUtil"], true), [3]);
        assert_eq!(contained(&texts, &["kelvin", "urlcache"], false), [100, 150]);
        assert_eq!(contained(&texts.slice(2, 120), &["certutil"], false), [1, 3, 98]);
        assert!(contained(&texts, &["mimikatz"], false).is_empty());
    }

    #[test]
    fn what_is_searched_for_is_rare() {
        let shown = |word: &str| rarest(word).map(|letters| String::from_utf8_lossy(letters).into_owned());
        for (word, expected) in
            [("certutil", Some("rtu")), ("mimikatz", Some("mik")), ("xy", Some("xy")), ("x", None)]
        {
            assert_eq!(shown(word).as_deref(), expected, "{word}");
        }
        let spelt = spellings(b"a-b").into_iter().map(|text| String::from_utf8(text).unwrap());
        assert_eq!(spelt.collect::<Vec<_>>(), ["a-b", "a-B", "A-b", "A-B"]);
    }

    #[test]
    fn no_other_character_becomes_ascii() {
        let folded = (char::from(128)..=char::MAX).filter(|c| c.to_lowercase().any(|small| small.is_ascii()));
        let known = FOLDED_TO_ASCII.iter().flat_map(|text| text.chars());
        assert_eq!(folded.collect::<std::collections::BTreeSet<_>>(), known.collect());
    }

    #[test]
    fn a_word_across_two_texts_is_in_none() {
        let mut builder = StringViewBuilder::new().with_fixed_block_size(1 << 16);
        for _ in 0..50 {
            builder.append_value("ends with the first part of xyz");
            builder.append_value("zyx is how this one begins, xy");
        }
        let texts = builder.finish();
        assert!(contained(&texts, &["zz"], false).is_empty());
        assert_eq!(contained(&texts, &["xyz"], false).len(), 50);
        assert_eq!(contained(&texts, &["xyz", "xy"], false).len(), 100);
    }

    #[test]
    fn words_that_cannot_be_searched_for_have_no_blocks() {
        let many: Vec<String> = (0..30).map(|at| format!("word{at}")).collect();
        let is_some = |words: &[&str]| Blocks::of(words.iter().copied(), false).is_some();
        assert!(is_some(&["ab", "cd"]));
        assert!(!is_some(&[]));
        assert!(!is_some(&["ab", "c"]));
        assert!(!is_some(&["größe"]));
        assert!(!is_some(&many.iter().map(String::as_str).collect::<Vec<_>>()));
    }

    proptest! {
        #[test]
        fn every_text_that_contains_a_word_is_found(
            parts in proptest::collection::vec("[a-cA-C \u{130}\u{212a}k]{0,40}", 1..80),
            words in proptest::collection::vec("[a-ck]{2,3}", 1..4),
            block in 64u32..4096,
            case_sensitive: bool,
        ) {
            let mut builder = StringViewBuilder::new().with_fixed_block_size(block);
            parts.iter().for_each(|text| builder.append_value(text));
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            contained(&builder.finish(), &words, case_sensitive);
        }
    }
}
