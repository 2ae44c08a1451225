//! The string operators: terms, substrings, prefixes and suffixes, with and without regard to case.
//!
//! A *term* is a maximal run of alphanumeric characters. `has x` asks for `x` with a term boundary at each end
//! where `x` itself ends in an alphanumeric character. (Source: the language's published documentation.)

use aho_corasick::AhoCorasick;
use memchr::memmem;
pub(crate) use model::terms::MatchOp;

use crate::blocks::{Blocks, rareness};

/// One value to look for, prepared once for many rows.
pub(crate) struct Matcher {
    op: MatchOp,
    case_sensitive: bool,
    /// Lower-case unless case-sensitive.
    needle: String,
    finder: Option<memmem::Finder<'static>>,
    /// The place in the needle of the letter that is looked for first.
    rare: usize,
    starts_in_term: bool,
    ends_in_term: bool,
}

impl Matcher {
    pub fn new(op: MatchOp, case_sensitive: bool, needle: &str) -> Matcher {
        let needle = if case_sensitive { needle.to_owned() } else { needle.to_lowercase() };
        let finder = case_sensitive.then(|| memmem::Finder::new(needle.as_bytes()).into_owned());
        let starts_in_term = needle.chars().next().is_some_and(char::is_alphanumeric);
        let ends_in_term = needle.chars().next_back().is_some_and(char::is_alphanumeric);
        let rare = rarest(needle.as_bytes());
        Matcher { op, case_sensitive, needle, finder, rare, starts_in_term, ends_in_term }
    }

    /// How every text begins that can match, but for the case of its letters; only texts that do not begin with four
    /// ASCII characters may match besides.
    pub fn beginning(&self) -> Option<[u8; 4]> {
        let is_at_start = matches!(self.op, MatchOp::Equal | MatchOp::StartsWith);
        let beginning: [u8; 4] = self.needle.as_bytes().get(..4)?.try_into().ok()?;
        (is_at_start && beginning.is_ascii()).then(|| beginning.map(|byte| byte.to_ascii_lowercase()))
    }

    /// Finds the texts that may match, where they have to contain something.
    pub fn blocks(&self) -> Option<Blocks> {
        if !is_inside(self.op) {
            return None;
        }
        Blocks::of(std::iter::once(self.needle.as_str()), self.case_sensitive)
    }

    pub fn matches(&self, text: &str) -> bool {
        if self.case_sensitive || self.needle.is_ascii() && text.is_ascii() {
            return self.matches_prepared(text);
        }
        // Outside ASCII, case is folded for the whole text; the ASCII comparison below then finds nothing new.
        self.matches_prepared(&text.to_lowercase())
    }

    fn matches_prepared(&self, text: &str) -> bool {
        let (text_bytes, needle) = (text.as_bytes(), self.needle.as_bytes());
        match self.op {
            MatchOp::Equal => self.same(text_bytes, needle),
            MatchOp::StartsWith => {
                text_bytes.get(..needle.len()).is_some_and(|start| self.same(start, needle))
            }
            MatchOp::EndsWith => {
                text_bytes.len() >= needle.len()
                    && self.same(&text_bytes[text_bytes.len() - needle.len()..], needle)
            }
            MatchOp::Contains => self.find(text_bytes, 0).is_some(),
            MatchOp::Has => self.find_term(text, true, true),
            MatchOp::HasPrefix => self.find_term(text, true, false),
            MatchOp::HasSuffix => self.find_term(text, false, true),
        }
    }

    fn same(&self, left: &[u8], right: &[u8]) -> bool {
        if self.case_sensitive { left == right } else { left.eq_ignore_ascii_case(right) }
    }

    fn find(&self, text: &[u8], from: usize) -> Option<usize> {
        match &self.finder {
            Some(finder) => finder.find(&text[from..]).map(|at| from + at),
            None => find_ignoring_case(text, self.needle.as_bytes(), self.rare, from),
        }
    }

    fn find_term(&self, text: &str, bounded_before: bool, bounded_after: bool) -> bool {
        let mut from = 0;
        while let Some(at) = self.find(text.as_bytes(), from) {
            let end = at + self.needle.len();
            let before =
                bounded_before && self.starts_in_term && ends_in_term(&text.as_bytes()[..at], text, at);
            let after = bounded_after && self.ends_in_term && starts_in_term(text, end);
            if !before && !after {
                return true;
            }
            from = at + 1;
            if from > text.len() {
                return false;
            }
        }
        false
    }
}

/// Whether what is looked for may be anywhere in a text.
fn is_inside(op: MatchOp) -> bool {
    matches!(op, MatchOp::Contains | MatchOp::Has | MatchOp::HasPrefix | MatchOp::HasSuffix)
}

fn ends_in_term(before: &[u8], text: &str, at: usize) -> bool {
    match before.last() {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        Some(_) => text.get(..at).and_then(|t| t.chars().next_back()).is_some_and(char::is_alphanumeric),
    }
}

fn starts_in_term(text: &str, at: usize) -> bool {
    match text.as_bytes().get(at) {
        None => false,
        Some(byte) if byte.is_ascii() => byte.is_ascii_alphanumeric(),
        Some(_) => text.get(at..).and_then(|t| t.chars().next()).is_some_and(char::is_alphanumeric),
    }
}

/// The place of the byte that is the rarest in texts.
fn rarest(needle: &[u8]) -> usize {
    let ranked =
        needle.iter().enumerate().max_by_key(|(at, byte)| (rareness(**byte), std::cmp::Reverse(*at)));
    ranked.map_or(0, |(at, _)| at)
}

