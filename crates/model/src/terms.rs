//! Terms of text: maximal runs of alphanumeric characters, without regard to case. What `has` looks for, and what
//! the lake's index of terms knows.

use std::borrow::Cow;

/// Text as it is compared without regard to case: lower case, character for character as `has` and `=~` fold it,
/// and the two forms of a lower-case sigma as one, since which of them a text gets depends on what follows.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.to_lowercase().replace('ς', "σ"))
}

/// Whether a character belongs to a term rather than between two.
pub fn is_term_char(character: char) -> bool {
    character.is_alphanumeric()
}

/// The terms of a folded text, in order, with the place of each.
pub fn terms(folded: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = folded.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, _) = rest.find(|(_, character)| is_term_char(*character))?;
        while rest.next_if(|(_, character)| is_term_char(*character)).is_some() {}
        let end = rest.peek().map_or(folded.len(), |(at, _)| *at);
        Some((start, &folded[start..end]))
    })
}

/// How a condition compares a text with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    Equal,
    Has,
    HasPrefix,
    HasSuffix,
    Contains,
    StartsWith,
    EndsWith,
}

/// A condition on the text of a column that an index may narrow: it holds for one of the values, or for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextCondition {
    pub column: String,
    pub op: MatchOp,
    pub values: Vec<String>,
    pub needs_all: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let folded = fold(text);
        assert_eq!(terms(&folded).map(|(_, term)| term).collect::<Vec<_>>(), expected, "{text:?}");
        for (at, term) in terms(&folded) {
            assert_eq!(&folded[at..at + term.len()], term);
        }
    }

    #[test]
    fn terms_are_runs_of_letters_and_digits() {
        check("", &[]);
        check("--", &[]);
        check("C:\\Windows\\CMD.exe /c", &["c", "windows", "cmd", "exe", "c"]);
        check("a_b", &["a", "b"]);
        check("Größe ÄÖ", &["größe", "äö"]);
        check("10.0.0.5", &["10", "0", "0", "5"]);
        check("日本語 テスト", &["日本語", "テスト"]);
        check("²½", &["²½"]);
    }

    #[test]
    fn a_sigma_is_one_letter() {
        check("ΟΔΟΣ.Α ΟΔΟΣ οδος οδοσ", &["οδοσ", "α", "οδοσ", "οδοσ", "οδοσ"]);
    }

    /// What stands between terms does so in either case: else a term that a text has could fall apart, or melt
    /// into its neighbour, in the folded text.
    #[test]
    fn folding_makes_no_separator_a_letter() {
        for character in (char::MIN..=char::MAX).filter(|character| !is_term_char(*character)) {
            assert!(!character.to_lowercase().any(is_term_char), "{character:?}");
        }
    }
}
