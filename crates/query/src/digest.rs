//! A summary of numbers from which percentiles are read: exact while there are few different values, a t-digest
//! beyond that.

use std::cmp::Ordering;

use model::Kind;
use serde::{Deserialize, Serialize};

/// Centroids that are kept; twice as many before they are cut down.
const CENTROIDS_MAX: usize = 1_024;

/// A number that values are summarized as. Times and integers stay whole, since a real would lose their ends.
pub(crate) trait Point: Copy + PartialOrd {
    /// The mean of two points by their weights.
    fn blend(self, weight: u64, other: Self, other_weight: u64) -> Self;
    fn compare(&self, other: &Self) -> Ordering;
}

impl Point for i64 {
    fn blend(self, weight: u64, other: i64, other_weight: u64) -> i64 {
        let sum = i128::from(self) * i128::from(weight) + i128::from(other) * i128::from(other_weight);
        let total = i128::from(weight) + i128::from(other_weight);
        // Between two 64-bit numbers, so it is one.
        i64::try_from(sum.div_euclid(total.max(1))).unwrap_or(self)
    }

    fn compare(&self, other: &i64) -> Ordering {
        self.cmp(other)
    }
}

impl Point for f64 {
    fn blend(self, weight: u64, other: f64, other_weight: u64) -> f64 {
        let (weight, other_weight) = (weight as f64, other_weight as f64);
        self + (other - self) * (other_weight / (weight + other_weight))
    }

    fn compare(&self, other: &f64) -> Ordering {
        self.total_cmp(other)
    }
}

/// Points with the number of values that each stands for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Centroids<P> {
    points: Vec<(P, u64)>,
    /// How many of `points`, from the start, are in order and all different.
    #[serde(skip)]
    sorted: usize,
}

impl<P> Default for Centroids<P> {
    fn default() -> Centroids<P> {
        Centroids { points: Vec::new(), sorted: 0 }
    }
}

impl<P: Point> Centroids<P> {
    pub fn add(&mut self, value: P, weight: u64) {
        if weight == 0 {
            return;
        }
        self.points.push((value, weight));
        if self.points.len() >= 2 * CENTROIDS_MAX {
            self.tidy();
        }
    }

    pub fn merge(&mut self, other: &Centroids<P>) {
        for (value, weight) in &other.points {
            self.add(*value, *weight);
        }
    }

    pub fn heap_bytes(&self) -> usize {
        self.points.capacity() * size_of::<(P, u64)>()
    }

    fn total(&self) -> u64 {
        self.points.iter().fold(0, |total, (_, weight)| total.saturating_add(*weight))
    }

    /// Puts the points in order and joins equal ones; neighbours too where there still are too many.
    fn tidy(&mut self) {
        if self.sorted == self.points.len() {
            return;
        }
        self.points.sort_by(|left, right| left.0.compare(&right.0));
        self.points.dedup_by(|next, kept| {
            let same = next.0.compare(&kept.0) == Ordering::Equal;
            if same {
                kept.1 = kept.1.saturating_add(next.1);
            }
            same
        });
        if self.points.len() > CENTROIDS_MAX {
            self.compress();
        }
        self.sorted = self.points.len();
    }

    /// Joins neighbours. Near the ends a centroid may stand for few values only, so that extreme percentiles stay
    /// close. (The scale function k1 of Dunning's t-digest.)
    fn compress(&mut self) {
        let total = self.total() as f64;
        let scale = |share: f64| {
            CENTROIDS_MAX as f64 / std::f64::consts::TAU * (2.0 * share.clamp(0.0, 1.0) - 1.0).asin()
        };
        let mut kept: Vec<(P, u64)> = Vec::with_capacity(CENTROIDS_MAX);
        let mut before = 0.0;
        for (value, weight) in self.points.drain(..) {
            if let Some(last) = kept.last_mut() {
                let joined = before + last.1 as f64 + weight as f64;
                if scale(joined / total) - scale(before / total) <= 1.0 {
                    last.0 = last.0.blend(last.1, value, weight);
                    last.1 = last.1.saturating_add(weight);
                    continue;
                }
                before += last.1 as f64;
            }
            kept.push((value, weight));
        }
        self.points = kept;
    }

    /// The least value that at least this share of all values does not exceed.
    fn percentile(&self, percent: f64) -> Option<P> {
        let wanted = percent.clamp(0.0, 100.0) / 100.0 * self.total() as f64;
        // The share of a value in a small set is no exact number: 29% of 100 is 29.000000000000004.
        let wanted = (wanted - 1e-9 * wanted.max(1.0)).ceil().max(1.0);
        let mut seen = 0u64;
        for (value, weight) in &self.points {
            seen = seen.saturating_add(*weight);
            if seen as f64 >= wanted {
                return Some(*value);
            }
        }
        self.points.last().map(|(value, _)| *value)
    }

    /// How many values are at most this one.
    fn rank(&self, value: P) -> u64 {
        let below = self.points.iter().take_while(|(point, _)| point.compare(&value) != Ordering::Greater);
        below.fold(0, |rank, (_, weight)| rank.saturating_add(*weight))
    }
}

/// What a query holds of a summary, as dynamic: the kind of the values, and the centroids.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "centroids", rename_all = "lowercase")]
pub(crate) enum Digest {
    Long(Centroids<i64>),
    DateTime(Centroids<i64>),
    TimeSpan(Centroids<i64>),
    Real(Centroids<f64>),
}

/// A value read from a summary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Found {
    Whole(i64),
    Real(f64),
}

