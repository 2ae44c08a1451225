//! An hour of the lake's life from a seed: ingest, flushes, merges, retention, deletions, queries, full disks and
//! power losses at any write, and every answer checked against a naive model.
//!
//! A failure names its seed and the last steps; the same seed plays the same hour again. `SIMULATION_SEED` plays
//! another one, `SIMULATION_HOURS` plays longer.

mod faults;
mod history;

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{Int64Type, TimestampNanosecondType};
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::scalar::ScalarValue;
use lake::{Files, Lake, LakeConfig, LakeError, Parts, Rows, Snapshot};
use model::lake::{AsOf, LegalHold, Policies, Retention};
use model::time::TICKS_PER_DAY;
use model::{Clock, DeviceId, Ticks};

use self::faults::{Dice, Power, PoweredCatalog, PoweredDisk, PoweredStore};
use self::history::{DEVICES, History, Known, Seen, Sent, TABLES, TENANTS, device_id};
use crate::harness::{World, tenant};

const GRACE_SECONDS: i64 = 900;
/// Rows of the second table of the first tenant are kept for so many days.
const RETENTION_DAYS: i64 = 2;
/// Of a hundred writes to the object store and the catalog.
const FAILING_WRITES: i64 = 2;
/// How often a deletion is asked for that fails.
const DELETION_CALLS_MAX: usize = 20;
const STEPS_TOLD: usize = 25;
/// Enough for some files, so that pieces come from memory and from the store.
const CACHE_BYTES: usize = 1 << 20;

/// What is played.
#[derive(Clone, Copy, Default)]
struct Plan {
    seed: u64,
    seconds: i64,
    /// The disk answers for syncs that it does not make.
    disk_lies: bool,
    /// The object store answers for files that it does not keep.
    store_lies: bool,
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default)]
struct Played {
    appends: usize,
    rows: usize,
    refused: usize,
    flushes: usize,
    rounds: usize,
    merged: usize,
    retired: usize,
    purged: usize,
    deletions: usize,
    answers: usize,
    pasts: usize,
    power_losses: usize,
}

/// What one tenant's follower knows durably.
#[derive(Default)]
struct Follower {
    position: i64,
    delivered: BTreeSet<i64>,
}

/// An answer of before, to be asked for again as of then.
struct Past {
    tenant: u128,
    at: Ticks,
    seen: Seen,
}

struct Simulation {
    plan: Plan,
    dice: Dice,
    world: World,
    power: Power,
    lake: Option<Lake>,
    history: History,
    next_number: i64,
    sequences: [i64; TENANTS as usize],
    policies: Policies,
    followers: [Follower; TENANTS as usize],
    pasts: Vec<Past>,
    disk_is_full: bool,
    names: Arc<AtomicU64>,
    steps: Vec<String>,
    played: Played,
}

type Outcome = Result<(), String>;

/// A call that never came to its end because the power went.
enum Ended<T> {
    With(T),
    PowerLoss,
}

impl Simulation {
    fn new(plan: Plan) -> Simulation {
        let retention =
            Retention { tenant: tenant(1), table: Some(TABLES[1].to_owned()), days: RETENTION_DAYS };
        Simulation {
            plan,
            dice: Dice::new(plan.seed),
            world: World::new(),
            power: Power::new(plan.seed, 0),
            lake: None,
            history: History::default(),
            next_number: 0,
            sequences: [0; TENANTS as usize],
            policies: Policies { retention: vec![retention], holds: Vec::new() },
            followers: Default::default(),
            pasts: Vec::new(),
            disk_is_full: false,
            names: Arc::default(),
            steps: Vec::new(),
            played: Played::default(),
        }
    }

    fn say(&mut self, step: impl Into<String>) {
        let at = self.world.clock.now();
        self.steps.push(format!("{at} {}", step.into()));
    }

