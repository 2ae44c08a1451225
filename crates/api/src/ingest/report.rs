//! What became of the lines of one body. Every line that is not blank is counted once.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{SharedItems, lock};

const ERRORS_MAX: usize = 100;
const MESSAGE_CHARS_MAX: usize = 300;
/// Kinds are told apart up to this many; senders can make them up.
const KINDS_MAX: usize = 200;
const KIND_CHARS_MAX: usize = 100;
const OTHER_KINDS: &str = "(other kinds)";

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    pub accepted: u64,
    pub refused: u64,
    /// Records that no table takes, by kind.
    pub unmapped: BTreeMap<String, u64>,
    /// Lines of events that several lines make up, but for the one that is counted elsewhere.
    #[serde(skip_serializing_if = "is_none")]
    pub merged: u64,
    /// The first refused lines.
    errors: Vec<LineError>,
    pub refused_by_code: BTreeMap<&'static str, u64>,
    /// Accepted rows by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// The producer sent this sequence before; nothing was added.
    pub duplicate: bool,
    /// Where each line has an answer of its own, those lines.
    #[serde(skip)]
    pub items: Option<SharedItems>,
}

/// Only some formats have events of several lines.
fn is_none(count: &u64) -> bool {
    *count == 0
}

#[derive(Debug, Serialize)]
struct LineError {
    line: u64,
    code: &'static str,
    message: String,
}

impl Report {
    pub fn accept(&mut self, table: &'static str, rows: u64) {
        if rows > 0 {
            self.accepted += rows;
            *self.rows.entry(table).or_default() += rows;
        }
    }

    pub fn unmapped(&mut self, kind: &str) {
        let kind: String = kind.chars().take(KIND_CHARS_MAX).collect();
        let is_new = !self.unmapped.contains_key(&kind);
        let kind = if is_new && self.unmapped.len() >= KINDS_MAX { OTHER_KINDS.to_owned() } else { kind };
        *self.unmapped.entry(kind).or_default() += 1;
    }

    /// Lines may be refused in any order; those kept are the first ones of the body.
    pub fn refuse(&mut self, line: u64, code: &'static str, message: &str) {
        self.refused += 1;
        if let Some(items) = &self.items {
            lock(items).refuse(line, code, message);
        }
        *self.refused_by_code.entry(code).or_default() += 1;
        let at = self.errors.partition_point(|error| error.line < line);
        if at < ERRORS_MAX {
            let message = message.chars().take(MESSAGE_CHARS_MAX).collect();
            self.errors.insert(at, LineError { line, code, message });
            self.errors.truncate(ERRORS_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exact_and_lists_are_bounded() {
        let mut report = Report::default();
        for line in (1..=300).rev() {
            report.refuse(line, "A", &"x".repeat(1000));
            report.unmapped(&format!("kind {line}"));
        }
        let lines: Vec<u64> = report.errors.iter().map(|error| error.line).collect();
        assert_eq!(lines, (1..=100).collect::<Vec<_>>());
        assert_eq!((report.refused, report.refused_by_code["A"]), (300, 300));
        assert_eq!(report.unmapped.values().sum::<u64>(), 300);
        assert_eq!((report.unmapped.len(), report.unmapped[OTHER_KINDS]), (KINDS_MAX + 1, 100));
        assert!(report.errors.iter().all(|error| error.message.len() == MESSAGE_CHARS_MAX));
    }
}
