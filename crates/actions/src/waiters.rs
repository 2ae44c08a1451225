//! Devices that wait for something to do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use model::{DeviceId, TenantId};
use tokio::sync::Notify;

type Key = (TenantId, DeviceId);

#[derive(Default)]
pub(crate) struct Waiters {
    waiting: Mutex<HashMap<Key, Arc<Notify>>>,
    is_stopped: AtomicBool,
}

/// One that waits. Its place is given up with it.
pub(crate) struct Waiter<'a> {
    waiters: &'a Waiters,
    key: Key,
    notify: Arc<Notify>,
}

impl Waiters {
    pub fn wait(&self, tenant: TenantId, device: &DeviceId) -> Waiter<'_> {
        let key = (tenant, device.clone());
        let notify = self.lock().entry(key.clone()).or_default().clone();
        Waiter { waiters: self, key, notify }
    }

    pub fn wake(&self, tenant: TenantId, device: &DeviceId) {
        if let Some(notify) = self.lock().get(&(tenant, device.clone())) {
            notify.notify_waiters();
        }
    }

    /// Lets everybody go who waits, or would wait from now on.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::SeqCst);
        for notify in self.lock().values() {
            notify.notify_waiters();
        }
    }

    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::SeqCst)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Arc<Notify>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter<'_> {
    pub fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiters.lock();
        // The map's own and this one's.
        if Arc::strong_count(&self.notify) <= 2 {
            waiting.remove(&self.key);
        }
    }
}
