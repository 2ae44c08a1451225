//! Finding the bytes that mean something in the texts of JSON.

const ONES: u64 = u64::MAX / 255;
const HIGH_BITS: u64 = ONES << 7;

/// Where the first quote, backslash or control character is. Eight bytes are looked at in one go, by the usual
/// trick: subtracting from a byte borrows from its highest bit only if the byte was too small.
pub(super) fn first(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let is_below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word;
        let quote = is_below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = is_below(word ^ (ONES * u64::from(b'\\')), 1);
        // What is borrowed reaches higher bytes only, so the lowest bit is right.
        let found = (quote | backslash | is_below(word, 0x20)) & HIGH_BITS;
        if found != 0 {
            return Some(index * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))?;
    Some(words.len() * 8 + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_of_any_bytes(bytes: Vec<u8>, text in "[ -~\u{7f}é!#]{0,40}[\"\\\\\u{1f}\u{0}]?[ -~]{0,9}") {
            for bytes in [&*bytes, text.as_bytes()] {
                let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
                prop_assert_eq!(first(bytes), expected);
            }
        }
    }
}
