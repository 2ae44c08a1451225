//! What is looked after in the background: machines whose groups' rules changed, and signing keys that get old.

use std::sync::Arc;
use std::time::Duration;

use identity::Issuer;
use store::Store;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// How often it is asked whether rules changed.
const REGROUP_EVERY: Duration = Duration::from_secs(2);
/// Machines of one transaction.
const MACHINES: u64 = 500;
/// How often the age of the signing keys is looked at.
const KEYS_EVERY: Duration = Duration::from_secs(3_600);

/// Puts machines into their device groups after rules changed, until told to stop.
pub(crate) async fn regroup_machines(store: Store, stop: CancellationToken) {
    loop {
        match store.tenants_to_regroup().await {
            Ok(tenants) => {
                for (tenant, version) in tenants {
                    let handle = store.tenant(tenant);
                    loop {
                        match handle.regroup(MACHINES, 1).await {
                            Ok(true) => {
                                info!(%tenant, version, "machines are in their device groups");
                                break;
                            }
                            Ok(false) if stop.is_cancelled() => return,
                            Ok(false) => {}
                            Err(error) => {
                                warn!(%tenant, error = &error as &dyn std::error::Error, "cannot regroup machines");
                                break;
                            }
                        }
                    }
                }
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "cannot tell whose machines to regroup");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(REGROUP_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Makes a new signing key when the newest gets old, and retires those whose tokens have all expired.
pub(crate) async fn rotate_keys(issuer: Arc<Issuer>, stop: CancellationToken) {
    loop {
        match issuer.look_after_keys().await {
            Ok(changes) if changes.is_empty() => {}
            Ok(changes) => {
                info!(made = ?changes.made, retired = ?changes.retired, "signing keys were changed")
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "cannot look after the signing keys");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(KEYS_EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}
