//! What follows the lake: profiles, which make machines of rows, and detections, which make alerts of them.
//!
//! Each tenant has one task that reads behind the positions of the last commits, folds, evaluates and commits.
//! Machines are committed before the alerts that name them. Both are safe to repeat, so a crash between them
//! only means that rows are read again.

mod alerts;
mod give_way;
mod tenant;

use std::collections::HashSet;
use std::sync::Arc;

use lake::Lake;
use model::Clock;
use store::Store;
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::error;

use self::tenant::TenantFollower;
use crate::rules::RuleSets;

/// What every follower works with.
#[derive(Clone)]
pub(crate) struct Followers {
    pub lake: Lake,
    pub store: Store,
    pub rules: Arc<RuleSets>,
    pub clock: Arc<dyn Clock>,
    /// Stops the followers at their next commit.
    pub stop: CancellationToken,
}

impl Followers {
    /// Follows every tenant that has rows, and those that get some later, until told to stop, on threads that give way.
    pub fn start(self, threads: &Handle) -> JoinHandle<()> {
        threads.spawn(async move {
            let mut accepted = self.lake.accepted();
            let mut followed = HashSet::new();
            let mut tasks = JoinSet::new();
            loop {
                for tenant in self.lake.tenants() {
                    if followed.insert(tenant) {
                        tasks.spawn(TenantFollower::new(&self, tenant).run());
                    }
                }
                tokio::select! {
                    changed = accepted.changed() => if changed.is_err() { break },
                    () = self.stop.cancelled() => break,
                }
            }
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended {
                    error!(%error, "a follower ended early");
                }
            }
        })
    }
}
