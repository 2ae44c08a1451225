//! The orders of one device and the life of each: `Pending -> InProgress -> Succeeded | Failed | TimeOut | Cancelled`.
//!
//! - Each accepted order gets the next number of the device. Orders of one [`Topic`] are given to the device one
//!   after the other, in the order of their numbers; topics do not wait for each other.
//! - An order about a state supersedes those about the same state that the device does not have yet.
//! - What the device has been given and was then cancelled, or was not answered in time, may have happened or not.
//!   The device says in each poll which state it is in; when that is not the state that the last order which
//!   succeeded has made, it is told to go back to that. So the state of a device follows from what the statuses
//!   of its actions say, whatever was lost, repeated or late on the way.
//! - A final status never changes.
//!
//! No clock, no randomness, no input or output: a queue is a value that is stored whole, together with the actions
//! that a call changed.

use std::collections::BTreeSet;

use model::Ticks;
use model::machine_action::ActionStatus;
use sensor_proto::{Applied, DeviceState, Isolation, IsolationMode, Order, Outcome, Restriction, Topic};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Orders of one device that are not over.
pub const OPEN_MAX: usize = 64;
/// Orders that one poll gets.
const GIVEN_MAX: usize = 16;
/// The upper half of the ids of orders that no action stands for.
const SETTLING: u64 = 0x5e77_1e00_0000_4000;

/// The orders of one device.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    version: u32,
    /// The number that was given last.
    last: u64,
    open: Vec<Entry>,
    /// What the last orders that succeeded have made of the device.
    settled: DeviceState,
    is_offboarded: bool,
}

/// An order that is not over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: Uuid,
    pub sequence: u64,
    pub order: Order,
    /// Whether the device was given it.
    pub is_given: bool,
    /// Whether somebody else has to approve it first.
    pub is_held: bool,
    pub expires: Ticks,
}

/// An order for the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub id: Uuid,
    pub sequence: u64,
    pub order: Order,
    pub expires: Ticks,
}

/// A change of the status of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub id: Uuid,
    pub status: ActionStatus,
    pub why: Why,
}

/// What changed a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    Given,
    Asked,
    Superseded { by: Uuid },
    Late,
    Done(Outcome),
}

/// Why an order or a cancellation is not accepted. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The same is open.
    Active {
        id: Uuid,
    },
    Full,
    Offboarded,
    /// It is over, or was never there.
    NotOpen,
    /// The device has it, and what it does cannot be taken back.
    Given,
    /// It waits for nobody's approval.
    NotHeld,
}

impl Queue {
    pub const VERSION: u32 = 1;

    pub fn new() -> Queue {
        Queue { version: Queue::VERSION, ..Queue::default() }
    }

    pub fn open(&self) -> &[Entry] {
        &self.open
    }

    pub fn is_offboarded(&self) -> bool {
        self.is_offboarded
    }

    /// Takes orders again: the device was enrolled anew.
    pub fn rejoin(&mut self) {
        self.is_offboarded = false;
    }

    /// What the device's state is once every order is over.
    pub fn settled(&self) -> DeviceState {
        self.settled
    }

    /// When the next order is late.
    pub fn next_deadline(&self) -> Option<Ticks> {
        self.open.iter().map(|entry| entry.expires).min()
    }

    /// Whether an order would be accepted.
    pub fn check(&self, order: &Order) -> Result<(), Refusal> {
        if self.is_offboarded {
            return Err(Refusal::Offboarded);
        }
        if let Some(same) = self.open.iter().find(|entry| entry.order.is_same_kind(order)) {
            return Err(Refusal::Active { id: same.id });
        }
        if self.open.len() >= OPEN_MAX {
            return Err(Refusal::Full);
        }
        Ok(())
    }

    /// Accepts an order. One that is held waits for [`Queue::approve`].
    pub fn request(
        &mut self,
        id: Uuid,
        order: Order,
        expires: Ticks,
        is_held: bool,
    ) -> Result<Vec<Change>, Refusal> {
        self.check(&order)?;
        let changes = if is_held { Vec::new() } else { self.supersede(&order, id) };
        self.last += 1;
        let sequence = self.last;
        self.open.push(Entry { id, sequence, order, is_given: false, is_held, expires });
        Ok(changes)
    }

    /// Lets a held order go, as if it had been accepted now.
    pub fn approve(&mut self, id: Uuid) -> Result<Vec<Change>, Refusal> {
        let at = self.position(id).ok_or(Refusal::NotOpen)?;
        if !self.open[at].is_held {
            return Err(Refusal::NotHeld);
        }
        let mut entry = self.open.remove(at);
        let changes = self.supersede(&entry.order, id);
        self.last += 1;
        entry.sequence = self.last;
        entry.is_held = false;
        self.open.push(entry);
        Ok(changes)
    }

    pub fn cancel(&mut self, id: Uuid) -> Result<Vec<Change>, Refusal> {
        let at = self.position(id).ok_or(Refusal::NotOpen)?;
        let entry = &self.open[at];
        if entry.is_given && matches!(entry.order.topic(), Topic::Quarantine | Topic::Onboarding) {
            return Err(Refusal::Given);
        }
        self.open.remove(at);
        Ok(vec![Change { id, status: ActionStatus::Cancelled, why: Why::Asked }])
    }

