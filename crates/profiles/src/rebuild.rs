//! Profiles from scratch: every event of a tenant folded again, beside the profiles that are in use.

use lake::TenantLake;
use store::TenantStore;
use tracing::info;

use crate::Result;
use crate::follow::{FOLLOWER, Target, fold, machine_of, write};
use crate::found::Found;

/// What a rebuild went through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Events read.
    pub rows: u64,
    /// The sequence up to which they were.
    pub position: i64,
}

/// Makes all profiles of a tenant of its events and puts them in the place of those in use, in one
/// transaction. Events may arrive meanwhile: the follower goes on from where the rebuild ended. A rebuild that
/// does not come to its end changes nothing that is in use, and the next one removes what it left.
pub async fn rebuild(lake: &TenantLake, store: &TenantStore) -> Result<Rebuilt> {
    let in_use = store.profile_generation().await?;
    let generation = store.new_profile_generation().await?;
    store.remove_profiles_except(&[in_use]).await?;
    let target = Target::Beside { generation };
    let mut scan = lake.scan();
    let mut rebuilt = Rebuilt { rows: 0, position: scan.position() };
    let mut found = Found::default();
    while let Some((table, batch)) = scan.next().await? {
        rebuilt.rows += batch.num_rows() as u64;
        found = fold(store, found, vec![(table, batch)], target).await?;
    }
    write(store, found, target).await?;
    // Their states were written just now, by this program.
    let machine = |row: &_| machine_of(row).ok().flatten();
    store.use_profile_generation(generation, (FOLLOWER, rebuilt.position), machine).await?;
    store.remove_profiles_except(&[generation]).await?;
    info!(tenant = %store.id(), rows = rebuilt.rows, position = rebuilt.position, "rebuilt profiles");
    Ok(rebuilt)
}