    async fn play(&mut self) -> Outcome {
        self.world.catalog.set_policies(self.policies.clone());
        self.open().await?;
        let end = self.world.clock.now().plus_seconds(self.plan.seconds);
        while self.world.clock.now() < end {
            let pause = self.dice.within(1..6);
            self.world.clock.advance(pause);
            if self.disk_is_full && self.dice.is(20) {
                self.fill_disk()?;
            }
            if self.dice.is(3) {
                let writes = self.dice.within(1..30);
                self.power.goes_after(writes);
            }
            self.step().await?;
            if self.power.is_off() {
                self.recover().await?;
            }
        }
        self.end().await
    }

    async fn step(&mut self) -> Outcome {
        match self.dice.below(100) {
            0..55 => self.append().await,
            55..64 => self.flush().await.map(|_| ()),
            64..73 => self.look_after().await,
            73..75 => self.delete_device().await,
            75..77 => self.change_hold(),
            77..79 => self.fill_disk(),
            79..89 => self.ask_some().await,
            89..93 => self.ask_all().await,
            93..96 => self.ask_the_past().await,
            _ => self.follow().await,
        }
    }

    fn lake(&self) -> &Lake {
        self.lake.as_ref().unwrap()
    }

    /// What a call came to: a failure is allowed when the power went, or for a moment where `may_fail`.
    fn ended<T>(&self, answer: Result<T, LakeError>, may_fail: bool) -> Result<Ended<Option<T>>, String> {
        match answer {
            Ok(answer) => Ok(Ended::With(Some(answer))),
            Err(_) if self.power.is_off() => Ok(Ended::PowerLoss),
            Err(_) if may_fail => Ok(Ended::With(None)),
            Err(error) => Err(format!("a call failed with the power on: {error}")),
        }
    }

    /// Opens the lake, however often the power goes meanwhile.
    async fn open(&mut self) -> Outcome {
        for attempt in 0.. {
            let seed = self.dice.below(i64::MAX) as u64;
            self.power = Power::new(seed, if attempt > 3 { 0 } else { FAILING_WRITES });
            if attempt < 3 && self.dice.is(25) {
                let writes = self.dice.within(1..10);
                self.power.goes_after(writes);
            }
            let names = self.names.clone();
            let opened = Lake::open(Parts {
                config: LakeConfig {
                    grace: Duration::from_secs(GRACE_SECONDS as u64),
                    ..LakeConfig::default()
                },
                catalog: Arc::new(PoweredCatalog(self.world.catalog.clone(), self.power.clone())),
                files: Files::remote(
                    Arc::new(PoweredStore {
                        inner: self.world.files.clone(),
                        power: self.power.clone(),
                        is_lying: self.plan.store_lies,
                    }),
                    CACHE_BYTES,
                ),
                disk: Arc::new(PoweredDisk {
                    inner: self.world.disk.clone(),
                    power: self.power.clone(),
                    is_lying: self.plan.disk_lies,
                }),
                clock: self.world.clock.clone(),
                new_name: Box::new(move || format!("f{}", names.fetch_add(1, Ordering::SeqCst))),
            });
            match opened.await {
                Ok(lake) if !self.power.is_off() => {
                    self.lake = Some(lake);
                    return Ok(());
                }
                Ok(_) => {}
                Err(_) if self.power.is_off() => {}
                // Orphans that could not be removed for a moment.
                Err(LakeError::File { .. }) => continue,
                Err(error) => return Err(format!("the lake does not open: {error}")),
            }
            self.lose_power();
        }
        Ok(())
    }

    fn lose_power(&mut self) {
        self.power.turn_off();
        self.lake = None;
        let keep = self.dice.below(4_000) as usize;
        self.world.disk = self.world.disk.after_power_loss(|_| keep);
        self.disk_is_full = false;
        self.played.power_losses += 1;
        self.say(format!("power loss, {keep} unsynced bytes kept"));
    }

    /// Starts again after a power loss, and sends again what was not answered.
    async fn recover(&mut self) -> Outcome {
        loop {
            self.world.clock.advance(1);
            self.lose_power();
            self.open().await?;
            if self.resend().await? {
                return Ok(());
            }
        }
    }