impl Found {
    pub fn real(self) -> f64 {
        match self {
            Found::Whole(number) => number as f64,
            Found::Real(number) => number,
        }
    }
}

impl Digest {
    /// An empty summary of values of a kind.
    pub fn of(kind: Kind) -> Digest {
        match kind {
            Kind::DateTime => Digest::DateTime(Centroids::default()),
            Kind::TimeSpan => Digest::TimeSpan(Centroids::default()),
            Kind::Int | Kind::Long | Kind::Bool => Digest::Long(Centroids::default()),
            _ => Digest::Real(Centroids::default()),
        }
    }

    /// Reads what `to_json` wrote; `None` of everything else.
    pub fn parse(json: &str) -> Option<Digest> {
        let mut digest: Digest = serde_json::from_str(json).ok()?;
        digest.tidy();
        Some(digest)
    }

    pub fn to_json(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }

    pub fn kind(&self) -> Kind {
        match self {
            Digest::Long(_) => Kind::Long,
            Digest::DateTime(_) => Kind::DateTime,
            Digest::TimeSpan(_) => Kind::TimeSpan,
            Digest::Real(_) => Kind::Real,
        }
    }

    pub fn tidy(&mut self) {
        match self {
            Digest::Long(points) | Digest::DateTime(points) | Digest::TimeSpan(points) => points.tidy(),
            Digest::Real(points) => points.tidy(),
        }
    }

    /// Takes another summary in; false when its values are of another kind.
    pub fn merge(&mut self, other: &Digest) -> bool {
        match (self, other) {
            (Digest::Long(points), Digest::Long(others))
            | (Digest::DateTime(points), Digest::DateTime(others))
            | (Digest::TimeSpan(points), Digest::TimeSpan(others)) => points.merge(others),
            (Digest::Real(points), Digest::Real(others)) => points.merge(others),
            (Digest::Real(points), Digest::Long(others)) => {
                others.points.iter().for_each(|(value, weight)| points.add(*value as f64, *weight));
            }
            (this @ Digest::Long(_), Digest::Real(others)) => {
                let mut points = others.clone();
                if let Digest::Long(own) = &*this {
                    own.points.iter().for_each(|(value, weight)| points.add(*value as f64, *weight));
                }
                *this = Digest::Real(points);
            }
            _ => return false,
        }
        true
    }

    pub fn percentile(&self, percent: f64) -> Option<Found> {
        if percent.is_nan() {
            return None;
        }
        match self {
            Digest::Long(points) | Digest::DateTime(points) | Digest::TimeSpan(points) => {
                points.percentile(percent).map(Found::Whole)
            }
            Digest::Real(points) => points.percentile(percent).map(Found::Real),
        }
    }

    pub fn heap_bytes(&self) -> usize {
        match self {
            Digest::Long(points) | Digest::DateTime(points) | Digest::TimeSpan(points) => points.heap_bytes(),
            Digest::Real(points) => points.heap_bytes(),
        }
    }

    pub fn total(&self) -> u64 {
        match self {
            Digest::Long(points) | Digest::DateTime(points) | Digest::TimeSpan(points) => points.total(),
            Digest::Real(points) => points.total(),
        }
    }

    /// How many values are at most this one.
    pub fn rank(&self, value: f64) -> u64 {
        match self {
            Digest::Long(points) | Digest::DateTime(points) | Digest::TimeSpan(points) => {
                points.rank(value.floor() as i64)
            }
            Digest::Real(points) => points.rank(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(values: impl IntoIterator<Item = i64>) -> Digest {
        let mut points = Centroids::default();
        values.into_iter().for_each(|value| points.add(value, 1));
        let mut digest = Digest::Long(points);
        digest.tidy();
        digest
    }

    #[test]
    fn few_values_are_exact() {
        let numbers = digest(1..=100);
        for (percent, expected) in [(0.0, 1), (1.0, 1), (29.0, 29), (50.0, 50), (95.5, 96), (100.0, 100)] {
            assert_eq!(numbers.percentile(percent), Some(Found::Whole(expected)), "{percent}");
        }
        assert_eq!(numbers.rank(42.5), 42);
        assert_eq!(digest([]).percentile(50.0), None);
    }

    #[test]
    fn many_values_are_close_and_bounded() {
        // A permutation of the numbers below a prime.
        let numbers = digest((0..100_003i64).map(|n| n * 7_919 % 100_003));
        let Digest::Long(points) = &numbers else { panic!("of another kind") };
        assert!(points.points.len() <= 2 * CENTROIDS_MAX, "{}", points.points.len());
        for percent in [0.1f64, 1.0, 25.0, 50.0, 75.0, 99.0, 99.9] {
            let found = numbers.percentile(percent).unwrap().real();
            let expected = percent * 1_000.03;
            let error = (found - expected).abs() / 100_003.0;
            assert!(error < 0.003, "{percent}: {found} instead of {expected}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(values in proptest::collection::vec(-1_000i64..1_000, 0..50)) {
            let whole = digest(values);
            prop_assert_eq!(Digest::parse(&whole.to_json().unwrap()), Some(whole));
        }

        #[test]
        fn merging_is_adding(left in proptest::collection::vec(-50i64..50, 0..50), right in proptest::collection::vec(-50i64..50, 0..50)) {
            let mut merged = digest(left.clone());
            merged.merge(&digest(right.clone()));
            merged.tidy();
            prop_assert_eq!(merged, digest(left.into_iter().chain(right)));
        }
    }
}
