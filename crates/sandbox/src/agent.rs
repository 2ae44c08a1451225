//! The devices of a fleet as clients of the device channel: they enrol, ask for commands, carry them out in their
//! simulated world, and say that it is one.

mod execute;
mod script;
mod state;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use actions::{Admission, Answer};
use bytes::Bytes;
use client::{ClientError, DeviceChannel, DeviceIdentity};
use model::{Clock, DeviceId, ErrorKind};
use sensor_proto::{
    Command, Enrol, Order, Poll, PrivateKey, PublicKey, Receipt, Signed, Topic, Upload, VERSION,
};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, info, warn};
use uuid::Uuid;

use crate::fleet::Device;
use crate::run::{SharedFleet, lock};
use state::State;

/// What the devices call themselves.
pub(crate) const AGENT: &str = concat!("sandbox/", env!("CARGO_PKG_VERSION"));
/// How long to wait after an answer that had been given before.
const REPEAT: Duration = Duration::from_millis(500);
const BACKOFF_MAX: Duration = Duration::from_secs(15);

/// How devices take part in the channel.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    pub base_url: String,
    pub ca_file: Option<PathBuf>,
    /// Where each device keeps its key and what it remembers of its orders.
    pub folder: PathBuf,
    /// How long a poll may be kept waiting.
    pub wait_seconds: u32,
    /// How long a quick scan takes; a full one takes three times as long, a collection two thirds.
    pub scan: Duration,
}

impl AgentSettings {
    pub fn new(base_url: impl Into<String>, folder: impl Into<PathBuf>) -> AgentSettings {
        AgentSettings {
            base_url: base_url.into(),
            ca_file: None,
            folder: folder.into(),
            wait_seconds: 20,
            scan: Duration::from_secs(3),
        }
    }
}

/// The devices of a fleet on the channel.
pub struct Agents {
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

pub(crate) struct Shared {
    pub fleet: SharedFleet,
    pub channel: DeviceChannel,
    pub settings: AgentSettings,
    pub clock: Arc<dyn Clock>,
}

/// One device.
#[derive(Clone)]
struct Agent {
    shared: Arc<Shared>,
    identity: DeviceIdentity,
    state: Arc<tokio::sync::Mutex<State>>,
    running: Arc<Mutex<HashMap<Uuid, AbortHandle>>>,
}

/// The devices of a fleet that have no key in a folder, and so need a token each.
pub fn unenrolled(fleet: &SharedFleet, folder: &Path) -> usize {
    let devices: Vec<Device> = lock(fleet).devices().collect();
    devices.iter().filter(|device| !state::path(folder, &device.device_id).exists()).count()
}

impl Agents {
    /// Puts every device of a fleet on the channel; those without a key use a token up each.
    pub fn start(
        fleet: SharedFleet,
        settings: AgentSettings,
        tokens: Vec<String>,
        clock: Arc<dyn Clock>,
    ) -> Result<Agents, ClientError> {
        let channel = DeviceChannel::connect(&settings.base_url, settings.ca_file.as_deref())?;
        let devices: Vec<Device> = lock(&fleet).devices().collect();
        let shared = Arc::new(Shared { fleet, channel, settings, clock });
        let mut tokens = tokens.into_iter();
        let mut tasks = JoinSet::new();
        for device in devices {
            let is_known = state::path(&shared.settings.folder, &device.device_id).exists();
            let token = if is_known { None } else { tokens.next() };
            tasks.spawn(run_device(shared.clone(), device, token));
        }
        Ok(Agents { shared, tasks })
    }

    /// Ends all devices at once, as a power cut does: what they have to remember is stored.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
        debug!(folder = %self.shared.settings.folder.display(), "the devices left the channel");
    }
}

async fn run_device(shared: Arc<Shared>, device: Device, token: Option<String>) {
    let state = match State::read(&shared.settings.folder, &device.device_id) {
        Ok(Some(state)) => state,
        Ok(None) => match enrol(&shared, &device, token).await {
            Some(state) => state,
            None => return,
        },
        Err(error) => return warn!(device = device.name, error, "a device cannot read its key"),
    };
    if state.is_offboarded {
        lock(&shared.fleet).stay_away(&device.device_id);
    }
    let identity = match state.identity() {
        Ok(identity) => identity,
        Err(error) => return warn!(device = device.name, error, "a device cannot use its key"),
    };
    if state.is_offboarded {
        // The server may not know of it: the device can have lost its power before it said so.
        let farewell = state.farewell.clone();
        let state = Arc::new(tokio::sync::Mutex::new(state));
        let agent = Agent { shared, identity, state, running: Arc::default() };
        if let Some(answer) = farewell {
            agent.send(&answer).await;
        }
        return;
    }
    {
        let mut fleet = lock(&shared.fleet);
        fleet.join(&device.device_id);
        let of = state.journal.state();
        fleet.set_state(&device.device_id, of.isolation.value, of.restriction.value);
    }
    let state = Arc::new(tokio::sync::Mutex::new(state));
    Agent { shared, identity, state, running: Arc::default() }.run().await;
}

