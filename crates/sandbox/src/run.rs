//! Sends a fleet's rows to a server, as any other client would.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use client::{Client, ClientError};
use model::time::TICKS_PER_SECOND;
use model::{Clock, ErrorKind, Row, Ticks};
use serde_json::Value;
use tracing::{info, warn};

use crate::fleet::Fleet;

/// A fleet that one task sends the rows of while others act on its devices.
pub type SharedFleet = Arc<Mutex<Fleet>>;

pub(crate) fn lock(fleet: &SharedFleet) -> MutexGuard<'_, Fleet> {
    fleet.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How rows are sent.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From one batch to the next.
    pub tick: Duration,
    /// In one request.
    pub rows_per_request: usize,
    /// Rows waiting to be sent. When the server is away for longer, simulated time stands still.
    pub waiting_rows: usize,
    /// The longest wait before asking an absent server again.
    pub backoff_max: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            tick: Duration::from_secs(1),
            rows_per_request: 1_000,
            waiting_rows: 20_000,
            backoff_max: Duration::from_secs(30),
        }
    }
}

/// What a run has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub accepted: u64,
    pub refused: u64,
    pub requests: u64,
    /// How often simulated time stood still because the server was away.
    pub pauses: u64,
    /// Rows made and not sent when the run ended.
    pub unsent: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("the server does not take the fleet's {table} rows")]
    Refused { table: &'static str, source: ClientError },
}

struct Batch {
    table: &'static str,
    rows: usize,
    body: String,
    sequence: u64,
}

/// Sends rows until `shutdown` completes, or the server refuses for good.
pub async fn run(
    client: Client,
    fleet: Fleet,
    clock: &dyn Clock,
    shutdown: impl Future<Output = ()>,
) -> Result<Report, RunError> {
    run_with(client, fleet, clock, Pace::default(), shutdown).await
}

pub async fn run_with(
    client: Client,
    fleet: Fleet,
    clock: &dyn Clock,
    pace: Pace,
    shutdown: impl Future<Output = ()>,
) -> Result<Report, RunError> {
    run_shared(client, Arc::new(Mutex::new(fleet)), clock, pace, shutdown).await
}

/// The same, for a fleet whose devices also take actions.
pub async fn run_shared(
    client: Client,
    fleet: SharedFleet,
    clock: &dyn Clock,
    pace: Pace,
    shutdown: impl Future<Output = ()>,
) -> Result<Report, RunError> {
    // Not from the seed: a second run of the same fleet has other rows under the same numbers.
    let producer = format!("sandbox-{:016x}", rand::random::<u64>());
    let (devices, seed) = {
        let fleet = lock(&fleet);
        (fleet.config().devices, fleet.config().seed)
    };
    info!(%producer, devices, seed, "sandbox fleet starts");
    let waiting = VecDeque::new();
    let report = Report::default();
    let mut sender = Sender { client, fleet, pace, producer, waiting, sequence: 0, report };
    let stopped = tokio::select! {
        stopped = sender.send_forever(clock) => stopped,
        () = shutdown => Ok(()),
    };
    let mut report = sender.report;
    report.unsent = sender.waiting.iter().map(|batch| batch.rows as u64).sum();
    info!(
        accepted = report.accepted,
        refused = report.refused,
        unsent = report.unsent,
        "sandbox fleet stopped"
    );
    stopped.map(|()| report)
}

struct Sender {
    client: Client,
    fleet: SharedFleet,
    pace: Pace,
    producer: String,
    waiting: VecDeque<Batch>,
    sequence: u64,
    report: Report,
}

impl Sender {
    async fn send_forever(&mut self, clock: &dyn Clock) -> Result<(), RunError> {
        let mut failures = 0u32;
        loop {
            self.take_rows(clock.now());
            match self.send_waiting().await {
                Ok(()) => failures = 0,
                Err(RunError::Refused { table, source }) if may_pass(&source) => {
                    failures += 1;
                    let waiting: usize = self.waiting.iter().map(|batch| batch.rows).sum();
                    warn!(table, waiting, error = %source, "cannot send rows now");
                }
                Err(refused) => return Err(refused),
            }
            let backoff = self.pace.tick.saturating_mul(2u32.saturating_pow(failures.min(16)));
            tokio::time::sleep(backoff.min(self.pace.backoff_max.max(self.pace.tick))).await;
        }
    }

    /// Lets the simulation catch up with the clock, unless there is no room for what would happen.
    fn take_rows(&mut self, now: Ticks) {
        let mut fleet = lock(&self.fleet);
        let waiting: usize = self.waiting.iter().map(|batch| batch.rows).sum();
        let room = self.pace.waiting_rows.saturating_sub(waiting) as f64;
        let seconds = (now.0 - fleet.reached().0) as f64 / TICKS_PER_SECOND as f64;
        // The rate at the time reached is that of the backlog in the first round.
        let has_room = seconds * fleet.rate(fleet.reached()) <= room;
        if !has_room {
            self.report.pauses += 1;
            info!(seconds = seconds as u64, waiting, "simulated time stands still");
            fleet.pause_until(now);
            return;
        }
        let mut by_table: BTreeMap<&'static str, Vec<Row>> = BTreeMap::new();
        for row in fleet.next_batch(now) {
            by_table.entry(row.table.name).or_default().push(row);
        }
        // A device's own record goes first, so that the server knows it before its events come.
        let own = |table: &str| table == "DeviceInfo" || table == "DeviceNetworkInfo";
        let (first, rest): (Vec<_>, Vec<_>) = by_table.into_iter().partition(|(table, _)| own(table));
        for (table, rows) in first.into_iter().chain(rest) {
            for rows in rows.chunks(self.pace.rows_per_request.max(1)) {
                self.sequence += 1;
                let (body, sequence) = (ndjson(rows), self.sequence);
                self.waiting.push_back(Batch { table, rows: rows.len(), body, sequence });
            }
        }
    }

    async fn send_waiting(&mut self) -> Result<(), RunError> {
        while let Some(batch) = self.waiting.front() {
            let producer = Some((self.producer.as_str(), batch.sequence));
            let sent = self.client.ingest(batch.table, batch.body.clone().into(), producer).await;
            let answer = sent.map_err(|source| RunError::Refused { table: batch.table, source })?;
            if let Some(error) = answer.errors.first() {
                warn!(table = batch.table, refused = answer.refused, error = %error.message, "rows were refused");
            }
            self.report.accepted += answer.accepted;
            self.report.refused += answer.refused;
            self.report.requests += 1;
            self.waiting.pop_front();
        }
        Ok(())
    }
}

/// Whether sending the same later makes sense.
fn may_pass(error: &ClientError) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TooManyRequests | ErrorKind::Internal)
}

fn ndjson(rows: &[Row]) -> String {
    let mut body = String::new();
    for row in rows {
        body.push_str(&Value::Object(row.to_json()).to_string());
        body.push('\n');
    }
    body
}
