//! The devices behind device groups, for the lake, which knows rows by their device.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lake::Devices;
use model::{Reach, TenantId};
use store::{StoreError, TenantStore};

const ENTRIES_MAX: usize = 64;
/// How long a list that has changed meanwhile is used, when it is dear to read: a multiple of what reading took...
const AGE_FACTOR: u32 = 20;
/// ...and never longer than this.
const AGE_MAX: Duration = Duration::from_secs(10);
/// What takes no longer is read with every change.
const CHEAP: Duration = Duration::from_millis(20);

struct Entry {
    /// The last change of an entity of the tenant when it was read.
    sequence: i64,
    read: Instant,
    took: Duration,
    devices: Devices,
}

#[derive(Default)]
pub(crate) struct ReachMemory(Mutex<HashMap<(TenantId, Reach), Entry>>);

impl ReachMemory {
    /// The devices that a handle reaches; none when it reaches all.
    pub async fn devices(&self, store: &TenantStore) -> Result<Option<Devices>, StoreError> {
        if store.reach().is_all() {
            return Ok(None);
        }
        let key = (store.id(), store.reach().clone());
        let sequence = store.updated_sequence().await?;
        if let Some(entry) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            let is_dear = entry.took > CHEAP && entry.read.elapsed() < (entry.took * AGE_FACTOR).min(AGE_MAX);
            if entry.sequence == sequence || is_dear {
                return Ok(Some(entry.devices.clone()));
            }
        }
        let read = Instant::now();
        let devices = Devices::new(&store.reachable_devices().await?.unwrap_or_default());
        let entry = Entry { sequence, read, took: read.elapsed(), devices: devices.clone() };
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= ENTRIES_MAX {
            entries.clear();
        }
        entries.insert(key, entry);
        Ok(Some(devices))
    }
}
