//! A summary of different values that tells about how many they are: the values' hashes while they are few,
//! HyperLogLog registers beyond that.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Hashes that are kept as they are.
const HASHES_MAX: usize = 1_024;
/// The number of registers, as a power of two, for each accuracy from 0 to 4.
const PRECISIONS: [u8; 5] = [12, 14, 16, 17, 18];
/// Accuracies when none is asked for: an error of about 0.8%.
pub(crate) const ACCURACY: i64 = 1;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sketch {
    /// 0 until the first value.
    precision: u8,
    hashes: BTreeSet<u64>,
    registers: Vec<u8>,
}

/// The precision that an accuracy means; `None` when there is no such accuracy.
pub(crate) fn precision(accuracy: i64) -> Option<u8> {
    PRECISIONS.get(usize::try_from(accuracy).ok()?).copied()
}

/// Notes a hash in one of `1 << precision` registers.
pub(crate) fn register(registers: &mut [u8], precision: u8, hash: u64) {
    let at = (hash >> (64 - precision)) as usize;
    let rest = hash << precision;
    let zeros = rest.leading_zeros().min(u32::from(64 - precision)) as u8 + 1;
    registers[at] = registers[at].max(zeros);
}

/// About how many different hashes were noted.
pub(crate) fn estimate(registers_of: &[u8]) -> u64 {
    let registers = registers_of.len() as f64;
    // Two to the power of minus as many, by its exponent's bits.
    let part = |zeros: &u8| f64::from_bits((1_023 - u64::from(*zeros)) << 52);
    let sum: f64 = registers_of.iter().map(part).sum();
    let estimate = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / sum;
    let empty = registers_of.iter().filter(|zeros| **zeros == 0).count() as f64;
    // Few values leave many registers empty: their number says more then.
    let count = if estimate <= 2.5 * registers && empty > 0.0 {
        registers * (registers / empty).ln()
    } else {
        estimate
    };
    count.round() as u64
}

impl Sketch {
    pub fn with_precision(precision: u8) -> Sketch {
        Sketch { precision, ..Sketch::default() }
    }

    pub fn add(&mut self, hash: u64) {
        if !self.registers.is_empty() {
            self.register(hash);
        } else if self.hashes.insert(hash) && self.hashes.len() > HASHES_MAX {
            self.registers = vec![0; 1 << self.precision];
            for hash in std::mem::take(&mut self.hashes) {
                self.register(hash);
            }
        }
    }

    fn register(&mut self, hash: u64) {
        register(&mut self.registers, self.precision, hash);
    }

    /// Takes another sketch in. The result is as accurate as the less accurate of both.
    pub fn merge(&mut self, other: &Sketch) {
        if self.precision == 0 {
            *self = other.clone();
            return;
        }
        if other.precision == 0 {
            return;
        }
        let precision = self.precision.min(other.precision);
        self.reduce(precision);
        if other.registers.is_empty() {
            other.hashes.iter().for_each(|hash| self.add(*hash));
            return;
        }
        let mut other = other.clone();
        other.reduce(precision);
        if self.registers.is_empty() {
            std::mem::swap(self, &mut other);
            other.hashes.iter().for_each(|hash| self.add(*hash));
            return;
        }
        for (own, other) in self.registers.iter_mut().zip(&other.registers) {
            *own = (*own).max(*other);
        }
    }

    /// Folds registers together until there are as many as a lower precision has.
    fn reduce(&mut self, precision: u8) {
        if precision >= self.precision {
            return;
        }
        if !self.registers.is_empty() {
            let dropped = self.precision - precision;
            let mut registers = vec![0u8; 1 << precision];
            for (at, zeros) in self.registers.iter().enumerate().filter(|(_, zeros)| **zeros > 0) {
                // The bits that no longer choose a register come before those that were counted.
                let low = at & ((1 << dropped) - 1);
                let counted = match low {
                    0 => dropped + zeros,
                    low => dropped - low.ilog2() as u8,
                };
                let register = &mut registers[at >> dropped];
                *register = (*register).max(counted);
            }
            self.registers = registers;
        }
        self.precision = precision;
    }

    /// About how many different values there were.
    pub fn count(&self) -> u64 {
        if self.registers.is_empty() {
            return self.hashes.len() as u64;
        }
        estimate(&self.registers)
    }

    pub fn is_new(&self) -> bool {
        self.precision == 0
    }

    pub fn heap_bytes(&self) -> usize {
        self.registers.capacity() + self.hashes.len() * 24
    }

    /// As a dynamic value: the precision, the hashes, the registers.
    pub fn to_json(&self) -> String {
        let hashes: Vec<i64> = self.hashes.iter().map(|hash| hash.cast_signed()).collect();
        json!([["hll", self.precision], hashes, STANDARD.encode(&self.registers)]).to_string()
    }

    /// Reads what `to_json` wrote; `None` of everything else.
    pub fn parse(text: &str) -> Option<Sketch> {
        let value: Value = serde_json::from_str(text).ok()?;
        let [head, hashes, registers] = value.as_array()?.as_slice() else { return None };
        let precision = u8::try_from(head.get(1)?.as_u64()?).ok()?;
        let known = head.get(0)?.as_str()? == "hll" && (precision == 0 || PRECISIONS.contains(&precision));
        let hashes = hashes.as_array()?.iter().map(|hash| Some(hash.as_i64()?.cast_unsigned()));
        let hashes = hashes.collect::<Option<BTreeSet<u64>>>()?;
        let registers = STANDARD.decode(registers.as_str()?).ok()?;
        let fits = hashes.len() <= HASHES_MAX && (registers.is_empty() || registers.len() == 1 << precision);
        (known && fits).then_some(Sketch { precision, hashes, registers })
    }
}

#[cfg(test)]
mod tests {
    use twox_hash::XxHash64;

    use super::*;

    fn sketch(accuracy: i64, values: std::ops::Range<u64>) -> Sketch {
        let mut sketch = Sketch::with_precision(precision(accuracy).unwrap());
        values.for_each(|value| sketch.add(XxHash64::oneshot(0, &value.to_le_bytes())));
        sketch
    }

    #[test]
    fn counts_are_close() {
        for (accuracy, count, error_max) in [
            (1, 0, 0.0),
            (1, 1_000, 0.0),
            (0, 100_000, 0.06),
            (1, 5_000, 0.03),
            (1, 200_000, 0.03),
            (4, 300_000, 0.01),
        ] {
            let found = sketch(accuracy, 0..count).count() as f64;
            let error = (found - count as f64).abs() / (count as f64).max(1.0);
            assert!(error <= error_max, "{accuracy} {count}: {found}");
        }
    }

    #[test]
    fn merging_is_adding() {
        for (left, right) in
            [(0..100, 50..150), (0..5_000, 0..10), (0..10, 0..5_000), (0..5_000, 2_500..9_000)]
        {
            let whole = sketch(1, left.start.min(right.start)..left.end.max(right.end));
            let mut merged = sketch(1, left.clone());
            merged.merge(&sketch(1, right.clone()));
            assert_eq!(merged, whole, "{left:?} {right:?}");
            assert_eq!(Sketch::parse(&merged.to_json()), Some(merged));
        }
    }

    #[test]
    fn accuracies_mix() {
        let mut fine = sketch(4, 0..50_000);
        fine.merge(&sketch(0, 0..10));
        assert_eq!(fine, sketch(0, 0..50_000));
    }
}
