//! What became of everything that was read.

use std::collections::BTreeMap;
use std::fmt::Write;

use client::IngestAnswer;
use serde::Serialize;

use super::batches::Batch;

/// How many kinds of unmapped events are named; the rest is summed up.
const KINDS_MAX: usize = 20;
const NOT_TOLD: &str = "(not told)";

/// Every line that was read is in exactly one of `rows`, `refused`, `unmapped`, `merged` and `unsent`. A record
/// of a format that has no lines counts as one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub files: u64,
    pub lines: u64,
    pub rows: u64,
    pub refused: u64,
    /// Events that no table takes.
    pub unmapped: u64,
    /// Lines of events of several lines, but for the one that is counted elsewhere.
    pub merged: u64,
    /// Lines of requests that failed.
    pub unsent: u64,
    pub rows_by_table: BTreeMap<String, u64>,
    pub refused_by_reason: BTreeMap<String, u64>,
    pub unmapped_by_kind: BTreeMap<String, u64>,
    /// What could not be read or sent.
    pub problems: Vec<String>,
    pub seconds: f64,
}

impl Summary {
    /// Takes in what the server answered to a batch.
    pub(crate) fn add(&mut self, batch: &Batch, answer: &IngestAnswer) {
        let unmapped: u64 = answer.unmapped.values().sum();
        let answered = answer.accepted + answer.refused + unmapped + answer.merged;
        // A repeat of what the server has already: it counts the rows it stored at the first try, or none.
        let repeated = if answer.duplicate { batch.lines.saturating_sub(answered) } else { 0 };
        let accepted = answer.accepted + repeated;
        self.lines += batch.lines + batch.too_long;
        self.rows += accepted;
        self.refused += answer.refused + batch.too_long;
        self.unmapped += unmapped;
        self.merged += answer.merged;
        for (kind, count) in &answer.unmapped {
            *self.unmapped_by_kind.entry(kind.clone()).or_default() += count;
        }
        add_all(&mut self.rows_by_table, &answer.rows, accepted);
        add_all(&mut self.refused_by_reason, &answer.refused_by_code, answer.refused);
        if batch.too_long > 0 {
            *self.refused_by_reason.entry("TooLarge".to_owned()).or_default() += batch.too_long;
        }
    }

    /// Counts a batch whose request failed.
    pub(crate) fn add_unsent(&mut self, batch: &Batch, problem: String) {
        self.lines += batch.lines + batch.too_long;
        self.unsent += batch.lines + batch.too_long;
        self.problems.push(problem);
    }

    pub(crate) fn merge(&mut self, other: Summary) {
        self.files += other.files;
        self.lines += other.lines;
        self.rows += other.rows;
        self.refused += other.refused;
        self.unmapped += other.unmapped;
        self.merged += other.merged;
        self.unsent += other.unsent;
        let pairs = [
            (&mut self.rows_by_table, other.rows_by_table),
            (&mut self.refused_by_reason, other.refused_by_reason),
            (&mut self.unmapped_by_kind, other.unmapped_by_kind),
        ];
        for (mine, theirs) in pairs {
            theirs.into_iter().for_each(|(name, count)| *mine.entry(name).or_default() += count);
        }
        self.problems.extend(other.problems);
    }

    /// Whether every line that was read is accounted for.
    pub(crate) fn adds_up(&self) -> bool {
        self.lines == self.rows + self.refused + self.unmapped + self.merged + self.unsent
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let rate = if self.seconds > 0.0 { self.lines as f64 / self.seconds } else { 0.0 };
        let _ = writeln!(
            text,
            "{} files, {} lines in {:.1} s ({rate:.0} lines/s)",
            self.files, self.lines, self.seconds
        );
        list(&mut text, "rows", self.rows, &self.rows_by_table, usize::MAX);
        list(&mut text, "refused", self.refused, &self.refused_by_reason, usize::MAX);
        list(&mut text, "unmapped", self.unmapped, &self.unmapped_by_kind, KINDS_MAX);
        let mut rest = String::new();
        for (title, count) in [("merged", self.merged), ("unsent", self.unsent)] {
            if count > 0 {
                let _ = writeln!(text, "{title} {count}");
                let _ = write!(rest, " + {title} {count}");
            }
        }
        let _ = writeln!(
            text,
            "lines {} {} rows {} + refused {} + unmapped {}{rest}",
            self.lines,
            if self.adds_up() { "=" } else { "IS NOT" },
            self.rows,
            self.refused,
            self.unmapped
        );
        for problem in &self.problems {
            let _ = writeln!(text, "problem: {problem}");
        }
        text
    }

