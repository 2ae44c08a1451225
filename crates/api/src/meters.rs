//! Metrics of requests: each found by its labels once, and counted on from then on.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use foldhash::fast::RandomState;
use metrics::{Counter, Histogram};

/// Path of the route, method and status. There are as many as routes have.
type Key = (&'static str, &'static str, u16);

#[derive(Default)]
pub(crate) struct Meters(RwLock<HashMap<Key, Meter, RandomState>>);

struct Meter {
    requests: Counter,
    seconds: Histogram,
}

impl Meters {
    pub fn count(&self, route: &'static str, method: &'static str, status: u16, took: Duration) {
        let key = (route, method, status);
        if let Some(meter) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return meter.count(took);
        }
        let mut meters = self.0.write().unwrap_or_else(PoisonError::into_inner);
        meters.entry(key).or_insert_with(|| Meter::new(key)).count(took);
    }
}

impl Meter {
    fn count(&self, took: Duration) {
        self.requests.increment(1);
        self.seconds.record(took.as_secs_f64());
    }

    fn new((route, method, status): Key) -> Meter {
        let labels =
            [("route", route.to_owned()), ("method", method.to_owned()), ("status", status.to_string())];
        let requests = metrics::counter!("bartizan_http_requests_total", &labels);
        let seconds = metrics::histogram!("bartizan_http_request_seconds", &labels);
        Meter { requests, seconds }
    }
}
