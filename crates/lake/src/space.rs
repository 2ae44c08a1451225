//! Room on the disk: rows are refused while little is left, so that what is left is there for everything else.
//!
//! A flush writes files before it drops the log, a query's answer marks an alert as read, an operator takes back a
//! consent: all of these need a little room, and rows could take it to the last byte. See
//! `docs/design/0012-object-stores-and-full-disks.md`.

use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tracing::{info, warn};

/// What was learned about the disk is believed for this long.
const BELIEVED: Duration = Duration::from_millis(200);

/// Whether there is room for rows.
pub(crate) struct Space {
    reserve_bytes: u64,
    free: Box<dyn Fn() -> Option<u64> + Send + Sync>,
    seen: Mutex<Seen>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    at: Option<Instant>,
    /// None when it cannot be known.
    free: Option<u64>,
    is_full: bool,
}

impl Space {
    /// `free` tells how many bytes can still be written, where that is known. A reserve of 0 refuses nothing.
    pub fn new(reserve_bytes: u64, free: impl Fn() -> Option<u64> + Send + Sync + 'static) -> Space {
        Space { reserve_bytes, free: Box::new(free), seen: Mutex::default() }
    }

    /// Whether rows are to be refused.
    pub fn is_full(&self) -> bool {
        self.look().is_full
    }

    /// Whether so many bytes can be written and the reserve is still there.
    pub fn has_room_for(&self, bytes: u64) -> bool {
        let free = self.look().free;
        self.reserve_bytes == 0 || free.is_none_or(|free| free >= self.reserve_bytes.saturating_add(bytes))
    }

    fn look(&self) -> Seen {
        let mut seen = crate::log::lock(&self.seen);
        if seen.at.is_some_and(|at| at.elapsed() < BELIEVED) {
            return *seen;
        }
        let free = (self.free)();
        // What was full is so until there is a bit more room, and not by turns.
        let wanted =
            if seen.is_full { self.reserve_bytes + self.reserve_bytes / 8 } else { self.reserve_bytes };
        let is_full = free.is_some_and(|free| free < wanted);
        if is_full && !seen.is_full {
            warn!(free, reserve = self.reserve_bytes, "the disk is nearly full: events are refused");
        } else if seen.is_full && !is_full {
            info!(free, reserve = self.reserve_bytes, "there is room on the disk again: events are accepted");
        }
        if let Some(free) = free {
            metrics::gauge!("bartizan_disk_free_bytes").set(free as f64);
        }
        metrics::gauge!("bartizan_disk_full").set(f64::from(u8::from(is_full)));
        *seen = Seen { at: Some(Instant::now()), free, is_full };
        *seen
    }
}

/// Bytes that an ordinary process can still write to the file system of a folder.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> std::io::Result<u64> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn free_bytes(_: &Path) -> std::io::Result<u64> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn full_below_the_reserve_and_until_there_is_a_bit_more() {
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let told = free.clone();
        let space =
            Space::new(800, move || Some(told.load(Ordering::SeqCst)).filter(|free| *free < u64::MAX));
        let at = |bytes: u64| {
            free.store(bytes, Ordering::SeqCst);
            crate::log::lock(&space.seen).at = None;
            (space.is_full(), space.has_room_for(100))
        };
        assert_eq!(at(u64::MAX), (false, true), "nothing is known");
        assert_eq!(at(900), (false, true));
        assert_eq!(at(800), (false, false));
        assert_eq!(at(799), (true, false));
        assert_eq!(at(899), (true, false));
        assert_eq!(at(900), (false, true));
        assert_eq!(at(850), (false, false));
    }

    #[test]
    fn a_reserve_of_nothing_refuses_nothing() {
        let space = Space::new(0, || Some(0));
        assert!(!space.is_full() && space.has_room_for(1 << 40));
    }

    #[test]
    fn the_disk_is_asked_once_in_a_while() {
        let asked = Arc::new(AtomicU64::new(0));
        let counted = asked.clone();
        let space = Space::new(1, move || {
            counted.fetch_add(1, Ordering::SeqCst);
            None
        });
        (0..1000).for_each(|_| assert!(!space.is_full()));
        assert!(asked.load(Ordering::SeqCst) < 100);
    }
}
