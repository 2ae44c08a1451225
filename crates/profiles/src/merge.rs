//! What profiles are made of: values that can be put together in any order and any number of times.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// Texts in a profile are no longer than this, in bytes. Longer ones stay in the events only.
pub(crate) const TEXT_BYTES_MAX: usize = 512;

/// A value that takes in another one of its kind. Taking in is associative, commutative and idempotent: which
/// rows came first, how they were cut into batches and which came twice makes no difference.
pub trait Merge {
    fn merge(&mut self, other: Self);
}

impl Merge for () {
    fn merge(&mut self, (): ()) {}
}

/// A value and the time of the row it was in, in ticks. Of two with the same time the greater value wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Latest<T> {
    pub at: i64,
    pub value: T,
}

/// Takes a value in if it is later than the present one.
pub(crate) fn offer<T: Ord>(present: &mut Option<Latest<T>>, at: i64, value: Option<T>) {
    raise(present, value.map(|value| Latest { at, value }));
}

/// Keeps the greater of both.
pub(crate) fn raise<T: Ord>(present: &mut Option<T>, offered: Option<T>) {
    if *present < offered {
        *present = offered;
    }
}

pub(crate) fn value<T: Clone>(present: &Option<Latest<T>>) -> Option<T> {
    present.as_ref().map(|latest| latest.value.clone())
}

/// The text, if there is one that a profile keeps.
pub(crate) fn kept(text: &str) -> Option<&str> {
    (!text.is_empty() && text.len() <= TEXT_BYTES_MAX).then_some(text)
}

/// A set of texts that keeps the smallest ones when there are more than it may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Texts<const MAX: usize>(BTreeSet<String>);

impl<const MAX: usize> Texts<MAX> {
    pub(crate) fn add(&mut self, text: &str) {
        if !self.0.contains(text) {
            self.0.insert(text.to_owned());
            while self.0.len() > MAX {
                self.0.pop_last();
            }
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<const MAX: usize> Merge for Texts<MAX> {
    fn merge(&mut self, other: Self) {
        other.iter().for_each(|text| self.add(text));
    }
}
