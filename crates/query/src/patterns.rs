//! Finding what many rows have in common: combinations of values of columns, and texts that differ in a few words.

mod reduce;

use std::collections::{HashMap, HashSet};

pub(crate) use reduce::{Reduced, reduce};

/// Combinations that are looked at.
const CANDIDATES_MAX: usize = 200_000;

/// A value of a column, by their numbers.
pub(crate) type Item = (u16, u32);

/// Values that stand together in some rows, in the order of their columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub items: Vec<Item>,
    /// The weight of its rows, of each of two sets.
    pub weight: [i64; 2],
}

/// Rows as the numbers of their values, column by column.
pub(crate) struct Values<'a> {
    pub columns: &'a [Vec<u32>],
    pub weights: &'a [i64],
    /// The set that each row belongs to.
    pub sets: &'a [u8],
}

impl Values<'_> {
    pub fn totals(&self) -> [i64; 2] {
        let mut totals = [0, 0];
        for (weight, set) in self.weights.iter().zip(self.sets) {
            totals[usize::from(*set)] += weight;
        }
        totals
    }

    fn holds(&self, row: usize, items: &[Item]) -> bool {
        items.iter().all(|(column, value)| self.columns[usize::from(*column)][row] == *value)
    }

    /// Every combination of up to `most` values whose rows weigh `least` or more in one of the sets, found from the
    /// smaller ones: what is rare does not become frequent with a further condition.
    pub fn frequent(&self, least: [i64; 2], most: usize) -> Vec<Pattern> {
        let is_frequent = |weight: [i64; 2]| (0..2).any(|set| weight[set] > 0 && weight[set] >= least[set]);
        let mut single: HashMap<Item, [i64; 2]> = HashMap::new();
        for (column, values) in self.columns.iter().enumerate() {
            for (row, value) in values.iter().enumerate() {
                let weight = single.entry((column as u16, *value)).or_default();
                weight[usize::from(self.sets[row])] += self.weights[row];
            }
        }
        let mut items: Vec<Item> =
            single.iter().filter(|(_, weight)| is_frequent(**weight)).map(|(item, _)| *item).collect();
        items.sort_unstable();
        let is_item: HashSet<Item> = items.iter().copied().collect();
        let mut all: Vec<Pattern> =
            items.iter().map(|item| Pattern { items: vec![*item], weight: single[item] }).collect();
        let mut level: Vec<Vec<Item>> = items.iter().map(|item| vec![*item]).collect();
        for _ in 1..most {
            let known: HashSet<&[Item]> = level.iter().map(Vec::as_slice).collect();
            // Each frequent combination of a row, with each further value of it.
            let mut counted: HashMap<Vec<Item>, [i64; 2]> = HashMap::new();
            for row in 0..self.weights.len() {
                let own: Vec<Item> = (0..self.columns.len())
                    .map(|column| (column as u16, self.columns[column][row]))
                    .filter(|item| is_item.contains(item))
                    .collect();
                for items in known.iter().filter(|items| self.holds(row, items)) {
                    let last = items.last().map_or(0, |(column, _)| *column);
                    for item in own.iter().filter(|(column, _)| *column > last) {
                        let mut longer = items.to_vec();
                        longer.push(*item);
                        if counted.len() < CANDIDATES_MAX || counted.contains_key(&longer) {
                            let weight = counted.entry(longer).or_default();
                            weight[usize::from(self.sets[row])] += self.weights[row];
                        }
                    }
                }
            }
            let mut found: Vec<Pattern> = counted
                .into_iter()
                .filter(|(_, weight)| is_frequent(*weight))
                .map(|(items, weight)| Pattern { items, weight })
                .collect();
            found.sort_by(|a, b| a.items.cmp(&b.items));
            if found.is_empty() {
                break;
            }
            level = found.iter().map(|pattern| pattern.items.clone()).collect();
            all.append(&mut found);
        }
        all
    }

    /// A few combinations that together tell of most rows: the best is taken, and its rows are set aside, as long as
    /// there is one. `size_weight` says how much it counts that a combination has many rows rather than many values.
    pub fn clusters(&self, frequent: &[Pattern], size_weight: f64, most: usize) -> Vec<Pattern> {
        let total = self.totals()[0].max(1) as f64;
        let mut left: Vec<bool> = vec![true; self.weights.len()];
        let mut clusters: Vec<Pattern> = Vec::new();
        let mut rows_of: HashMap<usize, Vec<usize>> = HashMap::new();
        for (at, pattern) in frequent.iter().enumerate() {
            rows_of
                .insert(at, (0..self.weights.len()).filter(|row| self.holds(*row, &pattern.items)).collect());
        }
        while clusters.len() < most {
            let score = |at: usize| {
                let weight: i64 =
                    rows_of[&at].iter().filter(|row| left[**row]).map(|row| self.weights[*row]).sum();
                let size = weight as f64 / total;
                let detail = frequent[at].items.len() as f64 / self.columns.len().max(1) as f64;
                size.powf(size_weight) * detail.powf(1.0 - size_weight)
            };
            let best = (0..frequent.len()).map(|at| (score(at), at)).max_by(|a, b| a.0.total_cmp(&b.0));
            let Some((score, best)) = best.filter(|(score, _)| *score > 0.0) else { break };
            let covered: i64 =
                rows_of[&best].iter().filter(|row| left[**row]).map(|row| self.weights[*row]).sum();
            if score <= 0.0 || (covered as f64) < total * 0.01 {
                break;
            }
            rows_of[&best].iter().for_each(|row| left[*row] = false);
            clusters.push(frequent[best].clone());
        }
        clusters.sort_by_key(|pattern| std::cmp::Reverse(pattern.weight[0]));
        clusters
    }
}

