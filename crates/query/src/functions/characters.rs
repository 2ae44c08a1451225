//! Texts by the positions of their characters.

use super::arrays::from_start;

/// The byte at which a character starts; the end of the text when it has fewer.
fn byte_at(text: &str, character: i64) -> usize {
    let Ok(character) = usize::try_from(character) else { return 0 };
    if text.is_ascii() {
        return character.min(text.len());
    }
    text.char_indices().nth(character).map_or(text.len(), |(at, _)| at)
}

pub(super) fn count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

/// The part from a character on, and the position it really starts at. A negative start counts from the end.
/// `None` when the text ends before; a negative length means all of the rest.
pub(super) fn part(text: &str, start: i64, length: i64) -> Option<(&str, i64)> {
    let start = if start < 0 { from_start(start, count(text)).max(0) } else { start };
    let rest = &text[byte_at(text, start)..];
    if rest.is_empty() && start > 0 && usize::try_from(start).is_ok_and(|start| start > count(text)) {
        return None;
    }
    Some((if length < 0 { rest } else { &rest[..byte_at(rest, length)] }, start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_texts() {
        for (text, start, length, expected) in [
            ("123456", 1, -1, Some(("23456", 1))),
            ("123456", -2, 2, Some(("56", 4))),
            ("123456", -9, 2, Some(("12", 0))),
            ("äöüß", 1, 2, Some(("öü", 1))),
            ("äöüß", -1, 9, Some(("ß", 3))),
            ("ab", 2, 1, Some(("", 2))),
            ("ab", 3, 1, None),
            ("", 0, 5, Some(("", 0))),
            ("ab", i64::MIN, i64::MAX, Some(("ab", 0))),
            ("ab", i64::MAX, i64::MIN, None),
        ] {
            assert_eq!(part(text, start, length), expected, "{text} {start} {length}");
        }
    }
}
