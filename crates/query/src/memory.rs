//! Memory of one query, inside the memory of all.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    FairSpillPool, MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};

/// What an error begins with when the memory of all queries is used up.
pub(crate) const SHARED_IS_FULL: &str = "the memory of all queries";

/// What all queries have together.
#[derive(Debug)]
pub(crate) struct SharedMemory {
    bytes_max: usize,
    used: AtomicUsize,
}

impl SharedMemory {
    pub fn new(bytes_max: usize) -> SharedMemory {
        SharedMemory { bytes_max, used: AtomicUsize::new(0) }
    }

    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn try_take(&self, bytes: usize) -> bool {
        let take = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.bytes_max);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// Parts one query's memory fairly between its operators. What they do not get, they spill, or the query ends.
#[derive(Debug)]
pub(crate) struct QueryMemory {
    own: FairSpillPool,
    bytes_max: usize,
    shared: Arc<SharedMemory>,
    peak: AtomicUsize,
}

impl QueryMemory {
    pub fn new(bytes_max: usize, shared: Arc<SharedMemory>) -> QueryMemory {
        QueryMemory { own: FairSpillPool::new(bytes_max), bytes_max, shared, peak: AtomicUsize::new(0) }
    }

    /// The most bytes that were held at one time.
    pub fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }

    fn note_peak(&self) {
        self.peak.fetch_max(self.own.reserved(), Ordering::Relaxed);
    }
}

impl fmt::Display for QueryMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueryMemory({} of {})", self.own.reserved(), self.bytes_max)
    }
}

impl MemoryPool for QueryMemory {
    fn name(&self) -> &str {
        "query"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.own.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.own.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.own.grow(reservation, additional);
        self.shared.used.fetch_add(additional, Ordering::Relaxed);
        self.note_peak();
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.own.shrink(reservation, shrink);
        self.shared.used.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        self.own.try_grow(reservation, additional)?;
        if !self.shared.try_take(additional) {
            self.own.shrink(reservation, additional);
            let message = format!("{SHARED_IS_FULL} is used up: {} bytes", self.shared.bytes_max);
            return Err(DataFusionError::ResourcesExhausted(message));
        }
        self.note_peak();
        Ok(())
    }

    fn reserved(&self) -> usize {
        self.own.reserved()
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.bytes_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bounds_hold_and_nothing_is_left_behind() {
        let shared = Arc::new(SharedMemory::new(100));
        let pool =
            |bytes_max| -> Arc<dyn MemoryPool> { Arc::new(QueryMemory::new(bytes_max, shared.clone())) };
        let (one, two) = (pool(80), pool(80));
        let first = MemoryConsumer::new("a").register(&one);
        let second = MemoryConsumer::new("b").register(&two);
        assert!(first.try_grow(81).is_err());
        first.try_grow(70).unwrap();
        let refused = second.try_grow(31).unwrap_err().to_string();
        assert!(refused.contains(SHARED_IS_FULL), "{refused}");
        assert_eq!(two.reserved(), 0);
        second.try_grow(30).unwrap();
        assert_eq!(shared.used(), 100);
        drop((first, second));
        assert_eq!(shared.used(), 0);
        assert_eq!(one.downcast_ref::<QueryMemory>().map(QueryMemory::peak), Some(70));
    }
}