/// Finds `needle` (lower case) in `text` from `from` on, ASCII letters of either case being the same. It is looked for
/// by the byte of it at `rare`.
fn find_ignoring_case(text: &[u8], needle: &[u8], rare: usize, from: usize) -> Option<usize> {
    let Some(first) = needle.get(rare) else { return (from <= text.len()).then_some(from) };
    let last_start = text.len().checked_sub(needle.len())?;
    let upper = first.to_ascii_uppercase();
    let mut at = from;
    while at <= last_start {
        let window = &text[at + rare..=last_start + rare];
        at += if *first == upper {
            memchr::memchr(*first, window)?
        } else {
            memchr::memchr2(*first, upper, window)?
        };
        if text[at..at + needle.len()].eq_ignore_ascii_case(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Several values to look for at once: `in~`, `has_any`, `has_all`.
pub(crate) struct ManyMatcher {
    matchers: Vec<Matcher>,
    /// Tells quickly that none of the values occurs, when they are many.
    any: Option<AhoCorasick>,
}

/// From here on one pass for all values beats one pass for each.
const MANY: usize = 4;

impl ManyMatcher {
    pub fn new(op: MatchOp, needles: &[String]) -> ManyMatcher {
        let all_ascii = needles.iter().all(|needle| needle.is_ascii() && !needle.is_empty());
        let any = (needles.len() >= MANY && all_ascii)
            .then(|| AhoCorasick::builder().ascii_case_insensitive(true).build(needles).ok())
            .flatten();
        ManyMatcher { matchers: needles.iter().map(|needle| Matcher::new(op, false, needle)).collect(), any }
    }

    /// Finds the texts that may match, where they have to contain one of the values.
    pub fn blocks(&self) -> Option<Blocks> {
        let is_inside = self.matchers.iter().all(|matcher| is_inside(matcher.op));
        let words = self.matchers.iter().map(|matcher| matcher.needle.as_str());
        if is_inside { Blocks::of(words, false) } else { None }
    }

    pub fn any(&self, text: &str) -> bool {
        if text.is_ascii() && self.any.as_ref().is_some_and(|any| !any.is_match(text)) {
            return false;
        }
        self.matchers.iter().any(|matcher| matcher.matches(text))
    }

    pub fn all(&self, text: &str) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(text))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(op: MatchOp, text: &str, needle: &str, expected: bool) {
        assert_eq!(Matcher::new(op, false, needle).matches(text), expected, "{op:?} {text:?} {needle:?}");
    }

    #[test]
    fn has_needs_whole_terms() {
        check(MatchOp::Has, "KustoExplorerQueryRun", "Explorer", false);
        check(MatchOp::Has, "kusto explorer run", "EXPLORER", true);
        check(MatchOp::Has, "a_b", "b", true);
        check(MatchOp::Has, "C:\\Windows\\cmd.exe /c", "cmd.exe", true);
        check(MatchOp::Has, "xcmd.exe", "cmd.exe", false);
        check(MatchOp::Has, "net.exe net1.exe user", "user", true);
        check(MatchOp::Has, "foobar foo", "foo", true);
        check(MatchOp::Has, "--encoded", "--enc", false);
        check(MatchOp::Has, "a--enc b", "--enc", true);
        check(MatchOp::Has, "größe", "grö", false);
        check(MatchOp::Has, "die GRÖẞE", "größe", true);
        check(MatchOp::Has, "die GRÖSSE ist", "grösse", true);
        check(MatchOp::Has, "", "", true);
        check(MatchOp::HasPrefix, "explorer", "exp", true);
        check(MatchOp::HasPrefix, "myexplorer", "exp", false);
        check(MatchOp::HasSuffix, "explorer.exe", "rer", true);
        check(MatchOp::HasSuffix, "explorers", "rer", false);
    }

    #[test]
    fn substrings_prefixes_and_suffixes_ignore_case() {
        check(MatchOp::Contains, "PowerShell.exe", "SHELL", true);
        check(MatchOp::StartsWith, "PowerShell", "power", true);
        check(MatchOp::EndsWith, "PowerShell", "SHELL", true);
        check(MatchOp::EndsWith, "ell", "SHELL", false);
        check(MatchOp::Equal, "Straße", "STRAßE", true);
        check(MatchOp::Contains, "abc", "", true);
        assert!(!Matcher::new(MatchOp::Contains, true, "shell").matches("PowerShell"));
        assert!(Matcher::new(MatchOp::Contains, true, "Shell").matches("PowerShell"));
    }

    proptest! {
        #[test]
        fn contains_is_the_plain_definition(text in "[a-cA-C ö]{0,12}", needle in "[a-cA-C]{0,3}") {
            let expected = text.to_lowercase().contains(&needle.to_lowercase());
            prop_assert_eq!(Matcher::new(MatchOp::Contains, false, &needle).matches(&text), expected);
        }

        #[test]
        fn has_is_the_plain_definition(text in "[abAB _.]{0,12}", needle in "[abAB]{1,3}") {
            let (text_lower, needle_lower) = (text.to_lowercase(), needle.to_lowercase());
            let expected = text_lower.split(|c: char| !c.is_alphanumeric()).any(|term| term == needle_lower);
            prop_assert_eq!(Matcher::new(MatchOp::Has, false, &needle).matches(&text), expected);
        }

        #[test]
        fn many_values_are_each_value(text in ".{0,20}", needles in proptest::collection::vec("[a-z.]{1,3}", 0..7)) {
            let many = ManyMatcher::new(MatchOp::Has, &needles);
            let each = |needle: &String| Matcher::new(MatchOp::Has, false, needle).matches(&text);
            prop_assert_eq!(many.any(&text), needles.iter().any(each));
            prop_assert_eq!(many.all(&text), needles.iter().all(each));
        }
    }
}
