//! The simulation: devices, and a queue of what happens to them next.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;

use model::time::TICKS_PER_SECOND;
use model::{Row, Ticks};

use crate::dice::Dice;
use crate::host::Host;
use crate::inventory;
use crate::process::BootProcess;
use crate::scenario::{ScenarioError, World};
use crate::stage::{Run, Stage};

/// Devices in one fleet at most.
pub const DEVICES_MAX: usize = 10_000;
/// Events that all devices together remember.
const MEMORY_ROWS: usize = 20_000;

#[derive(Clone, Debug, PartialEq)]
pub struct FleetConfig {
    pub devices: usize,
    /// The same seed gives the same rows.
    pub seed: u64,
    /// Of the whole fleet, once the backlog is over.
    pub events_per_second: f64,
    /// How many times faster than life the steps of an activity follow each other, and attacks return,
    /// once the backlog is over. It changes neither the rate nor the clock.
    pub time_scale: f64,
    /// The first simulated moment.
    pub start: Ticks,
    /// How much of the time from `start` is history, made at a rate of its own.
    pub backlog_minutes: u32,
    /// About how many rows the history has at most.
    pub backlog_rows: u32,
    /// From one DeviceInfo row of a device to the next.
    pub inventory_minutes: u32,
}

impl FleetConfig {
    /// The usual fleet, with its history before `now`.
    pub fn new(seed: u64, now: Ticks) -> FleetConfig {
        let backlog_minutes = 120;
        FleetConfig {
            devices: 12,
            seed,
            events_per_second: 4.0,
            time_scale: 1.0,
            start: now.plus_seconds(-i64::from(backlog_minutes) * 60),
            backlog_minutes,
            backlog_rows: 4_000,
            inventory_minutes: 30,
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("a fleet cannot have {given} for {setting}: it takes {takes}")]
    Setting { setting: &'static str, given: String, takes: String },
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

/// A device of the fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub device_id: String,
    pub name: String,
    pub profile: String,
    pub user: String,
    pub ip: String,
}

/// Simulated devices at one moment of the simulation.
pub struct Fleet {
    config: FleetConfig,
    pub(crate) world: Arc<World>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) by_device: HashMap<String, usize>,
    /// What devices say about actions, for the next batch.
    pub(crate) told: Vec<Row>,
    /// Positions of the background activities of each profile.
    background: Vec<Vec<usize>>,
    runs: BTreeMap<u64, Run>,
    queue: BinaryHeap<Reverse<Entry>>,
    queued: u64,
    started: u64,
    /// Rows have the times of the queue plus this: what was paused.
    shift: i64,
    /// How far rows were taken.
    reached: Ticks,
    dice: Dice,
}

/// Ordered by time, then by when it was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Ticks,
    order: u64,
    event: Event,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A device tells of itself.
    Inventory {
        host: usize,
    },
    /// A device begins the next background activity.
    Background {
        host: usize,
    },
    /// An attack is staged.
    Attack {
        activity: usize,
    },
    Step {
        run: u64,
        step: usize,
        repeat: u32,
    },
}

impl Fleet {
    /// A fleet in the embedded world.
    pub fn new(config: FleetConfig) -> Result<Fleet, SandboxError> {
        Fleet::in_world(config, Arc::new(World::embedded()?))
    }

