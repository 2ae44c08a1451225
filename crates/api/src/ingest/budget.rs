//! The memory that bodies of events and their rows may take at the same time.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, code};

const UNIT_BYTES: usize = 1024;
const RETRY_SECONDS: u32 = 2;

/// Hands out memory, in units of a kilobyte, until there is none left.
pub(crate) struct Budget(Arc<Semaphore>);

/// The memory of one request; given back when this is dropped.
pub(crate) struct Reserved {
    from: Arc<Semaphore>,
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub fn new(bytes: usize) -> Budget {
        Budget(Arc::new(Semaphore::new((bytes / UNIT_BYTES).min(Semaphore::MAX_PERMITS))))
    }

    pub fn reserve(&self) -> Reserved {
        Reserved { from: self.0.clone(), bytes: 0, permit: None }
    }
}

impl Reserved {
    /// Takes more, or refuses the request because others have it all.
    pub fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.bytes += bytes;
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = self.bytes.div_ceil(UNIT_BYTES).saturating_sub(held);
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
        match &mut self.permit {
            Some(permit) => permit.merge(more),
            None => self.permit = Some(more),
        }
        metrics::gauge!("bartizan_ingest_memory_bytes").increment((missing * UNIT_BYTES) as f64);
        Ok(())
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let held = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if held > 0 {
            metrics::gauge!("bartizan_ingest_memory_bytes").decrement((held * UNIT_BYTES) as f64);
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
}
