//! Counting exceptions by their reason.

use std::collections::BTreeMap;
use std::fmt::Write;

/// Reasons that are listed when not all are asked for.
const REASONS_MAX: usize = 40;

#[derive(Default)]
pub(super) struct Tally {
    reasons: BTreeMap<String, Vec<String>>,
}

impl Tally {
    /// Counts an exception; `detail` names it.
    pub fn add(&mut self, reason: String, detail: String) {
        self.reasons.entry(reason).or_default().push(detail);
    }

    /// A line for each reason, the most frequent first; with every exception below when asked for.
    pub fn table(&self, verbose: bool) -> String {
        let mut reasons: Vec<_> = self.reasons.iter().collect();
        reasons.sort_by_key(|(_, details)| std::cmp::Reverse(details.len()));
        let mut text = String::new();
        let shown = if verbose { reasons.len() } else { REASONS_MAX };
        for (reason, details) in reasons.iter().take(shown) {
            let _ = writeln!(text, "{:>6}  {reason}", details.len());
            for detail in details.iter().filter(|_| verbose) {
                let _ = writeln!(text, "          {}", detail.replace('\n', "\n          "));
            }
        }
        if reasons.len() > shown {
            let _ = writeln!(text, "        and {} further reasons", reasons.len() - shown);
        }
        text
    }
}

/// `part` of `whole` in percent; all of nothing is 100.
pub(super) fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 100.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// `12 of 13 (92.3 %)`
pub(super) fn share(part: usize, whole: usize) -> String {
    format!("{part} of {whole} ({:.2} %)", percent(part, whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_together() {
        let mut tally = Tally::default();
        tally.add("b".into(), "one".into());
        tally.add("a".into(), "two".into());
        tally.add("a".into(), "three".into());
        assert_eq!(tally.table(false), "     2  a\n     1  b\n");
        assert!(tally.table(true).contains("three"));
        assert_eq!(share(1, 3), "1 of 3 (33.33 %)");
        assert_eq!(percent(0, 0), 100.0);
    }
}