    pub fn in_world(config: FleetConfig, world: Arc<World>) -> Result<Fleet, SandboxError> {
        check(&config)?;
        let rows_max = (MEMORY_ROWS / config.devices).clamp(20, 500);
        let mut counts = vec![0usize; world.profiles.len()];
        let mut hosts = Vec::with_capacity(config.devices);
        for index in 0..config.devices {
            let profile = furthest_behind(&world, &counts, index);
            let of = (profile, counts[profile]);
            hosts.push(Host::new(&world, (config.seed, index), of, config.start, rows_max));
            counts[profile] += 1;
        }
        let of_profile = |name: &str| {
            let all = world.activities.iter().enumerate();
            all.filter(|(_, a)| a.attack.is_none() && a.on.iter().any(|on| on == name))
                .map(|(at, _)| at)
                .collect()
        };
        let background = world.profiles.iter().map(|profile| of_profile(&profile.name)).collect();
        let dice = Dice::new(config.seed, 2, 0);
        let by_device = hosts.iter().map(|host| (host.device_id.clone(), host.index)).collect();
        let mut fleet = Fleet {
            by_device,
            told: Vec::new(),
            reached: config.start,
            config,
            world,
            hosts,
            background,
            runs: BTreeMap::new(),
            queue: BinaryHeap::new(),
            queued: 0,
            started: 0,
            shift: 0,
            dice,
        };
        fleet.begin();
        Ok(fleet)
    }

    pub fn config(&self) -> &FleetConfig {
        &self.config
    }

    pub fn devices(&self) -> impl Iterator<Item = Device> {
        self.hosts.iter().map(|host| Device {
            device_id: host.device_id.clone(),
            name: host.fqdn.clone(),
            profile: self.world.profiles[host.profile].name.clone(),
            user: host.user.clone(),
            ip: host.ip.to_string(),
        })
    }

    /// The processes that no row tells the start of.
    pub fn boot_processes(&self) -> impl Iterator<Item = BootProcess> {
        self.hosts.iter().flat_map(Host::boot_processes)
    }

    /// How far rows were taken.
    pub fn reached(&self) -> Ticks {
        self.reached
    }

    /// The rows since the last call and before `until`, in order of time. How `until` advances makes no
    /// difference to the rows.
    pub fn next_batch(&mut self, until: Ticks) -> Vec<Row> {
        let mut rows = Vec::new();
        while let Some(Reverse(entry)) = self.queue.peek().copied() {
            let now = Ticks(entry.at.0 + self.shift);
            if now >= until {
                break;
            }
            self.queue.pop();
            match entry.event {
                Event::Inventory { host } => {
                    if !self.hosts[host].memory.is_gone {
                        rows.extend(inventory::rows(&self.world, &mut self.hosts[host], now));
                    }
                    let minutes = i64::from(self.config.inventory_minutes);
                    self.schedule(entry.at.plus_seconds(minutes * 60), Event::Inventory { host });
                }
                Event::Background { host } => self.begin_background(host, entry.at),
                Event::Attack { activity } => self.begin_attack(activity, entry.at),
                Event::Step { run, step, repeat } => {
                    let threat = self.threat(run);
                    let row = self.play(run, step, now);
                    rows.extend(row.and_then(|row| self.judge(row, threat.as_deref())));
                    self.after_step(run, step, repeat, entry.at);
                }
            }
        }
        self.reached = self.reached.max(until);
        rows.append(&mut self.told);
        rows
    }

    /// The name of the attack that a run is part of.
    fn threat(&self, run: u64) -> Option<String> {
        let activity = &self.world.activities[self.runs.get(&run)?.activity];
        activity.attack.map(|_| activity.name.clone())
    }

    /// Lets simulated time stand still up to `now`: what was due later comes that much later.
    pub fn pause_until(&mut self, now: Ticks) {
        if now > self.reached {
            self.shift += now.0 - self.reached.0;
            self.reached = now;
        }
    }

    fn begin(&mut self) {
        for host in 0..self.hosts.len() {
            let enrolled = after(self.config.start, 0.05 + 0.01 * host as f64);
            self.schedule(enrolled, Event::Inventory { host });
            let first = self.hosts[host].dice.fraction(0.2, 1.0) * self.mean_wait(host, enrolled).min(120.0);
            self.schedule(after(enrolled, 1.0 + first), Event::Background { host });
        }
        for activity in 0..self.world.activities.len() {
            if let Some(schedule) = self.world.activities[activity].attack {
                let [low, high] = schedule.first;
                let first = self.dice.fraction(low, high) * 60.0;
                self.schedule(after(self.config.start, first), Event::Attack { activity });
            }
        }
    }

