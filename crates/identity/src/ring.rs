//! What verification needs, held in memory: the signing keys in use and the tenants.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use model::{Clock, TenantId, Ticks};
use store::{SigningKeyRow, Store, Tenant, fold};
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::error::{IdentityError, store};
use crate::keys::{SealingKey, SigningKey};

/// The least time between two reads of the store that outside input brings about.
const REFRESH_SECONDS_MIN: i64 = 5;

/// One state of the store. Never changed; a new state takes its place.
pub(crate) struct Snapshot {
    /// The keys that were not retired, the newest first.
    keys: Vec<Arc<SigningKey>>,
    tenants: HashMap<TenantId, Tenant>,
    by_domain: HashMap<String, TenantId>,
}

impl Snapshot {
    /// The key that signs.
    pub(crate) fn signing(&self) -> &SigningKey {
        // No snapshot is made without a key.
        &self.keys[0]
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter().map(Arc::as_ref)
    }

    pub(crate) fn key(&self, kid: &str) -> Option<&Arc<SigningKey>> {
        self.keys.iter().find(|key| key.kid() == kid)
    }

    pub(crate) fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.tenants.get(&id)
    }

    /// The tenant, where there is one only.
    pub(crate) fn sole_tenant(&self) -> Option<&Tenant> {
        self.tenants.values().next().filter(|_| self.tenants.len() == 1)
    }

    pub(crate) fn tenant_by_domain(&self, domain: &str) -> Option<&Tenant> {
        self.by_domain.get(&fold(domain)).and_then(|id| self.tenants.get(id))
    }
}

/// The present snapshot and the way to the next.
pub(crate) struct Ring {
    store: Store,
    sealing: SealingKey,
    clock: Arc<dyn Clock>,
    present: RwLock<Arc<Snapshot>>,
    /// When the store was last read. Held while it is read, so that snapshots replace each other in order.
    refreshed: Mutex<Ticks>,
}

impl Ring {
    /// Reads keys and tenants, and makes the first signing key when there is none.
    pub(crate) async fn open(
        store: Store,
        sealing: SealingKey,
        clock: Arc<dyn Clock>,
    ) -> Result<Ring, IdentityError> {
        let snapshot = load(&store, &sealing, clock.now(), &[]).await?;
        let refreshed = Mutex::new(clock.now());
        Ok(Ring { store, sealing, clock, present: RwLock::new(Arc::new(snapshot)), refreshed })
    }

    pub(crate) fn sealing(&self) -> &SealingKey {
        &self.sealing
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the store again.
    pub(crate) async fn refresh(&self) -> Result<(), IdentityError> {
        let mut refreshed = self.refreshed.lock().await;
        *refreshed = self.clock.now();
        self.reload().await
    }

    /// Reads the store again unless that was done a moment ago: for names that are not in the snapshot, which
    /// anybody can make up. When the store does not answer, the present snapshot stays.
    pub(crate) async fn refresh_if_due(&self) -> Arc<Snapshot> {
        let mut refreshed = self.refreshed.lock().await;
        let now = self.clock.now();
        if now >= refreshed.plus_seconds(REFRESH_SECONDS_MIN) || now < *refreshed {
            *refreshed = now;
            if let Err(error) = self.reload().await {
                warn!(error = &error as &dyn std::error::Error, "keys and tenants could not be read again");
            }
        }
        self.snapshot()
    }

    /// Makes a new key and signs with it from now on.
    pub(crate) async fn rotate(&self) -> Result<String, IdentityError> {
        let key = add_key(&self.store, &self.sealing, self.clock.now()).await?;
        self.refresh().await?;
        Ok(key.kid().to_owned())
    }

    async fn reload(&self) -> Result<(), IdentityError> {
        let snapshot = load(&self.store, &self.sealing, self.clock.now(), &self.snapshot().keys).await?;
        *self.present.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Ok(())
    }
}

/// Reads a snapshot. Keys that are `known` already are not unsealed again.
async fn load(
    db: &Store,
    sealing: &SealingKey,
    now: Ticks,
    known: &[Arc<SigningKey>],
) -> Result<Snapshot, IdentityError> {
    let mut rows = db.signing_keys().await.map_err(store("read the signing keys"))?;
    rows.retain(|row| row.retired.is_none());
    rows.sort_by(|one, other| (other.created, &other.kid).cmp(&(one.created, &one.kid)));
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        keys.push(match known.iter().find(|key| key.kid() == row.kid) {
            Some(key) => Arc::clone(key),
            None => Arc::new(SigningKey::open(&row.kid, &row.sealed, sealing)?),
        });
    }
    if keys.is_empty() {
        keys.push(add_key(db, sealing, now).await?);
    }
    let tenants = db.tenants().await.map_err(store("read the tenants"))?;
    let by_domain = tenants.iter().map(|tenant| (fold(&tenant.domain), tenant.id)).collect();
    let tenants = tenants.into_iter().map(|tenant| (tenant.id, tenant)).collect();
    Ok(Snapshot { keys, tenants, by_domain })
}

async fn add_key(db: &Store, sealing: &SealingKey, now: Ticks) -> Result<Arc<SigningKey>, IdentityError> {
    let key = tokio::task::spawn_blocking(SigningKey::generate).await;
    let key = key.map_err(|_| IdentityError::Crypto { doing: "make a signing key" })??;
    // The newest signs, even when the clock went back since the last one was made.
    let rows = db.signing_keys().await.map_err(store("read the signing keys"))?;
    let after_last = rows.iter().map(|row| Ticks(row.created.0.saturating_add(1))).max();
    let created = after_last.map_or(now, |after_last| after_last.max(now));
    let sealed = key.seal(sealing)?;
    let row = SigningKeyRow { kid: key.kid().to_owned(), sealed, created, retired: None };
    db.add_signing_key(&row).await.map_err(store("add a signing key"))?;
    info!(kid = key.kid(), "made a signing key");
    Ok(Arc::new(key))
}