    /// Sends unanswered rows again, as a producer does. Returns false when the power went again.
    async fn resend(&mut self) -> Result<bool, String> {
        let unanswered = |(number, sent): (&i64, &Sent)| (sent.known == Known::Unanswered).then_some(*number);
        let numbers: Vec<i64> = self.history.0.iter().filter_map(unanswered).collect();
        let Some(first) = numbers.first() else { return Ok(true) };
        let of = self.history.0[first].tenant;
        let Ended::With(seen) = self.seen(of, None).await? else { return Ok(false) };
        self.history.check(of, &seen, |_| true)?;
        let there = seen.iter().filter(|(number, _)| numbers.contains(number)).count();
        if there != 0 && there != numbers.len() {
            return Err(format!("{there} of {} rows of one unanswered call are there", numbers.len()));
        }
        self.say(format!("send {} rows again, {there} of them are there", numbers.len()));
        let sequence = self.sequences[of as usize - 1];
        let answer = self.lake().tenant(tenant(of)).append(self.rows(&numbers), producer(of, sequence)).await;
        let Ended::With(Some(appended)) = self.ended(answer, false)? else { return Ok(false) };
        if appended.duplicate != (there > 0) {
            return Err(format!("a call sent again was called a duplicate: {}", appended.duplicate));
        }
        self.history.mark(numbers, Known::There);
        Ok(true)
    }

    fn rows(&self, numbers: &[i64]) -> Vec<Rows> {
        let rows: Vec<_> = numbers.iter().map(|number| self.history.0[number].row(*number)).collect();
        Rows::of(&rows).unwrap()
    }

    async fn append(&mut self) -> Outcome {
        let of = self.dice.within(1..TENANTS as i64 + 1) as u128;
        let numbers: Vec<i64> = (0..self.dice.within(1..25)).map(|at| self.next_number + at).collect();
        self.next_number += numbers.len() as i64;
        for number in &numbers {
            let days = if self.dice.is(20) { 5 } else { 0 };
            let age = self.dice.below(days * TICKS_PER_DAY + TICKS_PER_DAY / 24);
            let sent = Sent {
                tenant: of,
                table: self.dice.below(TABLES.len() as i64) as usize,
                device: self.dice.below(DEVICES),
                time: Ticks(self.world.clock.now().0 - age),
                known: Known::Unanswered,
            };
            self.history.0.insert(*number, sent);
        }
        self.sequences[of as usize - 1] += 1;
        let sequence = self.sequences[of as usize - 1];
        self.say(format!("append {} rows of tenant {of}, call {sequence}", numbers.len()));
        let answer = self.lake().tenant(tenant(of)).append(self.rows(&numbers), producer(of, sequence)).await;
        match answer {
            Err(_) if self.power.is_off() => return Ok(()),
            Err(LakeError::NoSpace) if self.disk_is_full => {
                self.history.mark(numbers, Known::Absent);
                self.played.refused += 1;
                return Ok(());
            }
            Err(error) => return Err(format!("rows were refused: {error}")),
            Ok(_) if self.disk_is_full => return Err("a full disk took rows".to_owned()),
            Ok(appended) if appended.duplicate => return Err("new rows were called duplicates".to_owned()),
            Ok(_) => {}
        }
        self.played.appends += 1;
        self.played.rows += numbers.len();
        self.history.mark(numbers, Known::There);
        Ok(())
    }

    /// Returns whether it came to its end.
    async fn flush(&mut self) -> Result<bool, String> {
        self.say("flush");
        let answer = self.lake().flush().await;
        let is_done = matches!(self.ended(answer, true)?, Ended::With(Some(_)));
        self.played.flushes += usize::from(is_done);
        Ok(is_done)
    }