/// Makes a key and enrols it; asks again for as long as the server is away.
async fn enrol(shared: &Shared, device: &Device, token: Option<String>) -> Option<State> {
    let Some(token) = token else {
        warn!(device = device.name, "a device has neither a key nor a token to enrol by");
        return None;
    };
    let (key, pkcs8) = PrivateKey::generate().ok()?;
    let enrol = Enrol {
        version: VERSION,
        token,
        device_name: device.name.clone(),
        device_id: DeviceId::parse(&device.device_id),
        public_key: key.public().to_string(),
        agent: AGENT.to_owned(),
    };
    let mut backoff = Backoff::new();
    loop {
        match shared.channel.enrol(&enrol, &key).await {
            Ok(enrolled) => {
                let command_key = PublicKey::parse(&enrolled.command_key).ok()?;
                let state = State::new(enrolled.tenant_id, enrolled.device_id, &pkcs8, &command_key);
                if let Err(error) = state.write(&shared.settings.folder) {
                    warn!(device = device.name, error, "a device cannot store its key");
                    return None;
                }
                info!(device = device.name, id = %state.device, "a simulated device enrolled");
                return Some(state);
            }
            Err(error) if may_pass(&error) => {
                debug!(device = device.name, %error, "a device cannot enrol now");
                backoff.wait().await;
            }
            Err(error) => {
                warn!(device = device.name, %error, "a device is not let in");
                return None;
            }
        }
    }
}

impl Agent {
    async fn run(&self) {
        let mut backoff = Backoff::new();
        let mut tasks = JoinSet::new();
        loop {
            while tasks.try_join_next().is_some() {}
            let (poll, keys) = {
                let state = self.state.lock().await;
                if state.is_offboarded {
                    return;
                }
                let keys = match state.keys() {
                    Ok(keys) => keys,
                    Err(error) => {
                        return warn!(device = %self.identity.device, error, "a device cannot know commands");
                    }
                };
                let running = self.running().keys().copied().collect();
                let (agent, wait_seconds) = (AGENT.to_owned(), self.shared.settings.wait_seconds);
                let (state, command_key) = (state.journal.state(), keys.name().ok());
                (Poll { version: VERSION, agent, state, running, wait_seconds, command_key }, keys)
            };
            let answer = self.shared.channel.poll(&self.identity, &poll, self.shared.clock.now()).await;
            let answer = answer.and_then(|answer| {
                let now = self.shared.clock.now();
                let commands = self.shared.channel.commands(&self.identity, &keys, &answer, now)?;
                Ok((answer, commands))
            });
            match answer {
                Ok((answer, _)) if !answer.keys.is_empty() => match self.follow(&answer.keys).await {
                    Ok(()) => backoff = Backoff::new(),
                    Err(error) => {
                        warn!(device = %self.identity.device, error, "a device does not take the next key of commands");
                        backoff.wait().await;
                    }
                },
                Ok((answer, commands)) => {
                    backoff = Backoff::new();
                    for id in answer.cancelled {
                        if let Some(running) = self.running().remove(&id) {
                            running.abort();
                            info!(device = %self.identity.device, %id, "a device gives an action up");
                        }
                    }
                    for command in commands {
                        self.take(command, &mut tasks).await;
                    }
                }
                Err(error) if may_pass(&error) => {
                    debug!(device = %self.identity.device, %error, "the channel is not usable now");
                    backoff.wait().await;
                }
                Err(error) => {
                    warn!(device = %self.identity.device, %error, "a device is not let in any more");
                    return;
                }
            }
        }
    }

    /// Takes the keys that followed the one that it knows. What is not stored is not used.
    async fn follow(&self, given: &[Signed]) -> Result<(), String> {
        let mut state = self.state.lock().await;
        let mut keys = state.keys()?;
        let mut has_next = false;
        for signed in given {
            has_next |= keys.follow(signed).map_err(|error| error.to_string())?;
        }
        if !has_next {
            return Err("none of the keys follows the one that it knows".to_owned());
        }
        let name = keys.name().map_err(|error| error.to_string())?;
        let before = state.command_keys.replace(keys);
        if let Err(error) = state.write(&self.shared.settings.folder) {
            state.command_keys = before;
            return Err(error);
        }
        info!(device = %self.identity.device, key = name, "a device knows commands by the next key");
        Ok(())
    }

