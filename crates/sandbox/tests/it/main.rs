//! The sandbox from outside: what fleets do, what scenario files may hold, and how rows are sent.

mod attacks;
mod fleet;
mod scenarios;
mod sending;

use model::{Cell, Row, Ticks};
use sandbox::{Fleet, FleetConfig};

/// A Tuesday morning.
fn start() -> Ticks {
    Ticks::parse("2026-03-03T07:00:00Z").unwrap()
}

fn config(seed: u64) -> FleetConfig {
    FleetConfig { start: start(), ..FleetConfig::new(seed, start()) }
}

fn rows_of(config: FleetConfig, minutes: i64) -> Vec<Row> {
    let until = config.start.plus_seconds(minutes * 60);
    Fleet::new(config).unwrap().next_batch(until)
}

fn number(row: &Row, column: &str) -> Option<i64> {
    match row.get(column) {
        Cell::Long(number) => Some(*number),
        _ => None,
    }
}

fn time(row: &Row, column: &str) -> Option<Ticks> {
    match row.get(column) {
        Cell::Time(time) => Some(*time),
        _ => None,
    }
}