    /// A round of upkeep, often with everything flushed: then what is too old is gone for certain.
    async fn look_after(&mut self) -> Outcome {
        let is_flushed = self.dice.is(70) && self.flush().await?;
        if self.power.is_off() {
            return Ok(());
        }
        let today = self.world.clock.now().0.div_euclid(TICKS_PER_DAY);
        let is_held = self.policies.is_held(tenant(1), TABLES[1]);
        let is_old = |sent: &Sent| sent.tenant == 1 && sent.table == 1 && sent.day() + RETENTION_DAYS < today;
        let old = if is_held { Vec::new() } else { self.history.present(is_old) };
        self.history.mark(old.iter().copied(), Known::MayBeGone);
        self.say(format!("upkeep, {} rows are too old", old.len()));
        let answer = self.lake().upkeep().await;
        let Ended::With(done) = self.ended(answer, true)? else { return Ok(()) };
        let Some(done) = done else { return Ok(()) };
        self.played.rounds += 1;
        self.played.merged += done.merged;
        self.played.retired += done.retired;
        self.played.purged += done.purged;
        if is_flushed {
            self.history.mark(old, Known::Gone);
        }
        Ok(())
    }

    async fn delete_device(&mut self) -> Outcome {
        let of = self.dice.within(1..TENANTS as i64 + 1) as u128;
        let device = self.dice.below(DEVICES);
        let policies = self.policies.clone();
        let is_its = |sent: &Sent| {
            sent.tenant == of && sent.device == device && !policies.is_held(tenant(of), TABLES[sent.table])
        };
        let numbers = self.history.present(is_its);
        self.history.mark(numbers.iter().copied(), Known::MayBeGone);
        self.say(format!("delete device {device} of tenant {of}, {} rows", numbers.len()));
        let id = DeviceId::parse(&device_id(device)).unwrap();
        // It writes many files, and one that fails for a moment ends it: who wants the rows gone asks again.
        for _ in 0..DELETION_CALLS_MAX {
            let answer = self.lake().tenant(tenant(of)).delete_device(&id).await;
            match self.ended(answer, true)? {
                Ended::With(None) => continue,
                Ended::With(Some(_)) => {
                    self.history.mark(numbers, Known::Gone);
                    self.played.deletions += 1;
                }
                Ended::PowerLoss => {}
            }
            break;
        }
        Ok(())
    }

    fn change_hold(&mut self) -> Outcome {
        if self.policies.holds.pop().is_none() {
            self.policies.holds.push(LegalHold {
                tenant: tenant(1),
                name: "case".to_owned(),
                table: self.dice.is(50).then(|| TABLES[1].to_owned()),
                reason: "simulated".to_owned(),
                created: self.world.clock.now(),
            });
        }
        self.world.catalog.set_policies(self.policies.clone());
        let holds = self.policies.holds.len();
        self.say(format!("legal holds: {holds}"));
        Ok(())
    }

    fn fill_disk(&mut self) -> Outcome {
        self.disk_is_full = !self.disk_is_full;
        self.world.disk.fail_writes(self.disk_is_full.then_some(io::ErrorKind::StorageFull));
        let is_full = self.disk_is_full;
        self.say(format!("the disk is full: {is_full}"));
        Ok(())
    }

    /// The rows of a tenant that match a condition, or all.
    async fn seen(&self, of: u128, condition: Option<Expr>) -> Result<Ended<Seen>, String> {
        let snapshot = self.lake().tenant(tenant(of)).snapshot();
        self.seen_in(&snapshot, condition).await
    }

