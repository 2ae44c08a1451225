//! Values of which the latest counts, whatever order they arrive in.

/// A value and the time of the row it was in. Of two with the same time the greater value wins, so taking
/// values in is the same in any order and any number of times.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Latest<T> {
    pub at: i64,
    pub value: T,
}

/// Takes a value in if it is later than the present one.
pub(super) fn offer<T: Ord>(present: &mut Option<Latest<T>>, at: i64, value: Option<T>) {
    raise(present, value.map(|value| Latest { at, value }));
}

/// Keeps the greater of both.
pub(super) fn raise<T: Ord>(present: &mut Option<T>, offered: Option<T>) {
    if *present < offered {
        *present = offered;
    }
}

pub(super) fn value<T: Clone>(present: &Option<Latest<T>>) -> Option<T> {
    present.as_ref().map(|latest| latest.value.clone())
}
