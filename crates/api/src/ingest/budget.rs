//! The memory that bodies of events and their rows may take at the same time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, code};

const UNIT_BYTES: usize = 1024;
const RETRY_SECONDS: u32 = 2;
/// One request waits for this part of all memory at most, so that large ones do not keep small ones waiting long.
const SHARES: usize = 4;
/// Requests that wait are let in while this part of all memory is not taken by others that waited. More of them at once
/// would not be done sooner: there are few processors.
const LET_IN: (usize, usize) = (1, 4);

/// Hands out memory, in units of a kilobyte, until there is none left.
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    units_max: usize,
    let_in: Arc<Semaphore>,
}

/// The memory of one request; given back when this is dropped.
pub(crate) struct Reserved {
    from: Arc<Semaphore>,
    units_max: usize,
    let_in: Arc<Semaphore>,
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
    /// Of one that waited.
    entry: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub fn new(bytes: usize) -> Budget {
        let units_max = (bytes / UNIT_BYTES).min(Semaphore::MAX_PERMITS);
        let let_in = Arc::new(Semaphore::new(units_max * LET_IN.0 / LET_IN.1));
        Budget { units: Arc::new(Semaphore::new(units_max)), units_max, let_in }
    }

    pub fn reserve(&self) -> Reserved {
        let (from, units_max, let_in) = (self.units.clone(), self.units_max, self.let_in.clone());
        Reserved { from, units_max, let_in, bytes: 0, permit: None, entry: None }
    }
}

impl Reserved {
    /// Takes more, or refuses the request because others have it all.
    pub fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.bytes += bytes;
        let missing = self.bytes.div_ceil(UNIT_BYTES).saturating_sub(self.held());
        if missing == 0 {
            return Ok(());
        }
        let units = u32::try_from(missing).unwrap_or(u32::MAX);
        let busy = |_| {
            metrics::counter!("bartizan_ingest_busy_total").increment(1);
            let message = "Too many events are being taken in at once. Try again shortly.";
            ApiError::new(code::SERVICE_BUSY, message).retry_after(RETRY_SECONDS)
        };
        let more = self.from.clone().try_acquire_many_owned(units).map_err(busy)?;
        self.hold(more);
        Ok(())
    }

    /// Waits until about so many bytes are free, in the order of asking, and holds them for what [`Reserved::grow`]
    /// asks later. Where they do not become free in time, or are more than a share of all, nothing is held.
    pub async fn wait_for(&mut self, bytes: usize, patience: Duration) {
        let units = bytes.div_ceil(UNIT_BYTES).min(self.units_max / SHARES);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let (let_in, from) = (self.let_in.clone(), self.from.clone());
        let free = async { (let_in.acquire_many_owned(units).await, from.acquire_many_owned(units).await) };
        if let Ok((Ok(entry), Ok(more))) = tokio::time::timeout(patience, free).await {
            self.entry = Some(entry);
            self.hold(more);
        }
    }

    fn held(&self) -> usize {
        self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    fn hold(&mut self, more: OwnedSemaphorePermit) {
        metrics::gauge!("bartizan_ingest_memory_bytes").increment((more.num_permits() * UNIT_BYTES) as f64);
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if self.held() > 0 {
            metrics::gauge!("bartizan_ingest_memory_bytes").decrement((self.held() * UNIT_BYTES) as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_request_holds_another_cannot_have_until_it_is_given_back() {
        let budget = Budget::new(10 * UNIT_BYTES);
        let (mut one, mut other) = (budget.reserve(), budget.reserve());
        one.grow(1).unwrap();
        one.grow(6 * UNIT_BYTES).unwrap();
        assert_eq!(other.grow(4 * UNIT_BYTES).unwrap_err().code(), code::SERVICE_BUSY);
        drop(one);
        budget.reserve().grow(10 * UNIT_BYTES).unwrap();
    }

    #[tokio::test]
    async fn what_was_waited_for_is_there_when_it_is_needed() {
        let patience = Duration::from_millis(20);
        let budget = Budget::new(16 * UNIT_BYTES);
        let (mut one, mut other, mut third) = (budget.reserve(), budget.reserve(), budget.reserve());
        one.wait_for(4 * UNIT_BYTES, patience).await;
        other.grow(12 * UNIT_BYTES).unwrap();
        assert_eq!(third.grow(1).unwrap_err().code(), code::SERVICE_BUSY);
        one.grow(4 * UNIT_BYTES).unwrap();
        assert!(one.grow(1).is_err());
        // Nothing becomes free: the wait ends, and what is needed is refused.
        let mut late = budget.reserve();
        late.wait_for(UNIT_BYTES, patience).await;
        assert!(late.grow(1).is_err());
        drop((one, other));
        late.wait_for(UNIT_BYTES, patience).await;
        late.grow(1).unwrap();
    }

    #[tokio::test]
    async fn those_that_wait_leave_memory_to_others() {
        let patience = Duration::from_millis(20);
        let budget = Budget::new(16 * UNIT_BYTES);
        let (mut one, mut other) = (budget.reserve(), budget.reserve());
        one.wait_for(4 * UNIT_BYTES, patience).await;
        // Four and four are more than are let in of sixteen, and would be there.
        other.wait_for(4 * UNIT_BYTES, patience).await;
        assert_eq!((one.held(), other.held()), (4, 0));
        other.grow(4 * UNIT_BYTES).unwrap();
        drop(one);
        let mut third = budget.reserve();
        third.wait_for(4 * UNIT_BYTES, patience).await;
        assert_eq!(third.held(), 4);
    }
}