    async fn seen_in(&self, snapshot: &Snapshot, condition: Option<Expr>) -> Result<Ended<Seen>, String> {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
        let store = self.lake().object_store();
        context.runtime_env().register_object_store(lake::object_store_url().as_ref(), store);
        let mut seen = Seen::new();
        for table in TABLES {
            let provider = snapshot.table(model::tables::find(table).unwrap());
            let mut frame = context.read_table(provider).unwrap();
            if let Some(condition) = &condition {
                frame = frame.filter(condition.clone()).unwrap();
            }
            let frame = frame.select_columns(&["ReportId", "Timestamp"]).unwrap();
            let batches = match frame.collect().await {
                Ok(batches) => batches,
                Err(_) if self.power.is_off() => return Ok(Ended::PowerLoss),
                Err(error) => return Err(format!("a query failed: {error}")),
            };
            for batch in batches {
                let numbers = batch.column(0).as_primitive::<Int64Type>().values().iter();
                let times = batch.column(1).as_primitive::<TimestampNanosecondType>().values().iter();
                seen.extend(
                    numbers.zip(times).map(|(number, time)| (*number, Ticks::from_unix_nanos(*time))),
                );
            }
        }
        seen.sort_unstable();
        Ok(Ended::With(seen))
    }

    /// A question about a device and a span of time.
    async fn ask_some(&mut self) -> Outcome {
        let of = self.dice.within(1..TENANTS as i64 + 1) as u128;
        let device = self.dice.below(DEVICES);
        let from = Ticks(self.world.clock.now().0 - self.dice.below(3 * TICKS_PER_DAY));
        let to = Ticks(from.0 + self.dice.below(TICKS_PER_DAY));
        let column = |name: &str| Expr::Column(Column::new_unqualified(name));
        let at = |time: Ticks| lit(ScalarValue::TimestampNanosecond(time.unix_nanos(), Some("UTC".into())));
        let condition = column("DeviceId")
            .eq(lit(device_id(device)))
            .and(column("Timestamp").gt_eq(at(from)))
            .and(column("Timestamp").lt(at(to)));
        self.say(format!("ask tenant {of} for device {device}"));
        let Ended::With(seen) = self.seen(of, Some(condition)).await? else { return Ok(()) };
        self.played.answers += 1;
        let is_asked = |sent: &Sent| sent.device == device && from <= sent.time && sent.time < to;
        self.history.check(of, &seen, is_asked)
    }

    async fn ask_all(&mut self) -> Outcome {
        for of in 1..=TENANTS {
            self.say(format!("ask tenant {of} for everything"));
            let Ended::With(seen) = self.seen(of, None).await? else { return Ok(()) };
            self.played.answers += 1;
            self.history.check(of, &seen, |_| true)?;
            let at = self.world.clock.now();
            self.pasts.push(Past { tenant: of, at, seen });
        }
        Ok(())
    }

    async fn ask_the_past(&mut self) -> Outcome {
        let earliest = self.world.clock.now().plus_seconds(1 - GRACE_SECONDS);
        self.pasts.retain(|past| past.at > earliest);
        if self.pasts.is_empty() {
            return Ok(());
        }
        let at = self.dice.below(self.pasts.len() as i64) as usize;
        let (of, time) = (self.pasts[at].tenant, self.pasts[at].at);
        self.say(format!("ask tenant {of} as of {time}"));
        let snapshot = self.lake().tenant(tenant(of)).snapshot().as_of(AsOf::Time(time));
        let snapshot = snapshot.map_err(|error| format!("the past is refused: {error}"))?;
        let Ended::With(seen) = self.seen_in(&snapshot, None).await? else { return Ok(()) };
        self.played.pasts += 1;
        let (now, then): (BTreeSet<_>, BTreeSet<_>) =
            (seen.iter().copied().collect(), self.pasts[at].seen.iter().copied().collect());
        if now == then && seen.len() == now.len() {
            return Ok(());
        }
        let differing: Vec<i64> =
            now.symmetric_difference(&then).map(|(number, _)| *number).take(5).collect();
        Err(format!(
            "as of {time} there are {} rows, and there were {}: {differing:?}",
            seen.len(),
            then.len()
        ))
    }

    /// A follower reads on from where it durably was.
    async fn follow(&mut self) -> Outcome {
        for of in 1..=TENANTS {
            self.say(format!("follow tenant {of}"));
            while let Ended::With(more) = self.follow_once(of).await? {
                if !more {
                    break;
                }
            }
        }
        Ok(())
    }

