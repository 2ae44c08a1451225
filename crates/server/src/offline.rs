//! A data folder that no server uses, opened to be looked after.

use std::sync::Arc;

use anyhow::Context;
use lake::Lake;
use model::{Clock, SystemClock, TenantId};
use profiles::{Reader, Rebuilt};
use store::{ProfileKind, Store};

use crate::config::Config;
use crate::data_folder::DataFolder;
use crate::lake_files::open_lake;
use crate::state::open_store;

/// The state and the events of a data folder. No server can start over it as long as the value lives.
pub struct Offline {
    store: Store,
    lake: Lake,
    /// Locked until the rest is closed.
    folder: DataFolder,
}

/// A tenant whose profiles were made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebuiltProfiles {
    pub tenant: TenantId,
    /// Events they were made of.
    pub events: u64,
    pub machines: u64,
    pub users: u64,
    pub files: u64,
    pub addresses: u64,
    pub domains: u64,
}

impl Offline {
    /// Opens a data folder that there is. Refused while a server uses it.
    pub async fn open(config: &Config) -> anyhow::Result<Offline> {
        let folder = DataFolder::open_existing(&config.data)
            .context("the data folder has to be that of a server that is stopped")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let store = open_store(config, &folder).await?;
        let lake = open_lake(config, &folder, &store, &clock).await?;
        Ok(Offline { store, lake, folder })
    }

    /// Makes the profiles of every tenant again from its events, one tenant after the other.
    pub async fn rebuild_profiles(&self) -> anyhow::Result<Vec<RebuiltProfiles>> {
        let mut tenants = self.lake.tenants();
        tenants.sort_unstable();
        let mut rebuilt = Vec::with_capacity(tenants.len());
        for tenant in tenants {
            let store = self.store.tenant(tenant);
            let doing = || format!("cannot rebuild the profiles of tenant {tenant}");
            let Rebuilt { rows, .. } =
                profiles::rebuild(&self.lake.tenant(tenant), &store).await.with_context(doing)?;
            let counts = Reader::new(&store).counts().await.with_context(doing)?;
            let count = |kind| counts.iter().find(|(other, _)| *other == kind).map_or(0, |(_, count)| *count);
            rebuilt.push(RebuiltProfiles {
                tenant,
                events: rows,
                machines: count(ProfileKind::Machine),
                users: count(ProfileKind::User),
                files: count(ProfileKind::File),
                addresses: count(ProfileKind::Address),
                domains: count(ProfileKind::Domain),
            });
        }
        Ok(rebuilt)
    }

    /// Reads every file of events and checks it.
    pub async fn verify(&self) -> anyhow::Result<lake::Verified> {
        self.lake.verify().await.context("cannot verify the event lake")
    }

    /// How much is stored.
    pub fn stats(&self) -> Vec<lake::TableStats> {
        self.lake.table_stats()
    }

    /// Writes what is only in the log to files, as a server does at its end, and lets go of the folder.
    pub async fn close(self) -> anyhow::Result<()> {
        let closed = self.lake.close().await.context("cannot close the event lake");
        self.store.close().await;
        drop(self.folder);
        closed
    }
}
