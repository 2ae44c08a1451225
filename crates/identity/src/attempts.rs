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
/// How long to wait when so many wait that no more can be counted.
const FULL_SECONDS: i64 = 60;

/// The failures of each key, in memory.
pub(crate) struct Attempts<K>(Mutex<HashMap<K, Failures>>);

/// A guess that is being judged. It is counted as failed unless its judge says otherwise, even when nobody waits for
/// the verdict any more.
#[must_use]
pub(crate) struct Guess<'a, K> {
    attempts: &'a Attempts<K>,
    key: K,
}

/// No guess may be made for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    pub seconds: i64,
    /// Nobody was told since the last guess.
    pub is_first: bool,
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Ticks,
    is_told: bool,
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

    /// Counts a guess as failed before it is judged, so that guesses at the same time cannot overtake the count.
    /// Refused where the next one may not be made yet.
    pub(crate) fn begin(&self, key: K, now: Ticks) -> Result<Guess<'_, K>, Wait> {
        let mut attempts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failures) = attempts.get_mut(&key) {
            let free_at = failures.free_at();
            if now < free_at {
                let seconds = (free_at.unix_seconds() - now.unix_seconds()).max(1);
                let is_first = !std::mem::replace(&mut failures.is_told, true);
                return Err(Wait { seconds, is_first });
            }
        } else if attempts.len() >= KEYS_MAX {
            attempts.retain(|_, failures| failures.last.plus_seconds(FORGET_SECONDS) > now);
            // Those that wait, or will at the next failure, are kept before those that do not.
            if attempts.len() >= KEYS_MAX {
                attempts.retain(|_, failures| failures.free_at() > now || failures.count >= FREE);
            }
            if attempts.len() >= KEYS_MAX {
                // What cannot be counted is not let through.
                return Err(Wait { seconds: FULL_SECONDS, is_first: false });
            }
        }
        let failures =
            attempts.entry(key.clone()).or_insert(Failures { count: 0, last: now, is_told: false });
        if failures.last.plus_seconds(FORGET_SECONDS) <= now {
            failures.count = 0;
        }
        *failures = Failures { count: failures.count.saturating_add(1), last: now, is_told: false };
        Ok(Guess { attempts: self, key })
    }
}

impl<K: Eq + Hash> Guess<'_, K> {
    /// It was right: what was failed before is forgotten.
    pub(crate) fn was_right(self) {
        self.attempts.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }

    /// It is not counted: it was not judged, or being right says nothing about those before.
    pub(crate) fn take_back(self) {
        let mut attempts = self.attempts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(failures) = attempts.get_mut(&self.key) {
            failures.count = failures.count.saturating_sub(1);
            if failures.count == 0 {
                attempts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_after_the_free_failures_and_ends() {
        let attempts = Attempts::new();
        let mut now = Ticks::parse("2024-05-06T07:08:09Z").unwrap();
        let mut waits = Vec::new();
        for _ in 0..20 {
            let wait = attempts.begin(1, now).err().map_or(0, |wait| wait.seconds);
            waits.push(wait);
            now = now.plus_seconds(wait);
            if wait > 0 {
                assert!(attempts.begin(1, now).is_ok());
            }
        }
        assert_eq!(waits[..9], [0, 0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(waits.last(), Some(&WAIT_SECONDS_MAX));
        assert!(attempts.begin(1, now).is_err());
        assert!(attempts.begin(2, now).is_ok(), "another network does not wait");
        now = now.plus_seconds(FORGET_SECONDS);
        assert!(attempts.begin(1, now).is_ok() && attempts.begin(1, now).is_ok(), "an hour is forgiven");
        attempts.begin(1, now).unwrap().was_right();
        for _ in 0..FREE {
            assert!(attempts.begin(1, now).is_ok());
        }
        assert!(attempts.begin(1, now).is_err());
    }

    #[test]
    fn guesses_on_their_way_are_counted() {
        let (attempts, now) = (Attempts::new(), Ticks(0));
        let on_their_way: Vec<_> = (0..50).filter_map(|_| attempts.begin(1, now).ok()).collect();
        assert_eq!(on_their_way.len(), FREE as usize);
        // Those that were not judged make room again, and no more than that.
        for guess in on_their_way.into_iter().take(2) {
            guess.take_back();
        }
        let more = (0..50).filter(|_| attempts.begin(1, now).is_ok()).count();
        assert_eq!(more, 2);
    }

    #[test]
    fn memory_is_bounded_and_what_cannot_be_counted_waits() {
        let attempts = Attempts::new();
        for key in 0..KEYS_MAX + 10 {
            let _ = attempts.begin(key, Ticks(0));
        }
        assert!(attempts.0.lock().unwrap().len() <= KEYS_MAX);
        let waiting = Failures { count: FREE + 9, last: Ticks(0), is_told: false };
        *attempts.0.lock().unwrap() = (0..KEYS_MAX).map(|key| (key, waiting)).collect();
        let full = Wait { seconds: FULL_SECONDS, is_first: false };
        assert_eq!(attempts.begin(KEYS_MAX, Ticks(0)).err(), Some(full));
        let told = |key| attempts.begin(key, Ticks(0)).err().map(|wait| wait.is_first);
        assert_eq!((told(0), told(0)), (Some(true), Some(false)), "a wait is told of once");
        assert!(attempts.begin(KEYS_MAX, Ticks(0).plus_seconds(FORGET_SECONDS)).is_ok());
    }
}
