//! Randomness of the simulation: everything follows from seeds.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// A stream of random values that is the same for the same seed.
#[derive(Clone, Debug)]
pub(crate) struct Dice(StdRng);

impl Dice {
    /// The stream of one thing (`index`) of one kind (`purpose`) under a seed.
    pub fn new(seed: u64, purpose: u64, index: u64) -> Dice {
        let mixed = seed ^ purpose.rotate_left(48) ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Dice(StdRng::seed_from_u64(mixed))
    }

    /// A stream of its own, drawn from this one.
    pub fn split(&mut self) -> Dice {
        Dice(StdRng::seed_from_u64(self.0.random()))
    }

    /// A whole number, both ends included.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0.random_range(low..=high.max(low))
    }

    /// A number from `low` up to `high`.
    pub fn fraction(&mut self, low: f64, high: f64) -> f64 {
        low + self.0.random::<f64>() * (high - low)
    }

    /// The waiting time between events that come at random, with this mean.
    pub fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.0.random::<f64>()).ln()
    }

    /// One of several; nothing of none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let last = items.len().checked_sub(1)?;
        items.get(self.0.random_range(0..=last))
    }

    /// A position by weight; nothing when no weight is positive.
    pub fn pick_weighted(&mut self, weights: &[f64]) -> Option<usize> {
        let mut rest = self.fraction(0.0, weights.iter().sum());
        let hit = weights.iter().position(|weight| {
            rest -= weight;
            rest < 0.0
        });
        hit.or_else(|| weights.iter().rposition(|weight| *weight > 0.0))
    }

    pub fn letters(&mut self, alphabet: &str, count: usize) -> String {
        let alphabet: Vec<char> = alphabet.chars().collect();
        (0..count).filter_map(|_| self.pick(&alphabet)).collect()
    }

    pub fn hex(&mut self, count: usize) -> String {
        self.letters("0123456789abcdef", count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_decide_how_often() {
        let mut dice = Dice::new(1, 2, 3);
        let mut counts = [0; 3];
        for _ in 0..1_000 {
            counts[dice.pick_weighted(&[1.0, 0.0, 3.0]).unwrap()] += 1;
        }
        assert!(counts[1] == 0 && (200..300).contains(&counts[0]), "{counts:?}");
        assert_eq!(dice.pick_weighted(&[]), None);
    }

    #[test]
    fn waits_have_their_mean() {
        let mut dice = Dice::new(1, 0, 0);
        let mean = (0..10_000).map(|_| dice.wait(4.0)).sum::<f64>() / 10_000.0;
        assert!((3.8..4.2).contains(&mean), "{mean}");
    }
}
