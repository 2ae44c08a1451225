//! Failed guesses, and how long to wait after them.
//!
//! Guesses are counted by account and network together. Whoever guesses at an account makes their own network wait,
//! and its owner, who is elsewhere, signs in as ever.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use model::Ticks;

/// Failures that cost no waiting.
const FREE: u32 = 5;
const WAIT_SECONDS_MAX: i64 = 15 * 60;
/// Failures are forgotten so long after the last one.
const FORGET_SECONDS: i64 = 3_600;
const KEYS_MAX: usize = 100_000;

/// The failures of each key, in memory.
pub(crate) struct Attempts<K>(Mutex<HashMap<K, Failures>>);

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Ticks,
}

impl Failures {
    fn free_at(self) -> Ticks {
        match self.count.checked_sub(FREE) {
            None => self.last,
            Some(over) => self.last.plus_seconds((1_i64 << over.min(20)).min(WAIT_SECONDS_MAX)),
        }
    }
}

impl<K: Eq + Hash + Clone> Attempts<K> {
    pub(crate) fn new() -> Attempts<K> {
        Attempts(Mutex::default())
    }

    /// The seconds to wait before the next guess; none when it may be made now.
    pub(crate) fn wait(&self, key: &K, now: Ticks) -> Option<i64> {
        let attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let free_at = attempts.get(key)?.free_at();
        (now < free_at).then(|| (free_at.unix_seconds() - now.unix_seconds()).max(1))
    }

    pub(crate) fn failed(&self, key: K, now: Ticks) {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() >= KEYS_MAX && !attempts.contains_key(&key) {
            attempts.retain(|_, failures| failures.last.plus_seconds(FORGET_SECONDS) > now);
            // Those that wait are kept before those that do not.
            if attempts.len() >= KEYS_MAX {
                attempts.retain(|_, failures| failures.free_at() > now);
            }
            if attempts.len() >= KEYS_MAX {
                return;
            }
        }
        let failures = attempts.entry(key).or_insert(Failures { count: 0, last: now });
        if failures.last.plus_seconds(FORGET_SECONDS) <= now {
            failures.count = 0;
        }
        *failures = Failures { count: failures.count.saturating_add(1), last: now };
    }

    pub(crate) fn succeeded(&self, key: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_after_the_free_failures_and_ends() {
        let attempts = Attempts::new();
        let now = Ticks::parse("2024-05-06T07:08:09Z").unwrap();
        let mut waits = Vec::new();
        for _ in 0..20 {
            waits.push(attempts.wait(&1, now).unwrap_or(0));
            attempts.failed(1, now);
        }
        assert_eq!(waits[..9], [0, 0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(waits.last(), Some(&WAIT_SECONDS_MAX));
        assert_eq!(attempts.wait(&2, now), None, "another network does not wait");
        assert_eq!(attempts.wait(&1, now.plus_seconds(WAIT_SECONDS_MAX)), None);
        attempts.failed(1, now.plus_seconds(FORGET_SECONDS));
        assert_eq!(attempts.wait(&1, now.plus_seconds(FORGET_SECONDS)), None, "an hour is forgiven");
        attempts.succeeded(&1);
        assert_eq!(attempts.wait(&1, now), None);
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::new();
        for key in 0..KEYS_MAX + 10 {
            attempts.failed(key, Ticks(0));
        }
        assert!(attempts.0.lock().unwrap().len() <= KEYS_MAX);
    }
}
