//! What a condition on a column asks of the index.

use model::tables::Column;
use model::terms::{MatchOp, fold, terms};

use super::build::{is_indexed, is_looked_up};
use super::collect::{TERM_BYTES_MIN, hash};

/// So many terms of one condition are looked up: each costs a read, and the longest leave the fewest blocks.
const TERMS_MAX: usize = 4;

/// Conditions on text that the index can narrow, with the value they compare with. The index does not regard case,
/// so each stands for the forms that do, and for those that do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextMatch<'a> {
    Equals(&'a str),
    Has(&'a str),
    HasPrefix(&'a str),
    HasSuffix(&'a str),
    Contains(&'a str),
    StartsWith(&'a str),
    EndsWith(&'a str),
}

impl<'a> TextMatch<'a> {
    pub fn new(op: MatchOp, value: &'a str) -> TextMatch<'a> {
        match op {
            MatchOp::Equal => TextMatch::Equals(value),
            MatchOp::Has => TextMatch::Has(value),
            MatchOp::HasPrefix => TextMatch::HasPrefix(value),
            MatchOp::HasSuffix => TextMatch::HasSuffix(value),
            MatchOp::Contains => TextMatch::Contains(value),
            MatchOp::StartsWith => TextMatch::StartsWith(value),
            MatchOp::EndsWith => TextMatch::EndsWith(value),
        }
    }
}

/// Terms that are all in a row for which a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle(pub(super) Vec<u64>);

impl Needle {
    /// None when the index cannot say anything: then every block may hold a row.
    pub fn new(column: &Column, condition: TextMatch<'_>) -> Option<Needle> {
        if !is_indexed(column.kind) {
            return None;
        }
        // At an end that is bounded, a term of the value is one of the text. Otherwise it may go on there.
        let (value, bounded_before, bounded_after) = match condition {
            TextMatch::Equals(value) if is_looked_up(column.name) => return Needle::whole(value),
            TextMatch::Equals(value) | TextMatch::Has(value) => (value, true, true),
            TextMatch::HasPrefix(value) | TextMatch::StartsWith(value) => (value, true, false),
            TextMatch::HasSuffix(value) | TextMatch::EndsWith(value) => (value, false, true),
            TextMatch::Contains(value) => (value, false, false),
        };
        let folded = fold(value);
        let is_whole = |(at, term): &(usize, &str)| {
            (bounded_before || *at > 0) && (bounded_after || at + term.len() < folded.len())
        };
        let mut found: Vec<&str> = terms(&folded)
            .filter(is_whole)
            .map(|(_, term)| term)
            .filter(|term| term.len() >= TERM_BYTES_MIN)
            .collect();
        found.sort_by_key(|term| std::cmp::Reverse(term.len()));
        found.dedup();
        found.truncate(TERMS_MAX);
        (!found.is_empty()).then(|| Needle(found.iter().map(|term| hash(term.as_bytes())).collect()))
    }

    fn whole(value: &str) -> Option<Needle> {
        let folded = fold(value);
        (!folded.is_empty()).then(|| Needle(vec![hash(folded.as_bytes())]))
    }
}