    /// Carries a command out: what changes the device's state at once, what takes long on its own.
    async fn take(&self, command: Command, tasks: &mut JoinSet<()>) {
        if self.running().contains_key(&command.id) {
            return;
        }
        let admission = self.state.lock().await.journal.admit(&command, self.shared.clock.now());
        match admission {
            Admission::Ignore => {}
            Admission::Answer(answer) => {
                self.send(&answer).await;
                // A server that does not take the answer asks again, and not at once.
                tokio::time::sleep(REPEAT).await;
            }
            Admission::Begin => {
                let device = self.identity.device.as_str();
                lock(&self.shared.fleet).tell_of_channel(device, &self.shared.settings.base_url);
                let takes_long = !matches!(
                    command.order.topic(),
                    Topic::Isolation | Topic::Restriction | Topic::Quarantine | Topic::Onboarding
                );
                if takes_long {
                    let (agent, id) = (self.clone(), command.id);
                    // Held until the task is among those that run, so that it cannot end before.
                    let mut running = self.running();
                    running.insert(id, tasks.spawn(async move { agent.carry_out(command).await }));
                } else {
                    self.carry_out(command).await;
                }
            }
        }
    }

    /// Does it, remembers that, and says so.
    async fn carry_out(&self, command: Command) {
        let outcome = self.execute(&command).await;
        let answer = {
            let mut state = self.state.lock().await;
            let answer = state.journal.finish(&command, outcome, self.shared.clock.now());
            let is_done = matches!(answer.outcome, sensor_proto::Outcome::Succeeded { .. });
            if command.order == Order::Offboard && is_done {
                state.is_offboarded = true;
                state.farewell = Some(answer.clone());
            }
            // What is not stored is not said: the server gives the command again.
            if let Err(error) = state.write(&self.shared.settings.folder) {
                warn!(device = %self.identity.device, error, "a device cannot store what it did");
                self.running().remove(&command.id);
                return;
            }
            answer
        };
        self.send(&answer).await;
        self.running().remove(&command.id);
    }

    /// Tells what came of a command. An answer that does not arrive is asked for again.
    async fn send(&self, answer: &Answer) {
        let receipt = self.receipt(answer.id, answer.sequence, answer.outcome.clone());
        if let Err(error) = self.send_receipt(&receipt).await {
            warn!(device = %self.identity.device, id = %answer.id, %error, "the server does not take a receipt");
        }
    }

    fn receipt(&self, id: Uuid, sequence: u64, outcome: sensor_proto::Outcome) -> Receipt {
        Receipt {
            version: VERSION,
            id,
            tenant_id: self.identity.tenant,
            device_id: self.identity.device.clone(),
            sequence,
            at: self.shared.clock.now(),
            outcome,
            is_simulated: true,
        }
    }

    /// Says it, again for as long as the server is away.
    async fn send_receipt(&self, receipt: &Receipt) -> Result<(), ClientError> {
        let mut backoff = Backoff::new();
        loop {
            let now = self.shared.clock.now();
            let receipts = std::slice::from_ref(receipt);
            match self.shared.channel.send_receipts(&self.identity, receipts, now).await {
                Err(error) if may_pass(&error) => backoff.wait().await,
                done => return done,
            }
        }
    }

    /// Sends a package or the result of a command, again for as long as the server is away.
    async fn upload(
        &self,
        action: Uuid,
        index: Option<u32>,
        name: &str,
        content: Bytes,
    ) -> Result<Upload, ClientError> {
        let mut backoff = Backoff::new();
        loop {
            let now = self.shared.clock.now();
            let (channel, content) = (&self.shared.channel, content.clone());
            match channel.upload(&self.identity, action, index, name, content, now).await {
                Err(error) if may_pass(&error) => backoff.wait().await,
                done => return done,
            }
        }
    }

    /// Gets a file of the library, again for as long as the server is away.
    async fn library_file(&self, sha256: &str) -> Result<Bytes, ClientError> {
        let mut backoff = Backoff::new();
        loop {
            let now = self.shared.clock.now();
            match self.shared.channel.file(&self.identity, sha256, now).await {
                Err(error) if may_pass(&error) => backoff.wait().await,
                done => return done,
            }
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, AbortHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits that double.
struct Backoff(Duration);

impl Backoff {
    fn new() -> Backoff {
        Backoff(Duration::from_millis(200))
    }

    async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(BACKOFF_MAX);
    }
}

/// Whether the same may work later.
fn may_pass(error: &ClientError) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TooManyRequests | ErrorKind::Internal)
}