    /// Ends what is late.
    pub fn expire(&mut self, now: Ticks) -> Vec<Change> {
        let (late, open) = std::mem::take(&mut self.open).into_iter().partition(|entry| entry.expires <= now);
        self.open = open;
        let late: Vec<Entry> = late;
        late.into_iter()
            .map(|entry| Change { id: entry.id, status: ActionStatus::TimeOut, why: Why::Late })
            .collect()
    }

    /// What the device is to do: the first order of each topic, again until it is answered, and how to get back to
    /// the state it should be in. `settling_expires` is when such an order without an action is given up.
    pub fn poll(&mut self, state: &DeviceState, settling_expires: Ticks) -> (Vec<Change>, Vec<Given>) {
        // A device may know later numbers than a server that was restored from a copy.
        self.last = self.last.max(state.isolation.sequence).max(state.restriction.sequence);
        let mut changes = Vec::new();
        let mut given = Vec::new();
        let mut topics = BTreeSet::new();
        for entry in &mut self.open {
            if entry.is_held || given.len() >= GIVEN_MAX || !topics.insert(entry.order.topic()) {
                continue;
            }
            if !entry.is_given {
                entry.is_given = true;
                changes.push(Change { id: entry.id, status: ActionStatus::InProgress, why: Why::Given });
            }
            let Entry { id, sequence, order, expires, .. } = entry.clone();
            given.push(Given { id, sequence, order, expires });
        }
        if !self.is_offboarded {
            given.extend(self.settle(state, &topics, settling_expires));
        }
        (changes, given)
    }

    /// What would change in a poll: whether it is worth writing.
    pub fn has_news(&self, state: &DeviceState, running: &[Uuid]) -> bool {
        let mut copy = self.clone();
        let (changes, given) = copy.poll(state, Ticks(0));
        !changes.is_empty() || given.iter().any(|given| !running.contains(&given.id))
    }

    /// Takes what the device says of an order. What is said of one that is over changes nothing.
    pub fn receive(&mut self, id: Uuid, outcome: &Outcome) -> Vec<Change> {
        let Some(at) = self.position(id).filter(|at| self.open[*at].is_given && outcome.is_final()) else {
            return Vec::new();
        };
        let entry = self.open.remove(at);
        let status = match outcome {
            Outcome::Succeeded { .. } => {
                self.settle_on(&entry);
                ActionStatus::Succeeded
            }
            _ => ActionStatus::Failed,
        };
        vec![Change { id, status, why: Why::Done(outcome.clone()) }]
    }

    fn position(&self, id: Uuid) -> Option<usize> {
        self.open.iter().position(|entry| entry.id == id)
    }

    /// Cancels the orders about the state that the new one is about, if the device does not have them.
    fn supersede(&mut self, order: &Order, by: Uuid) -> Vec<Change> {
        let topic = order.topic();
        if !matches!(topic, Topic::Isolation | Topic::Restriction) {
            return Vec::new();
        }
        let is_superseded = |entry: &Entry| entry.order.topic() == topic && !entry.is_given && !entry.is_held;
        let superseded: Vec<Uuid> =
            self.open.iter().filter(|entry| is_superseded(entry)).map(|entry| entry.id).collect();
        self.open.retain(|entry| !is_superseded(entry));
        superseded
            .into_iter()
            .map(|id| Change { id, status: ActionStatus::Cancelled, why: Why::Superseded { by } })
            .collect()
    }

    fn settle_on(&mut self, entry: &Entry) {
        let sequence = entry.sequence;
        match &entry.order {
            Order::Isolate { mode } => {
                self.settled.isolation = Applied { value: (*mode).into(), sequence };
            }
            Order::Release => self.settled.isolation = Applied { value: Isolation::None, sequence },
            Order::Restrict => self.settled.restriction = Applied { value: Restriction::On, sequence },
            Order::Unrestrict => self.settled.restriction = Applied { value: Restriction::Off, sequence },
            Order::Offboard => self.is_offboarded = true,
            _ => {}
        }
    }

    fn settle(&mut self, state: &DeviceState, busy: &BTreeSet<Topic>, expires: Ticks) -> Vec<Given> {
        let mut orders = Vec::new();
        if state.isolation.value != self.settled.isolation.value && !busy.contains(&Topic::Isolation) {
            orders.push(match self.settled.isolation.value {
                Isolation::None => Order::Release,
                Isolation::Selective => Order::Isolate { mode: IsolationMode::Selective },
                Isolation::Full => Order::Isolate { mode: IsolationMode::Full },
            });
        }
        if state.restriction.value != self.settled.restriction.value && !busy.contains(&Topic::Restriction) {
            orders.push(match self.settled.restriction.value {
                Restriction::Off => Order::Unrestrict,
                Restriction::On => Order::Restrict,
            });
        }
        let mut given = Vec::new();
        for order in orders {
            self.last += 1;
            let id = Uuid::from_u64_pair(SETTLING, self.last);
            given.push(Given { id, sequence: self.last, order, expires });
        }
        given
    }
}
