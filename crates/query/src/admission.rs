//! Who may run a query now, and who waits.
//!
//! Queries beyond a bound wait for a while. A free place goes to the one whose tenant has the fewest queries
//! running, then whose app has, then who came first: a tenant that asks much keeps nobody else waiting.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::QueryError;

/// On whose account a query runs. The numbers mean nothing here; they are only compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Asker {
    pub tenant: u128,
    /// The app, or the user, within the tenant.
    pub app: u128,
}

/// How many queries may run and wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    pub all: usize,
    pub tenant: usize,
    pub app: usize,
    pub waiting: usize,
    pub patience: Duration,
}

pub(crate) struct Admission {
    places: Places,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    all: usize,
    tenants: HashMap<u128, usize>,
    apps: HashMap<Asker, usize>,
    waiting: Vec<Waiter>,
    next: u64,
}

struct Waiter {
    number: u64,
    asker: Asker,
    admitted: oneshot::Sender<Permit>,
}

/// A place, until it is dropped.
pub(crate) struct Permit {
    admission: Arc<Admission>,
    asker: Asker,
}

impl Admission {
    pub fn new(places: Places) -> Arc<Admission> {
        Arc::new(Admission { places, state: Mutex::default() })
    }

    /// Waits for a place, if there is none and not too many wait already.
    pub async fn admit(self: &Arc<Admission>, asker: Asker) -> Result<Permit, QueryError> {
        let (number, admitted) = {
            let mut state = self.state();
            if self.has_place(&state, asker) {
                return Ok(self.take(&mut state, asker));
            }
            if state.waiting.len() >= self.places.waiting {
                return Err(QueryError::Busy);
            }
            let (sender, admitted) = oneshot::channel();
            let number = state.next;
            state.next += 1;
            state.waiting.push(Waiter { number, asker, admitted: sender });
            (number, admitted)
        };
        // Whoever goes away waits no longer.
        let _waiting = Waiting { admission: self, number };
        match tokio::time::timeout(self.places.patience, admitted).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(QueryError::Busy),
        }
    }

    /// Queries that run now.
    pub fn running(&self) -> usize {
        self.state().all
    }

    fn has_place(&self, state: &State, asker: Asker) -> bool {
        state.all < self.places.all
            && count(&state.tenants, asker.tenant) < self.places.tenant
            && count(&state.apps, asker) < self.places.app
    }

    fn take(self: &Arc<Admission>, state: &mut State, asker: Asker) -> Permit {
        state.all += 1;
        *state.tenants.entry(asker.tenant).or_default() += 1;
        *state.apps.entry(asker).or_default() += 1;
        Permit { admission: self.clone(), asker }
    }

    /// Gives a place back, and to whom it is due.
    fn give_back(self: &Arc<Admission>, asker: Asker) {
        let mut state = self.state();
        state.all -= 1;
        lower(&mut state.tenants, asker.tenant);
        lower(&mut state.apps, asker);
        let mut unwanted = Vec::new();
        while let Some(at) = self.due(&state) {
            let waiter = state.waiting.remove(at);
            let permit = self.take(&mut state, waiter.asker);
            if let Err(permit) = waiter.admitted.send(permit) {
                // It is dropped below, where the state is not locked.
                unwanted.push(permit);
            }
        }
        drop(state);
    }

    fn due(&self, state: &State) -> Option<usize> {
        let waiting = state.waiting.iter().enumerate();
        let eligible = waiting.filter(|(_, waiter)| self.has_place(state, waiter.asker));
        let order = |waiter: &Waiter| {
            let Waiter { number, asker, .. } = waiter;
            (count(&state.tenants, asker.tenant), count(&state.apps, *asker), *number)
        };
        eligible.min_by_key(|(_, waiter)| order(waiter)).map(|(at, _)| at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.give_back(self.asker);
    }
}

struct Waiting<'a> {
    admission: &'a Admission,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.admission.state().waiting.retain(|waiter| waiter.number != self.number);
    }
}

fn count<K: Hash + Eq>(counts: &HashMap<K, usize>, key: K) -> usize {
    counts.get(&key).copied().unwrap_or(0)
}

fn lower<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asker(tenant: u128, app: u128) -> Asker {
        Asker { tenant, app }
    }

    fn admission(all: usize, tenant: usize, app: usize) -> Arc<Admission> {
        Admission::new(Places { all, tenant, app, waiting: 3, patience: Duration::from_millis(20) })
    }

    #[tokio::test]
    async fn each_bound_holds_by_itself() {
        for (all, tenant, app, askers) in [
            (2, 9, 9, [asker(1, 1), asker(2, 1), asker(3, 1)]),
            (9, 2, 9, [asker(1, 1), asker(1, 2), asker(1, 3)]),
            (9, 9, 2, [asker(1, 1), asker(1, 1), asker(1, 1)]),
        ] {
            let admission = admission(all, tenant, app);
            let first = admission.admit(askers[0]).await.unwrap();
            let _second = admission.admit(askers[1]).await.unwrap();
            assert!(matches!(admission.admit(askers[2]).await, Err(QueryError::Busy)));
            assert_eq!(admission.running(), 2);
            drop(first);
            let _third = admission.admit(askers[2]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_app_of_another_tenant_has_its_own_places() {
        let admission = admission(9, 1, 1);
        let _one = admission.admit(asker(1, 7)).await.unwrap();
        let _two = admission.admit(asker(2, 7)).await.unwrap();
    }

    #[tokio::test]
    async fn a_free_place_goes_to_who_has_the_fewest() {
        let admission = Admission::new(Places {
            all: 2,
            tenant: 9,
            app: 9,
            waiting: 9,
            patience: Duration::from_secs(60),
        });
        let first = admission.admit(asker(1, 1)).await.unwrap();
        let second = admission.admit(asker(1, 1)).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let wait = |who: Asker| {
            let (admission, order) = (admission.clone(), order.clone());
            tokio::spawn(async move {
                let permit = admission.admit(who).await.unwrap();
                order.lock().unwrap().push((who.tenant, who.app));
                drop(permit);
            })
        };
        let mut tasks = Vec::new();
        for (at, who) in [asker(1, 1), asker(1, 2), asker(2, 1)].into_iter().enumerate() {
            tasks.push(wait(who));
            while admission.state().waiting.len() <= at {
                tokio::task::yield_now().await;
            }
        }
        // The tenant that has none running comes first, then the app that has none.
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [(2, 1), (1, 2), (1, 1)]);
        drop(second);
        assert_eq!(admission.running(), 0);
    }

    #[tokio::test]
    async fn who_went_away_is_passed_over() {
        let admission = admission(1, 9, 9);
        let held = admission.admit(asker(1, 1)).await.unwrap();
        let gone = tokio::spawn({
            let admission = admission.clone();
            async move { admission.admit(asker(2, 1)).await.map(drop) }
        });
        while admission.state().waiting.is_empty() {
            tokio::task::yield_now().await;
        }
        gone.abort();
        assert!(gone.await.is_err());
        assert!(admission.state().waiting.is_empty());
        drop(held);
        assert_eq!(admission.running(), 0);
    }
}