    fn begin_background(&mut self, host: usize, at: Ticks) {
        let weights = self.weights(host, at);
        let drawn = self.hosts[host].dice.pick_weighted(&weights).filter(|drawn| weights[*drawn] > 0.0);
        let wait = match drawn {
            None => 600.0,
            Some(drawn) => {
                let activity = self.background[self.hosts[host].profile][drawn];
                let dice = self.hosts[host].dice.split();
                if let Some(roles) = self.cast(activity, host) {
                    self.start_run(activity, host, roles, dice, at);
                }
                let mean = self.mean_wait(host, at);
                self.hosts[host].dice.wait(mean).max(0.001)
            }
        };
        self.schedule(after(at, wait), Event::Background { host });
    }

    fn begin_attack(&mut self, activity: usize, at: Ticks) {
        let world = self.world.clone();
        let able = self.hosts_of(&world.activities[activity].on, None);
        let Some(host) = self.dice.pick(&able).copied() else { return };
        if let Some(roles) = self.cast(activity, host) {
            let dice = self.dice.split();
            self.start_run(activity, host, roles, dice, at);
        }
        if let Some(schedule) = world.activities[activity].attack {
            let [low, high] = schedule.every;
            let wait = self.dice.fraction(low, high) * 60.0 / self.speed(at);
            self.schedule(after(at, wait), Event::Attack { activity });
        }
    }

    /// Finds a device for each role; nothing when the fleet has too few.
    fn cast(&mut self, activity: usize, host: usize) -> Option<BTreeMap<String, usize>> {
        let world = self.world.clone();
        let mut cast = BTreeMap::new();
        for (role, profiles) in &world.activities[activity].role {
            let mut able = self.hosts_of(profiles, Some(host));
            able.retain(|other| !cast.values().any(|taken| taken == other));
            cast.insert(role.clone(), *self.hosts[host].dice.pick(&able)?);
        }
        Some(cast)
    }

    fn hosts_of(&self, profiles: &[String], except: Option<usize>) -> Vec<usize> {
        let is_able = |host: &&Host| {
            Some(host.index) != except && profiles.contains(&self.world.profiles[host.profile].name)
        };
        self.hosts.iter().filter(is_able).map(|host| host.index).collect()
    }

    fn start_run(
        &mut self,
        activity: usize,
        host: usize,
        roles: BTreeMap<String, usize>,
        dice: Dice,
        at: Ticks,
    ) {
        self.started += 1;
        let run = Run::new(&self.world, &self.hosts, activity, host, roles, dice);
        self.runs.insert(self.started, run);
        self.schedule_step(self.started, 0, 0, at);
    }

    fn play(&mut self, run: u64, step: usize, now: Ticks) -> Option<Row> {
        let run = self.runs.get_mut(&run)?;
        Stage::play(&self.world, &mut self.hosts, run, step, now)
    }

    fn after_step(&mut self, id: u64, step: usize, repeat: u32, at: Ticks) {
        let Some(run) = self.runs.get_mut(&id) else { return };
        run.pending -= 1;
        let steps = &self.world.activities[run.activity].step;
        let is_last_repeat = repeat + 1 >= steps[step].repeat;
        let leads_on = if steps[step].is_background { repeat == 0 } else { is_last_repeat };
        let has_next = leads_on && step + 1 < steps.len();
        if !is_last_repeat {
            self.schedule_step(id, step, repeat + 1, at);
        }
        if has_next {
            self.schedule_step(id, step + 1, 0, at);
        }
        if self.runs.get(&id).is_some_and(|run| run.pending == 0) {
            self.runs.remove(&id);
        }
    }

