//! The followers of one tenant.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use lake::TenantLake;
use model::{Clock, DeviceId, Row, TenantId, Ticks};
use profiles::{Batches, FOLLOWER, Position};
use store::{RaisedAlert, TenantStore};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Followers;
use super::alerts::{Raised, WINDOW_TICKS};
use super::give_way::give_way;
use crate::rules::RuleSets;

const DETECTIONS: &str = "detections";
/// Rows asked of the lake at a time. Many rows say the same of the same, so the more of them are folded at once,
/// the fewer profiles are written.
const READ_ROWS: usize = 100_000;
/// Memory of the rows that are held at a time.
const READ_BYTES: usize = 32 << 20;
/// Rows evaluated before something is committed.
const STEP_ROWS: usize = 8_192;
/// Rows that are taken apart at a time to evaluate them one by one.
const EVALUATED_ROWS: usize = 512;
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
}

#[derive(Clone, Copy, Debug)]
struct Positions {
    profiles: Position,
    detections: i64,
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
        }
    }

    /// Follows until told to stop, which happens between two commits, in the middle of a read too.
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
                profiles: profiles::position(&self.store).await?,
                detections: self.store.follower_position(DETECTIONS).await?,
            },
        };
        self.positions = Some(positions);
        let behind = positions.profiles.sequence.min(positions.detections);
        let mut read = self.lake.read_after(behind, READ_ROWS, READ_BYTES);
        if read.position() <= behind {
            self.measure(positions);
            return Ok(false);
        }
        let mut positions = positions;
        loop {
            let (started, accepted) = (Instant::now(), self.lake.last_sequence());
            let part = read.gather(READ_ROWS, READ_BYTES).await.context("cannot read the lake")?;
            // Only behind the last rows the positions move: the rows of files are not in order.
            let reached = read.is_at_end().then(|| read.position());
            // Machines before the alerts that name them.
            positions.profiles = self.fold(&part, positions.profiles, reached).await?;
            self.positions = Some(positions);
            positions.detections = self.detect(part, positions.detections, reached).await?;
            self.positions = Some(positions);
            tokio::select! {
                () = give_way(&self.lake, started.elapsed(), accepted) => {}
                () = self.stop.cancelled() => {}
            }
            if reached.is_some() {
                break;
            }
            // A read can be of every file. What it committed so far is safe to repeat.
            if self.stop.is_cancelled() {
                return Ok(false);
            }
        }
        self.measure(positions);
        Ok(read.has_more())
    }

    /// Takes into the profiles what they do not have yet.
    async fn fold(
        &self,
        batches: &Batches,
        from: Position,
        reached: Option<i64>,
    ) -> anyhow::Result<Position> {
        let new = behind(batches, from.sequence)?;
        let reached = reached.unwrap_or(from.sequence);
        if new.is_empty() && reached <= from.sequence {
            return Ok(from);
        }
        profiles::follow(&self.store, new, from, reached).await.context("cannot write profiles")
    }

    /// Raises alerts for rows that were not looked at yet.
    async fn detect(&self, batches: Batches, from: i64, reached: Option<i64>) -> anyhow::Result<i64> {
        let new = behind(&batches, from)?;
        let reached = reached.unwrap_or(from).max(from);
        if new.is_empty() && reached == from {
            return Ok(from);
        }
        let mut groups = grouped(new).into_iter().peekable();
        let mut group = groups.next().unwrap_or_default();
        loop {
            // Only behind the last rows the position moves: the rows of one step are not in order.
            let position = if groups.peek().is_none() { reached } else { from };
            let alerts = self.evaluate(group).await?;
            let committed = self.store.commit_alerts(DETECTIONS, position, &alerts, WINDOW_TICKS).await;
            committed.context("cannot write alerts")?;
            if !alerts.is_empty() {
                metrics::counter!("bartizan_alerts_raised_total").increment(alerts.len() as u64);
            }
            debug!(tenant = %self.tenant, position, alerts = alerts.len(), "evaluated");
            match groups.next() {
                Some(next) => group = next,
                None => return Ok(reached),
            }
        }
    }

    /// Evaluates the rules away from the async threads.
    async fn evaluate(&self, batches: Batches) -> anyhow::Result<Vec<RaisedAlert>> {
        let (rules, tenant, now) = (self.rules.clone(), self.tenant, self.clock.now());
        let raised = tokio::task::spawn_blocking(move || {
            let mut raised = Raised::default();
            for (table, batch) in batches.iter().filter(|(table, _)| profiles::is_of_devices(table)) {
                for at in (0..batch.num_rows()).step_by(EVALUATED_ROWS) {
                    let some = batch.slice(at, EVALUATED_ROWS.min(batch.num_rows() - at));
                    let rows = lake::rows_from_batch(table, &some);
                    rows.iter().for_each(|row| evaluate(row, &rules, tenant, now, &mut raised));
                }
            }
            raised.into_alerts()
        });
        raised.await.context("the evaluation of rows ended early")
    }

    fn measure(&self, positions: Positions) {
        let last = self.lake.last_sequence();
        let followers = [(FOLLOWER, positions.profiles.sequence), (DETECTIONS, positions.detections)];
        for (follower, position) in followers {
            let labels = [("follower", follower.to_owned()), ("tenant", self.tenant.to_string())];
            metrics::gauge!("bartizan_follower_position", &labels).set(position as f64);
            let lag = last.saturating_sub(position).max(0);
            metrics::gauge!("bartizan_follower_lag_rows", &labels).set(lag as f64);
        }
    }
}

fn evaluate(row: &Row, rules: &RuleSets, tenant: TenantId, now: Ticks, raised: &mut Raised) {
    let Some(device) = DeviceId::parse(row.text("DeviceId")) else { return };
    if row.timestamp().is_none() {
        return;
    }
    for rule in rules.evaluate(row) {
        let alert = detections::raise(rule, row, tenant, &device, now);
        raised.add(alert, &rule.id, detections::report_id(row));
    }
}

/// The rows with a sequence above the position. Followers are not always at the same one.
fn behind(batches: &Batches, position: i64) -> anyhow::Result<Batches> {
    let mut rest = Batches::new();
    for (table, batch) in batches {
        let rows = lake::rows_after(batch, position).context("cannot read the sequences of rows")?;
        if rows.num_rows() > 0 {
            rest.push((table, rows));
        }
    }
    Ok(rest)
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
