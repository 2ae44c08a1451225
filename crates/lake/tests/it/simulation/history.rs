//! What was sent and answered, and so what has to be there: the naive model that answers are checked against.

use std::collections::{BTreeMap, BTreeSet};

use model::time::TICKS_PER_DAY;
use model::{Row, Ticks};

/// Tables, devices and tenants are few, so that rows of each meet in files.
pub const TABLES: [&str; 2] = ["DeviceProcessEvents", "DeviceNetworkEvents"];
pub const DEVICES: i64 = 3;
pub const TENANTS: u128 = 2;

/// What is known of a row that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nobody knows whether it was taken: the answer never came.
    Unanswered,
    /// It was acknowledged.
    There,
    /// It was refused, or was seen not to be there after an unanswered call.
    Absent,
    /// A deletion of it began.
    MayBeGone,
    /// It was deleted, and never comes back.
    Gone,
}

#[derive(Clone, Debug)]
pub struct Sent {
    pub tenant: u128,
    pub table: usize,
    pub device: i64,
    pub time: Ticks,
    pub known: Known,
}

impl Sent {
    pub fn row(&self, number: i64) -> Row {
        let mut row = Row::new(model::tables::find(TABLES[self.table]).unwrap());
        row.set("Timestamp", self.time);
        row.set("DeviceId", device_id(self.device));
        row.set("ReportId", number);
        row.set("InitiatingProcessCommandLine", format!("tool{number} --device {} run", self.device));
        row
    }

    pub fn day(&self) -> i64 {
        self.time.0.div_euclid(TICKS_PER_DAY)
    }
}

pub fn device_id(device: i64) -> String {
    format!("{device:040x}")
}

/// Rows by their number.
#[derive(Clone, Debug, Default)]
pub struct History(pub BTreeMap<i64, Sent>);

/// Numbers and times of rows that an answer has.
pub type Seen = Vec<(i64, Ticks)>;

impl History {
    pub fn mark(&mut self, numbers: impl IntoIterator<Item = i64>, known: Known) {
        for number in numbers {
            self.0.get_mut(&number).unwrap().known = known;
        }
    }

    /// Of rows that are there or may be, those that `of` names, as numbers.
    pub fn present(&self, of: impl Fn(&Sent) -> bool) -> Vec<i64> {
        let is_present = |sent: &Sent| matches!(sent.known, Known::There | Known::MayBeGone);
        let rows = self.0.iter().filter(|(_, sent)| is_present(sent) && of(sent));
        rows.map(|(number, _)| *number).collect()
    }

    /// Checks an answer that has to have every row of a tenant that `of` names, and learns from it what was open.
    pub fn check(&mut self, tenant: u128, seen: &Seen, of: impl Fn(&Sent) -> bool) -> Result<(), String> {
        let numbers: BTreeSet<i64> = seen.iter().map(|(number, _)| *number).collect();
        if numbers.len() != seen.len() {
            return Err(format!("{} rows were answered {} times", numbers.len(), seen.len()));
        }
        for (number, time) in seen {
            match self.0.get(number) {
                Some(sent) if sent.tenant != tenant => {
                    return Err(format!("row {number} of tenant {} was answered to {tenant}", sent.tenant));
                }
                Some(sent) if sent.time != *time => return Err(format!("row {number} has another time")),
                Some(sent) if !of(sent) => return Err(format!("row {number} does not match: {sent:?}")),
                Some(_) => {}
                None => return Err(format!("row {number} was never sent")),
            }
        }
        for (number, sent) in self.0.iter_mut().filter(|(_, sent)| sent.tenant == tenant && of(sent)) {
            let is_seen = numbers.contains(number);
            sent.known = match (sent.known, is_seen) {
                (Known::There, false) => return Err(format!("row {number} was acknowledged and is lost")),
                (Known::Absent, true) => return Err(format!("row {number} was refused and is there")),
                (Known::Gone, true) => return Err(format!("row {number} was deleted and is there")),
                (Known::MayBeGone, false) => Known::Gone,
                (known, _) => known,
            };
        }
        Ok(())
    }
}