    async fn follow_once(&mut self, of: u128) -> Result<Ended<bool>, String> {
        let position = self.followers[of as usize - 1].position;
        let mut scan = self.lake().tenant(tenant(of)).read_after(position, 50, usize::MAX);
        let mut numbers = Vec::new();
        loop {
            match scan.next().await {
                Ok(Some((_, batch))) => {
                    let column = batch.column_by_name("ReportId").unwrap();
                    numbers.extend(column.as_primitive::<Int64Type>().values().iter().copied());
                }
                Ok(None) => break,
                Err(_) if self.power.is_off() => return Ok(Ended::PowerLoss),
                Err(error) => return Err(format!("a follower failed: {error}")),
            }
        }
        let follower = &mut self.followers[of as usize - 1];
        for number in numbers {
            if self.history.0[&number].tenant != of {
                return Err(format!("a follower of tenant {of} was given row {number}"));
            }
            if !follower.delivered.insert(number) {
                return Err(format!("a follower was given row {number} again"));
            }
        }
        follower.position = scan.position();
        Ok(Ended::With(scan.has_more()))
    }

    /// With the power on and nothing failing, everything is as it should be.
    async fn end(&mut self) -> Outcome {
        self.say("the end");
        self.world.disk.fail_writes(None);
        self.disk_is_full = false;
        loop {
            self.world.clock.advance(1);
            self.lose_power();
            self.open().await?;
            self.power.goes_after(i64::MAX);
            if self.resend().await? && self.flush().await? {
                break;
            }
        }
        self.follow().await?;
        for of in 1..=TENANTS {
            let delivered = &self.followers[of as usize - 1].delivered;
            let there = self.history.present(|sent| sent.tenant == of && sent.known == Known::There);
            if let Some(missed) = there.iter().find(|number| !delivered.contains(number)) {
                return Err(format!("a follower never got row {missed}"));
            }
        }
        self.ask_all().await?;
        let verified = self.lake().verify().await.map_err(|error| error.to_string())?;
        match verified.findings.first() {
            Some(finding) => Err(format!("{}: {}", finding.path, finding.problem)),
            None => Ok(()),
        }
    }
}

fn producer(of: u128, sequence: i64) -> Option<(String, i64)> {
    Some((format!("producer-{of}"), sequence))
}

fn play(plan: Plan) -> Result<Played, String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut simulation = Simulation::new(plan);
        let outcome = simulation.play().await;
        let last = simulation.steps.len().saturating_sub(STEPS_TOLD);
        let steps = simulation.steps[last..].join("\n");
        outcome.map_err(|problem| format!("seed {}: {problem}\n{steps}", plan.seed))?;
        Ok(simulation.played)
    })
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

#[test]
fn an_hour_from_a_seed() {
    let seed = from_environment("SIMULATION_SEED", 1);
    let seconds = 3_600 * from_environment("SIMULATION_HOURS", 1) as i64;
    let played =
        play(Plan { seed, seconds, ..Plan::default() }).unwrap_or_else(|problem| panic!("{problem}"));
    println!("seed {seed}, {seconds} s: {played:#?}");
    // What never happened was not tested.
    let Played { appends, refused, flushes, merged, retired, purged, deletions, answers, pasts, .. } = played;
    let least = [appends, refused, flushes, merged, retired, purged, deletions, answers, pasts];
    assert!(least.iter().all(|count| *count > 0), "{played:?}");
    assert!(played.power_losses >= 10, "{played:?}");
}

#[test]
fn acknowledging_before_syncing_is_found() {
    let plan = Plan { seed: 1, seconds: 3_600, disk_lies: true, ..Plan::default() };
    let problem = play(plan).expect_err("the simulation did not see that nothing is synced");
    assert!(problem.contains("acknowledged and is lost"), "{problem}");
}

#[test]
fn a_store_that_loses_files_is_found() {
    let plan = Plan { seed: 1, seconds: 3_600, store_lies: true, ..Plan::default() };
    play(plan).expect_err("the simulation did not see that files are lost");
}
