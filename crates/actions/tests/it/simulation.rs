//! A server's queue, a device's journal, and a line between them that loses, repeats and delays.

use std::collections::BTreeMap;

use actions::{Admission, Answer, Journal, Queue, Refusal};
use model::machine_action::ActionStatus;
use model::{DeviceId, TenantId, Ticks};
use sensor_proto::{Command, Isolation, IsolationMode, Order, Outcome, VERSION};
use uuid::Uuid;

pub const HOUR: i64 = 3_600;
/// From the acceptance of an order to its end.
const LIMIT: i64 = 72 * HOUR;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Isolate,
    Release,
    /// Of the last order that is open.
    Cancel,
    /// The device asks, and what it gets waits in front of it.
    Poll,
    /// The device carries out what waits first.
    Work,
    /// The server hears what the device has said.
    Hear,
    /// What is on the line, in front of the device and not heard, is lost: the device is off or out of reach.
    Offline,
    /// The device gets its last command again.
    RepeatCommand,
    /// The server hears the last answer again.
    RepeatAnswer,
    /// Every deadline passes.
    Deadline,
}

pub const STEPS: [Step; 10] = [
    Step::Isolate,
    Step::Release,
    Step::Cancel,
    Step::Poll,
    Step::Work,
    Step::Hear,
    Step::Offline,
    Step::RepeatCommand,
    Step::RepeatAnswer,
    Step::Deadline,
];

#[derive(Clone)]
pub struct Simulation {
    pub queue: Queue,
    pub journal: Journal,
    pub now: Ticks,
    inbox: Vec<Command>,
    outbox: Vec<Answer>,
    last_command: Option<Command>,
    last_answer: Option<Answer>,
    /// What was accepted, in order, and its status as the server told it.
    pub accepted: Vec<(Uuid, Isolation)>,
    pub status: BTreeMap<Uuid, ActionStatus>,
    /// How often each order changed the device.
    done: BTreeMap<Uuid, u32>,
}

impl Simulation {
    pub fn new() -> Simulation {
        Simulation {
            queue: Queue::new(),
            journal: Journal::new(),
            now: Ticks::parse("2026-03-03T07:00:00Z").unwrap(),
            inbox: Vec::new(),
            outbox: Vec::new(),
            last_command: None,
            last_answer: None,
            accepted: Vec::new(),
            status: BTreeMap::new(),
            done: BTreeMap::new(),
        }
    }

    /// What both sides would read after having been killed.
    pub fn restart(&mut self) {
        self.queue = serde_json::from_str(&serde_json::to_string(&self.queue).unwrap()).unwrap();
        self.journal = serde_json::from_str(&serde_json::to_string(&self.journal).unwrap()).unwrap();
    }

    pub fn step(&mut self, step: Step) {
        match step {
            Step::Isolate => self.request(Order::Isolate { mode: IsolationMode::Full }, Isolation::Full),
            Step::Release => self.request(Order::Release, Isolation::None),
            Step::Cancel => {
                let Some(last) = self.queue.open().iter().max_by_key(|entry| entry.sequence) else { return };
                let id = last.id;
                let changes = self.queue.cancel(id).unwrap();
                assert_eq!(self.queue.cancel(id), Err(Refusal::NotOpen));
                self.note(changes);
            }
            Step::Poll => self.poll(),
            Step::Work => self.work(),
            Step::Hear => {
                for answer in std::mem::take(&mut self.outbox) {
                    self.hear(answer);
                }
            }
            Step::Offline => {
                self.inbox.clear();
                self.outbox.clear();
            }
            Step::RepeatCommand => self.inbox.extend(self.last_command.clone()),
            Step::RepeatAnswer => {
                if let Some(answer) = self.last_answer.clone() {
                    self.hear(answer);
                }
            }
            Step::Deadline => {
                self.now = self.now.plus_seconds(LIMIT);
                let changes = self.queue.expire(self.now);
                self.note(changes);
                assert!(self.queue.open().is_empty());
            }
        }
    }

    fn request(&mut self, order: Order, value: Isolation) {
        let id = Uuid::from_u128(self.accepted.len() as u128 + 1);
        let is_open = self.queue.open().iter().any(|entry| entry.order.is_same_kind(&order));
        let before = self.queue.clone();
        match self.queue.request(id, order, self.now.plus_seconds(LIMIT), false) {
            Ok(changes) => {
                assert!(!is_open);
                self.accepted.push((id, value));
                self.status.insert(id, ActionStatus::Pending);
                self.note(changes);
            }
            Err(refusal) => {
                assert!(is_open && matches!(refusal, Refusal::Active { .. }), "{refusal:?}");
                assert_eq!(self.queue, before, "a refusal has no effect");
            }
        }
    }

    fn poll(&mut self) {
        let (changes, given) = self.queue.poll(&self.journal.state(), self.now.plus_seconds(LIMIT));
        self.note(changes);
        for given in given {
            let command = Command {
                version: VERSION,
                id: given.id,
                tenant_id: TenantId(Uuid::nil()),
                device_id: DeviceId::from_name(TenantId(Uuid::nil()), "pc1"),
                sequence: given.sequence,
                issued: self.now,
                expires: given.expires,
                order: given.order,
            };
            self.last_command = Some(command.clone());
            self.inbox.push(command);
        }
    }

    fn work(&mut self) {
        if self.inbox.is_empty() {
            return;
        }
        let command = self.inbox.remove(0);
        let answer = match self.journal.admit(&command, self.now) {
            Admission::Begin => {
                *self.done.entry(command.id).or_default() += 1;
                self.journal.finish(&command, Outcome::succeeded(""), self.now)
            }
            Admission::Answer(answer) => answer,
            Admission::Ignore => return,
        };
        self.last_answer = Some(answer.clone());
        self.outbox.push(answer);
    }

    fn hear(&mut self, answer: Answer) {
        let changes = self.queue.receive(answer.id, &answer.outcome);
        self.note(changes);
    }

    fn note(&mut self, changes: Vec<actions::Change>) {
        for change in changes {
            let known =
                self.status.insert(change.id, change.status).expect("a change is of an accepted order");
            assert!(!known.is_final(), "a final status never changes: {known:?} to {:?}", change.status);
        }
    }

    /// The device is there, and nothing is lost any more.
    pub fn settle(&mut self) {
        for _ in 0..2 * self.accepted.len() + 4 {
            self.poll();
            while !self.inbox.is_empty() {
                self.work();
            }
            self.step(Step::Hear);
        }
    }

    /// What has to hold then. `timed_out` and `cancelled` are told by the steps alone.
    #[track_caller]
    pub fn check(&self, told: &str) {
        for (id, status) in &self.status {
            assert!(status.is_final(), "{told}: {id} is {status:?}");
            assert_ne!(*status, ActionStatus::Failed, "{told}: {id}");
        }
        assert!(self.done.values().all(|times| *times == 1), "{told}: an order was carried out twice");
        // The last accepted order that was neither cancelled nor late.
        let last = self.accepted.iter().rev().find(|(id, _)| self.status[id] == ActionStatus::Succeeded);
        let expected = last.map_or(Isolation::None, |(_, value)| *value);
        assert_eq!(self.journal.state().isolation.value, expected, "{told}");
        assert_eq!(self.queue.settled().isolation.value, expected, "{told}");
        assert!(!self.queue.has_news(&self.journal.state(), &[]), "{told}: there is still something to do");
    }
}
