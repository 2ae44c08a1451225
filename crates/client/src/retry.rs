//! How long to wait before asking again.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Bounds of asking again. A request ends with its last error when waiting would pass the deadline.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The wait after the first failure; it doubles with each further one.
    pub first_delay: Duration,
    pub delay_max: Duration,
    /// From the first try of a request to the start of its last one.
    pub deadline: Duration,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            first_delay: Duration::from_millis(250),
            delay_max: Duration::from_secs(15),
            deadline: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The wait before try number `attempt + 1`, or nothing when the deadline would pass. `spread` in 0..1
    /// keeps clients that failed together from coming back together.
    pub(crate) fn delay(
        &self,
        attempt: u32,
        asked: Option<Duration>,
        elapsed: Duration,
        spread: f64,
    ) -> Option<Duration> {
        let doubled = self.first_delay.saturating_mul(2u32.saturating_pow(attempt.min(20)));
        let own = doubled.min(self.delay_max).mul_f64(0.5 + spread / 2.0);
        let delay = asked.unwrap_or(own);
        (elapsed.saturating_add(delay) <= self.deadline).then_some(delay)
    }
}

/// A number in 0..1 from the keys of the standard library's hasher.
pub(crate) fn spread() -> f64 {
    let drawn = RandomState::new().hash_one(0u8) >> 11;
    drawn as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy {
        first_delay: Duration::from_secs(1),
        delay_max: Duration::from_secs(10),
        deadline: Duration::from_secs(30),
    };

    fn check(attempt: u32, asked: Option<u64>, elapsed: u64, spread: f64, expected_ms: Option<u64>) {
        let asked = asked.map(Duration::from_secs);
        let delay = POLICY.delay(attempt, asked, Duration::from_secs(elapsed), spread);
        assert_eq!(delay, expected_ms.map(Duration::from_millis));
    }

    #[test]
    fn doubles_up_to_the_cap_with_half_of_it_at_random() {
        check(0, None, 0, 0.0, Some(500));
        check(0, None, 0, 1.0, Some(1_000));
        check(2, None, 0, 1.0, Some(4_000));
        check(60, None, 0, 1.0, Some(10_000));
    }

    #[test]
    fn waits_as_long_as_the_server_asks() {
        check(0, Some(7), 0, 0.3, Some(7_000));
    }

    #[test]
    fn gives_up_rather_than_wait_past_the_deadline() {
        check(0, Some(31), 0, 0.0, None);
        check(9, None, 25, 1.0, None);
    }

    #[test]
    fn the_spread_is_a_fraction() {
        assert!((0..100).all(|_| (0.0..1.0).contains(&spread())));
    }
}
