//! How often one network may ask for tokens, codes and sign-ins: what costs the server work before it knows who asks.
//!
//! A network has a bucket of calls that fills up steadily. Networks that are not limited are forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use identity::Network;
use model::Ticks;

/// Networks that are remembered.
const NETWORKS_MAX: usize = 100_000;
const TICKS_PER_SECOND: f64 = 1e7;

/// Calls of one network to the endpoints of the issuer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkLimit {
    pub per_second: f64,
    /// Calls that may come at once.
    pub burst: f64,
}

impl Default for NetworkLimit {
    fn default() -> NetworkLimit {
        NetworkLimit { per_second: 50.0, burst: 1_000.0 }
    }
}

/// The calls that a network has left, as of a time.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    calls: f64,
    at: Ticks,
}

impl Bucket {
    fn filled(self, limit: &NetworkLimit, now: Ticks) -> Bucket {
        // A clock that was set back fills nothing.
        let passed = now.0.saturating_sub(self.at.0).max(0) as f64 / TICKS_PER_SECOND;
        Bucket { calls: (self.calls + passed * limit.per_second).min(limit.burst), at: now }
    }
}

#[derive(Debug, Default)]
pub(crate) struct NetworkLimiter(Mutex<HashMap<Network, Bucket>>);

impl NetworkLimiter {
    /// Counts a call, unless it is one too many: then the seconds to wait are told.
    pub fn count(&self, limit: &NetworkLimit, network: Network, now: Ticks) -> Result<(), u32> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= NETWORKS_MAX && !buckets.contains_key(&network) {
            buckets.retain(|_, bucket| bucket.filled(limit, now).calls < limit.burst);
            if buckets.len() >= NETWORKS_MAX {
                // What cannot be counted waits.
                return Err(1);
            }
        }
        let full = Bucket { calls: limit.burst, at: now };
        let bucket = buckets.entry(network).or_insert(full);
        *bucket = bucket.filled(limit, now);
        if bucket.calls < 1.0 {
            let seconds = ((1.0 - bucket.calls) / limit.per_second).ceil();
            return Err(seconds.clamp(1.0, 3_600.0) as u32);
        }
        bucket.calls -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn network(number: u32) -> Network {
        IpAddr::V4(Ipv4Addr::from(number)).into()
    }

    #[test]
    fn a_network_has_its_burst_and_then_its_rate() {
        let (limiter, limit) = (NetworkLimiter::default(), NetworkLimit { per_second: 0.5, burst: 3.0 });
        let now = Ticks::parse("2024-05-06T07:08:09Z").unwrap();
        let count = |of, now| limiter.count(&limit, network(of), now);
        assert_eq!([count(1, now), count(1, now), count(1, now)], [Ok(()), Ok(()), Ok(())]);
        assert_eq!(count(1, now), Err(2));
        assert_eq!(count(2, now), Ok(()), "another network has its own");
        assert_eq!(count(1, now.plus_seconds(1)), Err(1));
        assert_eq!(count(1, now.plus_seconds(2)), Ok(()));
        assert_eq!(count(1, now), Err(2), "a clock that is set back fills nothing");
        let later = now.plus_seconds(3_600);
        assert_eq!((0..9).filter(|_| count(1, later).is_ok()).count(), 3, "no more than the burst");
    }

    #[test]
    fn memory_is_bounded_and_networks_that_wait_are_kept() {
        let (limiter, limit) = (NetworkLimiter::default(), NetworkLimit { per_second: 1.0, burst: 1.0 });
        let now = Ticks::parse("2024-05-06T07:08:09Z").unwrap();
        for of in 0..NETWORKS_MAX as u32 {
            assert!(limiter.count(&limit, network(of), now).is_ok());
        }
        assert_eq!(limiter.count(&limit, network(u32::MAX), now), Err(1));
        assert!(limiter.count(&limit, network(u32::MAX), now.plus_seconds(1)).is_ok());
        assert!(limiter.0.lock().unwrap().len() <= NETWORKS_MAX);
    }
}