/// The combinations that one of two sets has more of, by `threshold` of all its rows at least. Of those that tell of
/// the same rows the one with the most values stays.
pub(crate) fn differing(patterns: Vec<Pattern>, totals: [i64; 2], threshold: f64) -> Vec<Pattern> {
    let share = |weight: [i64; 2], set: usize| weight[set] as f64 / totals[set].max(1) as f64;
    let difference = |pattern: &Pattern| (share(pattern.weight, 0) - share(pattern.weight, 1)).abs();
    let mut kept: Vec<Pattern> = Vec::new();
    let mut patterns: Vec<Pattern> =
        patterns.into_iter().filter(|pattern| difference(pattern) >= threshold).collect();
    patterns.sort_by(|a, b| {
        difference(b)
            .total_cmp(&difference(a))
            .then(b.items.len().cmp(&a.items.len()))
            .then(a.items.cmp(&b.items))
    });
    for pattern in patterns {
        let is_told = |other: &Pattern| {
            let covers = pattern.items.iter().all(|item| other.items.contains(item));
            covers && other.weight == pattern.weight
        };
        if !kept.iter().any(is_told) {
            kept.push(pattern);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> (Vec<Vec<u32>>, Vec<i64>, Vec<u8>) {
        // Two columns: (1, 1) four times, (1, 2) once, (2, 2) three times; the last four rows are of the second set.
        let first = vec![1, 1, 1, 1, 1, 2, 2, 2];
        let second = vec![1, 1, 1, 1, 2, 2, 2, 2];
        (vec![first, second], vec![1; 8], vec![0, 0, 0, 0, 1, 1, 1, 1])
    }

    #[test]
    fn frequent_combinations_are_all_found() {
        let (columns, weights, sets) = values();
        let values = Values { columns: &columns, weights: &weights, sets: &sets };
        let found = values.frequent([3, 3], 2);
        let shown: Vec<(Vec<Item>, [i64; 2])> =
            found.into_iter().map(|pattern| (pattern.items, pattern.weight)).collect();
        let expected = [
            (vec![(0, 1)], [4, 1]),
            (vec![(0, 2)], [0, 3]),
            (vec![(1, 1)], [4, 0]),
            (vec![(1, 2)], [0, 4]),
            (vec![(0, 1), (1, 1)], [4, 0]),
            (vec![(0, 2), (1, 2)], [0, 3]),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn sets_differ_by_their_longest_combinations() {
        let (columns, weights, sets) = values();
        let values = Values { columns: &columns, weights: &weights, sets: &sets };
        let found = differing(values.frequent([1, 1], 2), values.totals(), 0.9);
        let shown: Vec<Vec<Item>> = found.into_iter().map(|pattern| pattern.items).collect();
        assert_eq!(shown, [vec![(0, 1), (1, 1)], vec![(1, 2)]]);
    }

    #[test]
    fn clusters_tell_of_most_rows() {
        let (columns, weights, _) = values();
        let values = Values { columns: &columns, weights: &weights, sets: &[0; 8] };
        let clusters = values.clusters(&values.frequent([1, 1], 2), 0.5, 10);
        let shown: Vec<(Vec<Item>, i64)> =
            clusters.into_iter().map(|pattern| (pattern.items, pattern.weight[0])).collect();
        assert_eq!(shown, [(vec![(0, 1), (1, 1)], 4), (vec![(0, 2), (1, 2)], 3), (vec![(0, 1), (1, 2)], 1)]);
    }
}
