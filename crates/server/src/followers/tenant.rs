//! The followers of one tenant.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use datafusion::arrow::array::RecordBatch;
use lake::TenantLake;
use model::{Clock, DeviceId, Row, Table, TenantId, Ticks};
use store::{RaisedAlert, TenantStore};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Followers;
use super::alerts::{Raised, WINDOW_TICKS};
use super::profile::Profile;
use crate::rules::RuleSets;

const PROFILES: &str = "profiles";
const DETECTIONS: &str = "detections";
/// Rows asked of the lake at a time.
const READ_ROWS: usize = 20_000;
/// Rows worked on before something is committed.
const STEP_ROWS: usize = 8_192;
/// Devices whose profiles are kept at hand.
const PROFILES_KEPT_MAX: usize = 50_000;
/// Rows that arrive within this time are committed together.
const GATHER: Duration = Duration::from_millis(50);
const BACKOFF_FIRST: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(30);

pub(super) struct TenantFollower {
    tenant: TenantId,
    lake: TenantLake,
    store: TenantStore,
    rules: Arc<RuleSets>,
    clock: Arc<dyn Clock>,
    accepted: watch::Receiver<u64>,
    stop: CancellationToken,
    /// Of the last commits; none before they are read from the store.
    positions: Option<Positions>,
    profiles: HashMap<DeviceId, Profile>,
}

#[derive(Clone, Copy, Debug)]
struct Positions {
    profiles: i64,
    detections: i64,
}

