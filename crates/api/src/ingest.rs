//! What taking events in shares between requests: memory, device names and what mappers remember.

mod budget;
mod buffers;
mod bulk;
mod directory;
mod foreign;
mod items;
mod lines;
mod mappers;
mod report;
mod shipped;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use model::TenantId;
use store::{StoreError, TenantStore};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, Semaphore};

pub(crate) use budget::{Budget, Reserved};
pub(crate) use buffers::Buffers;
pub(crate) use bulk::Bulk;
pub(crate) use directory::{DeviceDirectory, Naming};
pub(crate) use foreign::{DEVICE, Foreign};
pub(crate) use items::{Items, SharedItems};
pub(crate) use lines::{Decoded, LineRefusal, Lines, Part, decode};
pub(crate) use mappers::Mappers;
pub(crate) use report::Report;
pub(crate) use shipped::Shipped;

use crate::ApiConfig;

const TURNS: usize = 16;

/// One for the process.
pub(crate) struct Ingest {
    pub budget: Budget,
    pub mappers: Mappers,
    /// Bodies that are read at the same time, so that they do not take every thread that may block.
    pub turns: Semaphore,
    pub threads: Handle,
    pub buffers: Buffers,
    /// One for each tenant that sent events; tenants are made by operators only.
    directories: Mutex<HashMap<TenantId, Arc<OnceCell<Arc<DeviceDirectory>>>>>,
    device_names_max: usize,
}

impl Ingest {
    pub fn new(config: &ApiConfig, threads: Handle) -> Ingest {
        Ingest {
            budget: Budget::new(config.ingest_memory_bytes),
            mappers: Mappers::default(),
            turns: Semaphore::new(TURNS),
            threads,
            buffers: Buffers::default(),
            directories: Mutex::default(),
            device_names_max: config.device_names_max,
        }
    }

    /// The names of a tenant's devices, read from the store at the first call.
    pub async fn directory(&self, store: &TenantStore) -> Result<Arc<DeviceDirectory>, StoreError> {
        let cell = lock(&self.directories).entry(store.id()).or_default().clone();
        let load = || async {
            let names = store.device_names().await?;
            Ok(Arc::new(DeviceDirectory::new(store.id(), names, self.device_names_max)))
        };
        cell.get_or_try_init(load).await.cloned()
    }
}

/// A thread that panicked left nothing half done behind any of these locks that a reader could mistake.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
