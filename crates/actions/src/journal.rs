//! What a device has to remember of its orders, so that each is carried out once, in its order, whatever is repeated
//! and whenever the device is switched off.
//!
//! A device asks [`Journal::admit`] before it begins an order, calls [`Journal::finish`] with what came of it, and
//! stores the journal before the receipt is sent. Orders that were begun and not finished when the device went off are
//! admitted again.

use std::collections::VecDeque;

use model::Ticks;
use sensor_proto::{Applied, Command, DeviceState, Isolation, Order, Outcome, Restriction, Topic};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Answers that are kept, to be given again.
const ANSWERS_MAX: usize = 256;
/// The error of an order that a later one has overtaken.
pub const SUPERSEDED: i64 = 0x8000_0001;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    version: u32,
    state: DeviceState,
    answers: VecDeque<Answer>,
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub id: Uuid,
    pub sequence: u64,
    pub at: Ticks,
    pub outcome: Outcome,
}

/// What to do with an order.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    Begin,
    /// It was done before, or overtaken: say so again.
    Answer(Answer),
    /// It has expired; the server knows.
    Ignore,
}

impl Journal {
    pub fn new() -> Journal {
        Journal { version: 1, ..Journal::default() }
    }

    /// The state to report.
    pub fn state(&self) -> DeviceState {
        self.state
    }

    pub fn admit(&self, command: &Command, now: Ticks) -> Admission {
        if let Some(answer) = self.answers.iter().find(|answer| answer.id == command.id) {
            return Admission::Answer(answer.clone());
        }
        let applied = match command.order.topic() {
            Topic::Isolation => self.state.isolation.sequence,
            Topic::Restriction => self.state.restriction.sequence,
            _ => 0,
        };
        if command.sequence <= applied {
            let message = format!("order {applied} of the device came first");
            let outcome = Outcome::Failed { error: SUPERSEDED, message };
            return Admission::Answer(Answer {
                id: command.id,
                sequence: command.sequence,
                at: now,
                outcome,
            });
        }
        if command.expires <= now { Admission::Ignore } else { Admission::Begin }
    }

    /// Notes what came of an order, and answers with what to tell the server.
    pub fn finish(&mut self, command: &Command, outcome: Outcome, now: Ticks) -> Answer {
        if matches!(outcome, Outcome::Succeeded { .. }) {
            self.apply(&command.order, command.sequence);
        }
        let answer = Answer { id: command.id, sequence: command.sequence, at: now, outcome };
        self.answers.retain(|kept| kept.id != answer.id);
        if self.answers.len() >= ANSWERS_MAX {
            self.answers.pop_front();
        }
        self.answers.push_back(answer.clone());
        answer
    }

    fn apply(&mut self, order: &Order, sequence: u64) {
        match order {
            Order::Isolate { mode } => self.state.isolation = Applied { value: (*mode).into(), sequence },
            Order::Release => self.state.isolation = Applied { value: Isolation::None, sequence },
            Order::Restrict => self.state.restriction = Applied { value: Restriction::On, sequence },
            Order::Unrestrict => self.state.restriction = Applied { value: Restriction::Off, sequence },
            _ => {}
        }
    }
}
