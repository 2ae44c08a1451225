//! How many passwords are hashed at the same time, and how many of them for one network.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::network::Network;
use crate::oauth_error::OAuthProblem;

/// Passwords are hashed by so many threads at most: each takes 19 MiB.
const SLOTS: usize = 4;
/// A network that asks for more waits, and the others do not.
const SLOTS_OF_NETWORK: usize = 2;
const WAIT_MAX: Duration = Duration::from_secs(5);

pub(crate) struct HashSlots {
    all: Arc<Semaphore>,
    networks: Arc<Networks>,
    wait: Duration,
}

type Networks = Mutex<HashMap<Network, Arc<Semaphore>>>;

/// A password may be hashed until this is dropped.
pub(crate) struct HashSlot {
    _all: OwnedSemaphorePermit,
    _own: OfNetwork,
}

/// The share of a network, which is forgotten when nobody has it any more.
struct OfNetwork {
    permit: Option<OwnedSemaphorePermit>,
    network: Network,
    networks: Arc<Networks>,
}

impl HashSlots {
    pub(crate) fn new() -> HashSlots {
        HashSlots::that_wait(WAIT_MAX)
    }

    fn that_wait(wait: Duration) -> HashSlots {
        HashSlots { all: Arc::new(Semaphore::new(SLOTS)), networks: Arc::default(), wait }
    }

    /// Waits for a slot, but not for long.
    pub(crate) async fn take(&self, network: Network) -> Result<HashSlot, OAuthProblem> {
        let taken = tokio::time::timeout(self.wait, async {
            let mut own = self.of(network);
            let semaphore = own.semaphore();
            own.permit = Some(semaphore.acquire_owned().await.map_err(|_| OAuthProblem::Internal)?);
            let all = Arc::clone(&self.all).acquire_owned().await.map_err(|_| OAuthProblem::Internal)?;
            Ok(HashSlot { _all: all, _own: own })
        });
        taken.await.map_err(|_| OAuthProblem::Unavailable)?
    }

    fn of(&self, network: Network) -> OfNetwork {
        OfNetwork { permit: None, network, networks: Arc::clone(&self.networks) }
    }
}

impl OfNetwork {
    fn semaphore(&self) -> Arc<Semaphore> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(Semaphore::new(SLOTS_OF_NETWORK));
        Arc::clone(networks.entry(self.network).or_insert_with(made))
    }
}

impl Drop for OfNetwork {
    fn drop(&mut self) {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        self.permit = None;
        // Whoever holds or waits for a permit holds the semaphore, too.
        if networks.get(&self.network).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            networks.remove(&self.network);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn network(text: &str) -> Network {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[tokio::test]
    async fn a_network_has_a_part_of_the_slots_and_leaves_nothing_behind() {
        let slots = HashSlots::that_wait(Duration::from_millis(20));
        let (one, other) = (network("192.0.2.1"), network("192.0.2.2"));
        let first = slots.take(one).await.unwrap_or_else(|_| panic!());
        let second = slots.take(one).await.unwrap_or_else(|_| panic!());
        assert!(slots.take(one).await.is_err(), "it has two");
        let third = slots.take(other).await.unwrap_or_else(|_| panic!());
        let fourth = slots.take(other).await.unwrap_or_else(|_| panic!());
        assert!(slots.take(network("192.0.2.3")).await.is_err(), "there are four");
        drop(first);
        let again = slots.take(one).await.unwrap_or_else(|_| panic!());
        drop((second, third, fourth, again));
        assert!(slots.networks.lock().unwrap().is_empty());
    }
}
