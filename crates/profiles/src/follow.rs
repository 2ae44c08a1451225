//! Folding what followers of the lake read into the profiles that are stored.

use std::collections::HashMap;

use datafusion::arrow::array::RecordBatch;
use model::machine::Machine;
use model::{DeviceId, Table};
use store::{Generation, ProfileKind, ProfileRow, TenantStore};

use crate::found::{Found, Known, Profiles};
use crate::machine::MachineProfile;
use crate::merge::Merge;
use crate::stored::Profile;
use crate::{Error, Result};

/// The name of the follower that keeps profiles up to date.
pub const FOLLOWER: &str = "profiles";

/// What a read of the lake hands out.
pub type Batches = Vec<(&'static Table, RecordBatch)>;

/// How far profiles are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub generation: i64,
    /// Every row up to it is in the profiles.
    pub sequence: i64,
}

/// Profiles that one transaction writes. Whoever sends events may have to wait for it, when a device is new.
const COMMITTED_MAX: usize = 1_000;

/// Where profiles are written to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// The generation in use. The last write of a step moves the follower to the sequence that was reached.
    InUse { generation: i64, reached: Option<i64> },
    /// One that is filled beside it.
    Beside { generation: i64 },
}

/// How far the profiles in use are.
pub async fn position(store: &TenantStore) -> Result<Position> {
    // In this order: of a generation that is replaced in between, nothing can be committed.
    let generation = store.profile_generation().await?;
    Ok(Position { generation, sequence: store.follower_position(FOLLOWER).await? })
}

/// Folds rows behind a position into the profiles in use and moves the follower to `reached`. Many rows are
/// written in parts, of which the last one moves it: rows that are folded again change nothing.
pub async fn follow(store: &TenantStore, batches: Batches, from: Position, reached: i64) -> Result<Position> {
    let Position { generation, sequence } = from;
    let sequence = sequence.max(reached);
    let part = Target::InUse { generation, reached: None };
    let found = fold(store, Found::default(), batches, part).await?;
    write(store, found, Target::InUse { generation, reached: Some(sequence) }).await?;
    Ok(Position { generation, sequence })
}

/// Folds rows, and writes what was found whenever it is as much as is held in memory.
pub(crate) async fn fold(
    store: &TenantStore,
    mut found: Found,
    batches: Batches,
    target: Target,
) -> Result<Found> {
    let mut batches = batches.into_iter();
    loop {
        (found, batches) = blocking(move || {
            while !found.is_full() {
                let Some((table, batch)) = batches.next() else { break };
                found.take_in(table, &batch);
            }
            (found, batches)
        })
        .await?;
        if !found.is_full() {
            return Ok(found);
        }
        write(store, std::mem::take(&mut found), target).await?;
    }
}

/// Takes what was found into the stored profiles.
pub(crate) async fn write(store: &TenantStore, found: Found, target: Target) -> Result<()> {
    let (Target::InUse { generation, .. } | Target::Beside { generation }) = target;
    let stored = Stored {
        machines: stored(store, generation, &found.machines).await?,
        users: stored(store, generation, &found.users).await?,
        logons: stored(store, generation, &found.logons).await?,
        files: stored(store, generation, &found.files).await?,
        addresses: stored(store, generation, &found.addresses).await?,
        domains: stored(store, generation, &found.domains).await?,
    };
    let rows = blocking(move || merged_all(found, stored)).await??;
    match target {
        Target::InUse { reached, .. } => commit(store, generation, &rows, reached).await?,
        Target::Beside { .. } => {
            for part in rows.chunks(COMMITTED_MAX) {
                store.add_profiles(generation, part).await?;
            }
        }
    }
    for kind in ProfileKind::ALL {
        let written = rows.iter().filter(|row| row.kind == kind).count() as u64;
        metrics::counter!("bartizan_profiles_written_total", "kind" => kind.name()).increment(written);
    }
    Ok(())
}

/// The stored profiles of what was found.
struct Stored {
    machines: Vec<ProfileRow>,
    users: Vec<ProfileRow>,
    logons: Vec<ProfileRow>,
    files: Vec<ProfileRow>,
    addresses: Vec<ProfileRow>,
    domains: Vec<ProfileRow>,
}

async fn stored<P: Profile>(
    store: &TenantStore,
    generation: i64,
    found: &Profiles<P>,
) -> Result<Vec<ProfileRow>> {
    let ids: Vec<&str> = found.0.keys().map(String::as_str).collect();
    Ok(store.profiles_with_ids(Generation::Of(generation), P::KIND, &ids).await?)
}

/// Commits profiles in parts, each with the machines that are made of it; only the last part moves the follower.
async fn commit(
    store: &TenantStore,
    generation: i64,
    rows: &[ProfileRow],
    reached: Option<i64>,
) -> Result<()> {
    let mut rest = rows;
    loop {
        let (part, behind) = rest.split_at(rest.len().min(COMMITTED_MAX));
        rest = behind;
        let of_machines = part.iter().filter(|row| row.kind == ProfileKind::Machine);
        let machines = of_machines.map(machine_of).collect::<Result<Vec<_>>>()?;
        let machines: Vec<Machine> = machines.into_iter().flatten().collect();
        let reached = reached.filter(|_| rest.is_empty()).map(|sequence| (FOLLOWER, sequence));
        store.commit_profiles(generation, part, &machines, reached).await?;
        if rest.is_empty() {
            return Ok(());
        }
    }
}

/// The profiles that change, in the order of the table.
fn merged_all(found: Found, stored: Stored) -> Result<Vec<ProfileRow>> {
    let mut rows = merged(found.machines, stored.machines)?;
    rows.extend(merged(found.users, stored.users)?);
    rows.extend(merged(found.logons, stored.logons)?);
    rows.extend(merged(found.files, stored.files)?);
    rows.extend(merged(found.addresses, stored.addresses)?);
    rows.extend(merged(found.domains, stored.domains)?);
    rows.sort_unstable_by(|one, other| (one.kind.name(), &one.id).cmp(&(other.kind.name(), &other.id)));
    Ok(rows)
}

fn merged<P: Profile>(found: Profiles<P>, stored: Vec<ProfileRow>) -> Result<Vec<ProfileRow>> {
    let mut stored: HashMap<String, ProfileRow> =
        stored.into_iter().map(|row| (row.id.clone(), row)).collect();
    let mut rows = Vec::with_capacity(found.0.len());
    for (id, mut known) in found.0 {
        let before = stored.remove(&id);
        if let Some(before) = &before {
            // What is stored is the larger part, as a rule, and takes in the smaller one.
            let new = std::mem::replace(&mut known, Known::of_row(before)?);
            known.merge(new);
        }
        let row = known.to_row(id)?;
        if before.as_ref() != Some(&row) {
            rows.push(row);
        }
    }
    Ok(rows)
}

/// The machine that the API shows for a stored profile of one.
pub(crate) fn machine_of(row: &ProfileRow) -> Result<Option<Machine>> {
    let known = Known::<MachineProfile>::of_row(row)?;
    Ok(DeviceId::parse(&row.id).map(|id| known.machine(id)))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Task(error.to_string()))
}