    pub(crate) fn json(&self) -> String {
        let mut json = serde_json::to_value(self).unwrap_or_default();
        json["addsUp"] = self.adds_up().into();
        format!("{json:#}\n")
    }
}

/// Adds a breakdown if it makes up the total, else the total under no name.
fn add_all(to: &mut BTreeMap<String, u64>, parts: &BTreeMap<String, u64>, total: u64) {
    if parts.values().sum::<u64>() == total {
        parts.iter().for_each(|(name, count)| *to.entry(name.clone()).or_default() += count);
    } else {
        *to.entry(NOT_TOLD.to_owned()).or_default() += total;
    }
}

/// A total and its parts, the largest first.
fn list(text: &mut String, title: &str, total: u64, parts: &BTreeMap<String, u64>, parts_max: usize) {
    let _ = writeln!(text, "{title} {total}");
    let mut parts: Vec<_> = parts.iter().collect();
    parts.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
    let width = parts.first().map_or(0, |(_, count)| count.to_string().len());
    for (name, count) in parts.iter().take(parts_max) {
        let _ = writeln!(text, "  {count:>width$} {name}");
    }
    if parts.len() > parts_max {
        let rest: u64 = parts[parts_max..].iter().map(|(_, count)| **count).sum();
        let _ = writeln!(text, "  {rest:>width$} ({} more kinds)", parts.len() - parts_max);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(lines: u64) -> Batch {
        Batch { lines, ..Batch::default() }
    }

    fn counts(parts: &[(&str, u64)]) -> BTreeMap<String, u64> {
        parts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn every_line_is_in_one_place() {
        let mut summary = Summary::default();
        let answer = IngestAnswer {
            accepted: 5,
            refused: 1,
            rows: counts(&[("DeviceEvents", 3), ("DeviceFileEvents", 2)]),
            refused_by_code: counts(&[("InvalidJson", 1)]),
            unmapped: counts(&[("Security/4658", 4)]),
            merged: 3,
            ..IngestAnswer::default()
        };
        summary.add(&batch(13), &answer);
        summary.add(&Batch { too_long: 2, ..Batch::default() }, &IngestAnswer::default());
        summary.add_unsent(&batch(7), "a.json: 413".to_owned());
        assert!(summary.adds_up());
        assert_eq!((summary.lines, summary.rows, summary.refused), (22, 5, 3));
        assert_eq!((summary.unmapped, summary.unsent), (4, 7));
        assert_eq!(summary.rows_by_table["DeviceEvents"], 3);
        assert_eq!(summary.refused_by_reason, counts(&[("InvalidJson", 1), ("TooLarge", 2)]));
        assert!(
            summary.text().contains("lines 22 = rows 5 + refused 3 + unmapped 4 + merged 3 + unsent 7"),
            "{}",
            summary.text()
        );
    }

    #[test]
    fn an_answer_that_does_not_add_up_shows() {
        let mut summary = Summary::default();
        summary.add(&batch(10), &IngestAnswer { accepted: 9, ..IngestAnswer::default() });
        assert!(!summary.adds_up());
        assert_eq!(summary.rows_by_table[NOT_TOLD], 9);
        assert!(summary.text().contains("IS NOT"));
    }

    #[test]
    fn the_repeat_of_a_lost_answer_counts_its_lines() {
        let mut summary = Summary::default();
        let answer = IngestAnswer { duplicate: true, ..IngestAnswer::default() };
        summary.add(&batch(10), &answer);
        assert!(summary.adds_up());
        assert_eq!(summary.rows_by_table[NOT_TOLD], 10);
    }

    #[test]
    fn rare_kinds_are_summed_up() {
        let mut summary = Summary { unmapped: 24, ..Summary::default() };
        summary.unmapped_by_kind = (0..24).map(|n| (format!("Security/{n}"), 1)).collect();
        assert!(summary.text().contains("4 (4 more kinds)"), "{}", summary.text());
        let mut all = Summary::default();
        all.merge(summary.clone());
        assert_eq!(all, summary);
    }
}
