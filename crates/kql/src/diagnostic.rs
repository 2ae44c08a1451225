//! What is wrong with a query, where, and what may have been meant.

use crate::Span;

/// A complaint about one place of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    pub span: Span,
    pub message: String,
    /// Names that may have been meant, best first.
    pub suggestions: Vec<String>,
}

impl Diagnostic {
    /// A complaint without suggestions.
    pub fn new(span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic { span, message: message.into(), suggestions: Vec::new() }
    }
}

/// The most names [`nearest`] returns.
const NEAREST_MAX: usize = 3;

/// The candidates that are most like `name`: same but for case, or a few edits away, or beginning
/// with it. Best first, at most three.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<String> {
    let wanted: Vec<char> = name.to_lowercase().chars().take(64).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let allowed = match wanted.len() {
        0..=3 => 1,
        4..=6 => 2,
        _ => 3,
    };
    let mut found: Vec<(usize, &str)> = Vec::new();
    for candidate in candidates {
        let other: Vec<char> = candidate.to_lowercase().chars().take(64).collect();
        let is_prefix = wanted.len() >= 3 && other.starts_with(&wanted);
        let distance = if wanted.len().abs_diff(other.len()) > allowed {
            usize::MAX
        } else {
            edit_distance(&wanted, &other)
        };
        if distance <= allowed && distance < wanted.len() {
            found.push((distance, candidate));
        } else if is_prefix {
            found.push((allowed + 1, candidate));
        }
    }
    found.sort();
    found.dedup();
    found.into_iter().take(NEAREST_MAX).map(|(_, candidate)| candidate.to_string()).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours between two short words.
fn edit_distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &[&str]) {
        let names = ["where", "extend", "project", "project-away", "summarize", "count", "sort", "top"];
        assert_eq!(nearest(name, names), expected);
    }

    #[test]
    fn nearest_names_come_first() {
        check("WHERE", &["where"]);
        check("wehre", &["where"]);
        check("sumarise", &["summarize"]);
        check("proj", &["project", "project-away"]);
        check("xyz", &[]);
        check("", &[]);
        check("tpo", &["top"]);
    }
}