type Batches = Vec<(&'static Table, RecordBatch)>;

/// What some rows say.
#[derive(Default)]
struct Found {
    profiles: HashMap<DeviceId, Profile>,
    raised: Raised,
}

impl TenantFollower {
    pub fn new(followers: &Followers, tenant: TenantId) -> TenantFollower {
        TenantFollower {
            tenant,
            lake: followers.lake.tenant(tenant),
            store: followers.store.tenant(tenant),
            rules: followers.rules.clone(),
            clock: followers.clock.clone(),
            accepted: followers.lake.accepted(),
            stop: followers.stop.clone(),
            positions: None,
            profiles: HashMap::new(),
        }
    }

    /// Follows until told to stop, which happens between two commits.
    pub async fn run(mut self) {
        let mut failures = 0;
        while !self.stop.is_cancelled() {
            self.accepted.mark_unchanged();
            match self.step().await {
                Ok(has_more) => {
                    failures = 0;
                    if !has_more {
                        self.wait_for_rows().await;
                    }
                }
                Err(error) => {
                    failures += 1;
                    let delay = BACKOFF_FIRST.saturating_mul(1 << failures.min(10)).min(BACKOFF_MAX);
                    warn!(tenant = %self.tenant, error = format!("{error:#}"), ?delay, "cannot follow the lake");
                    metrics::counter!("bartizan_follower_errors_total").increment(1);
                    // What is stored now decides where to go on.
                    self.positions = None;
                    self.profiles.clear();
                    tokio::select! {
                        () = tokio::time::sleep(delay) => {}
                        () = self.stop.cancelled() => {}
                    }
                }
            }
        }
    }

    async fn wait_for_rows(&mut self) {
        tokio::select! {
            changed = self.accepted.changed() => {
                if changed.is_err() {
                    // The lake is gone and with it the reason to go on.
                    self.stop.cancelled().await;
                }
            }
            () = self.stop.cancelled() => return,
        }
        tokio::select! {
            () = tokio::time::sleep(GATHER) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Reads once behind the last commits and commits what the rows say. Says whether there is more now.
    async fn step(&mut self) -> anyhow::Result<bool> {
        let positions = match self.positions {
            Some(positions) => positions,
            None => Positions {
                profiles: self.store.follower_position(PROFILES).await?,
                detections: self.store.follower_position(DETECTIONS).await?,
            },
        };
        self.positions = Some(positions);
        let behind = positions.profiles.min(positions.detections);
        let followed = self.lake.read_after(behind, READ_ROWS).await.context("cannot read the lake")?;
        if followed.position <= behind {
            self.measure(behind);
            return Ok(false);
        }
        let mut groups = grouped(followed.batches).into_iter().peekable();
        let mut group = groups.next().unwrap_or_default();
        loop {
            let is_last = groups.peek().is_none();
            let found = self.look_at(group).await?;
            // Only behind the last rows the position moves: the rows of one step are not in order.
            let reached = if is_last { followed.position } else { behind };
            self.commit(found, reached).await?;
            match groups.next() {
                Some(next) => group = next,
                None => break,
            }
        }
        self.measure(followed.position);
        Ok(followed.more)
    }

    /// Folds and evaluates away from the async threads.
    async fn look_at(&self, batches: Batches) -> anyhow::Result<Found> {
        let (rules, tenant, now) = (self.rules.clone(), self.tenant, self.clock.now());
        let looked = tokio::task::spawn_blocking(move || {
            let mut found = Found::default();
            for (table, batch) in &batches {
                if is_of_devices(table) {
                    let rows = lake::rows_from_batch(table, batch);
                    rows.iter().for_each(|row| found.take_in(row, &rules, tenant, now));
                }
            }
            found
        });
        looked.await.context("the evaluation of rows ended early")
    }

    async fn commit(&mut self, found: Found, reached: i64) -> anyhow::Result<()> {
        let Some(positions) = self.positions else { return Ok(()) };
        self.know(&found).await?;
        let mut machines = Vec::new();
        for (id, seen) in found.profiles {
            let Entry::Occupied(mut known) = self.profiles.entry(id) else { continue };
            known.get_mut().merge(seen);
            machines.push(known.get().machine());
        }
        let profiles = positions.profiles.max(reached);
        self.store.commit_machines(PROFILES, profiles, &machines).await.context("cannot write machines")?;

        let alerts: Vec<RaisedAlert> = found.raised.into_alerts();
        let detections = positions.detections.max(reached);
        let committed = self.store.commit_alerts(DETECTIONS, detections, &alerts, WINDOW_TICKS).await;
        committed.context("cannot write alerts")?;
        self.positions = Some(Positions { profiles, detections });
        if !alerts.is_empty() {
            metrics::counter!("bartizan_alerts_raised_total").increment(alerts.len() as u64);
        }
        debug!(tenant = %self.tenant, reached, machines = machines.len(), alerts = alerts.len(), "followed");
        Ok(())
    }

    /// Takes up the stored machines of devices that are not at hand.
    async fn know(&mut self, found: &Found) -> anyhow::Result<()> {
        if self.profiles.len() + found.profiles.len() > PROFILES_KEPT_MAX {
            self.profiles.clear();
        }
        let unknown: Vec<DeviceId> =
            found.profiles.keys().filter(|id| !self.profiles.contains_key(*id)).cloned().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let stored = self.store.machines_with_ids(&unknown).await.context("cannot read machines")?;
        for machine in &stored {
            self.profiles.insert(machine.id.clone(), Profile::of_stored(machine));
        }
        for id in unknown {
            if let Some(new) = found.profiles.get(&id) {
                self.profiles.entry(id).or_insert_with(|| new.clone());
            }
        }
        Ok(())
    }

    fn measure(&self, position: i64) {
        let lag = self.lake.last_sequence().saturating_sub(position).max(0);
        for follower in [PROFILES, DETECTIONS] {
            let labels = [("follower", follower.to_owned()), ("tenant", self.tenant.to_string())];
            metrics::gauge!("bartizan_follower_position", &labels).set(position as f64);
            metrics::gauge!("bartizan_follower_lag_rows", &labels).set(lag as f64);
        }
    }
}

impl Found {
    fn take_in(&mut self, row: &Row, rules: &RuleSets, tenant: TenantId, now: Ticks) {
        let Some(device) = DeviceId::parse(row.text("DeviceId")) else { return };
        let Some(time) = row.timestamp() else { return };
        for rule in rules.evaluate(row) {
            self.raised.add(detections::raise(rule, row, tenant, &device, now), &rule.id);
        }
        let profile = self.profiles.entry(device);
        profile.or_insert_with_key(|id| Profile::new(id.clone(), time)).fold(row, time);
    }
}

/// Whether rows of the table happened on a device that reports.
fn is_of_devices(table: &'static Table) -> bool {
    table.name.starts_with("Device") && table.time_column().is_some()
}

/// Batches put together, and large ones cut, to steps of a bounded number of rows.
fn grouped(batches: Batches) -> Vec<Batches> {
    let mut groups: Vec<Batches> = Vec::new();
    let mut room = 0;
    for (table, batch) in batches {
        let mut at = 0;
        while at < batch.num_rows() {
            if room == 0 {
                groups.push(Vec::new());
                room = STEP_ROWS;
            }
            let rows = room.min(batch.num_rows() - at);
            if let Some(group) = groups.last_mut() {
                group.push((table, batch.slice(at, rows)));
            }
            at += rows;
            room -= rows;
        }
    }
    groups
}