    fn schedule_step(&mut self, id: u64, step: usize, repeat: u32, from: Ticks) {
        let speed = self.speed(from);
        let Some(run) = self.runs.get_mut(&id) else { return };
        let told = &self.world.activities[run.activity].step[step];
        let delay = if repeat == 0 { told.after } else { told.every };
        let delay = delay * (1.0 + told.jitter * run.dice.fraction(-1.0, 1.0)) / speed;
        run.pending += 1;
        self.schedule(after(from, delay), Event::Step { run: id, step, repeat });
    }

    fn schedule(&mut self, at: Ticks, event: Event) {
        self.queued += 1;
        self.queue.push(Reverse(Entry { at, order: self.queued, event }));
    }

    fn is_backlog(&self, at: Ticks) -> bool {
        at < self.config.start.plus_seconds(i64::from(self.config.backlog_minutes) * 60)
    }

    fn speed(&self, at: Ticks) -> f64 {
        if self.is_backlog(at) { 1.0 } else { self.config.time_scale }
    }

    /// Rows a second of the whole fleet.
    pub(crate) fn rate(&self, at: Ticks) -> f64 {
        let seconds = f64::from(self.config.backlog_minutes) * 60.0;
        match self.is_backlog(at) {
            true => self.config.events_per_second.min(f64::from(self.config.backlog_rows) / seconds),
            false => self.config.events_per_second,
        }
    }

    fn weights(&self, host: usize, at: Ticks) -> Vec<f64> {
        let hour = Ticks(at.0 + self.shift).unix_seconds().div_euclid(3_600).rem_euclid(24);
        let activities = &self.background[self.hosts[host].profile];
        activities.iter().map(|at| self.world.activities[*at].weight_at(hour)).collect()
    }

    /// Seconds between the activities of a device, so that their rows come at the fleet's rate.
    fn mean_wait(&self, host: usize, at: Ticks) -> f64 {
        let weights = self.weights(host, at);
        let activities = &self.background[self.hosts[host].profile];
        let rows: f64 = activities
            .iter()
            .zip(&weights)
            .map(|(at, weight)| weight * self.world.activities[*at].rows())
            .sum();
        let weight: f64 = weights.iter().sum();
        let rows_each = if weight > 0.0 { rows / weight } else { 1.0 };
        rows_each * self.hosts.len() as f64 / self.rate(at)
    }
}

/// The profile that has the fewest devices for its share, so that small fleets have one of each.
fn furthest_behind(world: &World, counts: &[usize], devices: usize) -> usize {
    let total: f64 = world.profiles.iter().map(|profile| profile.share).sum();
    let behind = |at: usize| world.profiles[at].share / total * (devices + 1) as f64 - counts[at] as f64;
    (0..counts.len()).rev().max_by(|a, b| behind(*a).total_cmp(&behind(*b))).unwrap_or_default()
}

fn after(time: Ticks, seconds: f64) -> Ticks {
    Ticks(time.0.saturating_add((seconds * TICKS_PER_SECOND as f64) as i64).max(time.0 + 1))
}

fn check(config: &FleetConfig) -> Result<(), SandboxError> {
    let refuse = |setting, given: String, takes: String| Err(SandboxError::Setting { setting, given, takes });
    if !(1..=DEVICES_MAX).contains(&config.devices) {
        return refuse("devices", config.devices.to_string(), format!("1 to {DEVICES_MAX}"));
    }
    for (setting, given) in
        [("events_per_second", config.events_per_second), ("time_scale", config.time_scale)]
    {
        if !(0.001..=100_000.0).contains(&given) {
            return refuse(setting, given.to_string(), "0.001 to 100000".to_owned());
        }
    }
    for (setting, given) in
        [("inventory_minutes", config.inventory_minutes), ("backlog_rows", config.backlog_rows)]
    {
        if given == 0 {
            return refuse(setting, given.to_string(), "at least 1".to_owned());
        }
    }
    Ok(())
}
