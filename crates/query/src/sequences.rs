//! Events that follow each other, step by step.

use std::collections::BTreeSet;

/// Sequences that are found at most, and as many times beginnings that are followed.
const FOUND_MAX: usize = 1_000_000;

#[derive(Debug, thiserror::Error)]
#[error("there are more than {FOUND_MAX} sequences: use narrower windows")]
pub(crate) struct TooManySequences;

/// How far events may lie apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spans {
    /// Two steps that follow each other.
    pub step: i64,
    /// The first and the last one.
    pub whole: i64,
}

/// The times of each sequence in which every step follows the one before it. `steps` has the times at which events of
/// each step happened.
pub(crate) fn sequences(
    steps: &[BTreeSet<i64>],
    spans: Spans,
    followed: &mut usize,
) -> Result<Vec<Vec<i64>>, TooManySequences> {
    let Some((first, later)) = steps.split_first() else { return Ok(Vec::new()) };
    let mut found: Vec<Vec<i64>> = first.iter().map(|time| vec![*time]).collect();
    for step in later {
        let mut next = Vec::new();
        for times in &found {
            let (begun, last) = (times[0], times[times.len() - 1]);
            let end = last.saturating_add(spans.step).min(begun.saturating_add(spans.whole));
            for time in step.range(last.saturating_add(1)..).take_while(|time| **time <= end) {
                *followed += 1;
                if *followed > FOUND_MAX {
                    return Err(TooManySequences);
                }
                next.push(times.iter().copied().chain([*time]).collect());
            }
        }
        found = next;
    }
    Ok(found)
}

/// How many steps of a sequence events make within a time. Each event is its time and the steps that it can be, as bits,
/// in the order of time.
pub(crate) fn completed(events: &[(i64, u64)], steps: usize, within: i64) -> usize {
    // For each number of steps made, the latest time at which a sequence that made them began.
    let mut begun: Vec<Option<i64>> = vec![None; steps];
    let mut most = 0;
    for of_time in events.chunk_by(|left, right| left.0 == right.0) {
        let (time, bits) = (of_time[0].0, of_time.iter().fold(0, |bits, (_, more)| bits | more));
        for at in (0..steps).rev().filter(|at| bits & (1 << at) != 0) {
            let began = if at == 0 { Some(time) } else { begun[at - 1] };
            if let Some(began) = began.filter(|began| time.saturating_sub(*began) <= within) {
                begun[at] = begun[at].max(Some(began));
                most = most.max(at + 1);
            }
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_follow_each_other_within_their_spans() {
        let steps = [BTreeSet::from([0, 10]), BTreeSet::from([10, 12, 30]), BTreeSet::from([13, 21])];
        let found = |step, whole| sequences(&steps, Spans { step, whole }, &mut 0).unwrap();
        assert_eq!(found(10, 20), [[0, 10, 13], [10, 12, 13], [10, 12, 21]]);
        assert_eq!(found(12, 13), [[0, 10, 13], [0, 12, 13], [10, 12, 13], [10, 12, 21]]);
        assert_eq!(found(2, 3), [[10, 12, 13]]);
        let all: BTreeSet<i64> = (0..2_000).collect();
        let many = [all.clone(), all.clone(), all];
        assert!(sequences(&many, Spans { step: 5_000, whole: 5_000 }, &mut 0).is_err());
    }

    #[test]
    fn a_sequence_is_completed_as_far_as_time_allows() {
        let events = [(0, 0b001), (5, 0b010), (8, 0b001), (9, 0b010), (9, 0b100), (20, 0b100)];
        for (within, expected) in [(0, 1), (1, 2), (8, 2), (9, 3), (100, 3)] {
            assert_eq!(completed(&events, 3, within), expected, "{within}");
        }
        assert_eq!(completed(&[(0, 0b11)], 2, 10), 1);
        assert_eq!(completed(&[(0, 0b10)], 2, 10), 0);
    }
}
