//! On which days something happened.

use model::Ticks;
use model::time::TICKS_PER_DAY;
use serde::{Deserialize, Serialize};

use crate::merge::Merge;

/// The days on which something happened, of the last 64 up to the latest one. Days can be counted again and
/// again without counting twice, which events cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    latest: i64,
    /// The lowest bit is the latest day, the next one the day before it, and so on.
    bits: u64,
}

impl Days {
    pub(crate) fn add(&mut self, at: i64) {
        self.merge(Days { latest: Ticks(at).0.div_euclid(TICKS_PER_DAY), bits: 1 });
    }

    /// How many days there are.
    pub fn count(self) -> u32 {
        self.bits.count_ones()
    }
}

impl Merge for Days {
    fn merge(&mut self, other: Days) {
        if self.bits == 0 || other.bits == 0 {
            if self.bits == 0 {
                *self = other;
            }
            return;
        }
        let (late, early) = if self.latest >= other.latest { (*self, other) } else { (other, *self) };
        let apart = u32::try_from(late.latest - early.latest).unwrap_or(u32::MAX);
        *self = Days { latest: late.latest, bits: late.bits | early.bits.checked_shl(apart).unwrap_or(0) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(numbers: &[i64]) -> Days {
        let mut days = Days::default();
        numbers.iter().for_each(|number| days.add(number * TICKS_PER_DAY + 7));
        days
    }

    #[test]
    fn each_day_counts_once_and_old_ones_fall_out() {
        for (numbers, count) in
            [(&[][..], 0), (&[5], 1), (&[5, 5, 5], 1), (&[5, 6, 4], 3), (&[1, 64], 2), (&[1, 65], 1)]
        {
            assert_eq!(days(numbers).count(), count, "{numbers:?}");
        }
    }

    #[test]
    fn any_order_makes_the_same_days() {
        let expected = days(&[1, 40, 70, 100]);
        for order in [[100, 70, 40, 1], [40, 1, 100, 70], [70, 100, 1, 40]] {
            assert_eq!(days(&order), expected);
            let (mut one, two) = (days(&order[..2]), days(&order[2..]));
            one.merge(two);
            assert_eq!(one, expected);
        }
    }
}
