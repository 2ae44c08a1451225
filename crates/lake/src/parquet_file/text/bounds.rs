//! The smallest and largest text of a page or chunk.

use datafusion::parquet::data_type::ByteArray;
use datafusion::parquet::file::statistics::{Statistics, ValueStatistics};

use super::super::STATISTICS_BYTES;

/// Empty before the first text.
#[derive(Clone, Debug, Default)]
pub(super) struct Bounds(Option<(String, String)>);

/// A bound, and whether a text is equal to it.
pub(super) type Cut = (Vec<u8>, bool);

impl Bounds {
    pub fn extend(&mut self, text: &str) {
        match &mut self.0 {
            None => self.0 = Some((text.to_owned(), text.to_owned())),
            Some((smallest, largest)) => {
                if text < smallest.as_str() {
                    text.clone_into(smallest);
                } else if text > largest.as_str() {
                    text.clone_into(largest);
                }
            }
        }
    }

    pub fn extend_by(&mut self, other: &Bounds) {
        if let Some((smallest, largest)) = &other.0 {
            self.extend(smallest);
            self.extend(largest);
        }
    }

    /// Both, cut to what statistics hold: nothing is smaller than the one or larger than the other.
    pub fn cut(&self) -> (Cut, Cut) {
        let (smallest, largest) = self.0.as_ref().map_or(("", ""), |(a, b)| (a.as_str(), b.as_str()));
        let low = &smallest[..smallest.floor_char_boundary(STATISTICS_BYTES)];
        let high = match largest.len() > STATISTICS_BYTES {
            true => next_after(&largest[..largest.floor_char_boundary(STATISTICS_BYTES)]),
            false => None,
        };
        let high = high.map_or((largest.as_bytes().to_vec(), true), |high| (high.into_bytes(), false));
        ((low.as_bytes().to_vec(), low.len() == smallest.len()), high)
    }

    pub fn statistics(&self) -> Statistics {
        let (smallest, largest) = self.cut();
        let values = ValueStatistics::new(
            Some(ByteArray::from(smallest.0)),
            Some(ByteArray::from(largest.0)),
            None,
            Some(0),
            false,
        );
        Statistics::ByteArray(values.with_min_is_exact(smallest.1).with_max_is_exact(largest.1))
    }
}

/// A text that is larger than every one that begins with `text`, if there is one of no more bytes.
fn next_after(text: &str) -> Option<String> {
    for (at, character) in text.char_indices().rev() {
        let next = char::from_u32(character as u32 + 1);
        if let Some(next) = next.filter(|next| next.len_utf8() == character.len_utf8()) {
            return Some(format!("{}{next}", &text[..at]));
        }
    }
    None
}
