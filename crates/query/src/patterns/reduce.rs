//! `reduce`: texts that share most of their words as one pattern, with `*` for what differs.

use std::collections::HashMap;

/// Patterns that are kept apart; texts that fit none of them later on join the nearest.
const CLUSTERS_MAX: usize = 10_000;

/// A pattern, how many texts fit it, and one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reduced {
    pub pattern: String,
    pub count: i64,
    pub representative: String,
}

/// The words of a text and what stands between them.
#[derive(Clone, Debug)]
struct Words {
    /// Before the first word, between words, and behind the last.
    gaps: Vec<String>,
    words: Vec<String>,
}

struct Cluster {
    gaps: Vec<String>,
    /// None where the texts differ.
    words: Vec<Option<String>>,
    count: i64,
    representative: String,
}

/// Puts texts, each with how often it is there, together. Two texts with as many words are alike when at least
/// `threshold` of these are equal.
pub(crate) fn reduce(texts: &[(String, i64)], threshold: f64, breaks: &dyn Fn(char) -> bool) -> Vec<Reduced> {
    let mut clusters: Vec<Cluster> = Vec::new();
    let mut of_length: HashMap<usize, Vec<usize>> = HashMap::new();
    for (text, count) in texts {
        let Words { gaps, words } = split(text, breaks);
        let candidates = of_length.entry(words.len()).or_default();
        let likeness = |cluster: &Cluster| {
            let equal = cluster.words.iter().zip(&words).filter(|(own, word)| own.as_ref() == Some(word));
            equal.count() as f64 / words.len().max(1) as f64
        };
        let nearest = candidates.iter().map(|at| (likeness(&clusters[*at]), *at));
        let nearest = nearest.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
        match nearest {
            Some((likeness, at))
                if likeness >= threshold.max(f64::MIN_POSITIVE) || clusters.len() >= CLUSTERS_MAX =>
            {
                let cluster = &mut clusters[at];
                cluster.count += count;
                for (own, word) in cluster.words.iter_mut().zip(&words) {
                    if own.as_ref() != Some(word) {
                        *own = None;
                    }
                }
                for (own, gap) in cluster.gaps.iter_mut().zip(&gaps) {
                    if own != gap {
                        *own = "*".to_owned();
                    }
                }
            }
            _ => {
                candidates.push(clusters.len());
                let words = words.into_iter().map(Some).collect();
                clusters.push(Cluster { gaps, words, count: *count, representative: text.clone() });
            }
        }
    }
    let mut reduced: Vec<Reduced> = clusters
        .into_iter()
        .map(|cluster| Reduced {
            pattern: pattern(&cluster),
            count: cluster.count,
            representative: cluster.representative,
        })
        .collect();
    reduced.sort_by(|a, b| b.count.cmp(&a.count).then(a.pattern.cmp(&b.pattern)));
    reduced
}

fn split(text: &str, breaks: &dyn Fn(char) -> bool) -> Words {
    let (mut gaps, mut words) = (vec![String::new()], Vec::<String>::new());
    let mut in_word = false;
    for c in text.chars() {
        match (breaks(c), in_word) {
            (true, false) => {
                if let Some(gap) = gaps.last_mut() {
                    gap.push(c);
                }
            }
            (true, true) => {
                gaps.push(c.to_string());
                in_word = false;
            }
            (false, true) => {
                if let Some(word) = words.last_mut() {
                    word.push(c);
                }
            }
            (false, false) => {
                words.push(c.to_string());
                in_word = true;
            }
        }
    }
    if in_word {
        gaps.push(String::new());
    }
    Words { gaps, words }
}

/// The words that all texts have; `*` stands for the others and what is around them.
fn pattern(cluster: &Cluster) -> String {
    let mut pattern = String::new();
    let star = |pattern: &mut String| {
        if !pattern.ends_with('*') {
            pattern.push('*');
        }
    };
    for (at, word) in cluster.words.iter().enumerate() {
        let before = at.checked_sub(1).is_some_and(|before| cluster.words[before].is_none());
        match word {
            Some(word) => {
                let gap = &cluster.gaps[at];
                if gap == "*" {
                    star(&mut pattern);
                } else if !before {
                    pattern.push_str(gap);
                }
                pattern.push_str(word);
            }
            None => star(&mut pattern),
        }
    }
    match (cluster.gaps.get(cluster.words.len()), cluster.words.last()) {
        (Some(gap), Some(Some(_)) | None) if gap == "*" => star(&mut pattern),
        (Some(gap), Some(Some(_)) | None) => pattern.push_str(gap),
        _ => {}
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], threshold: f64, separators: &str, expected: &[(&str, i64)]) {
        let texts: Vec<(String, i64)> = texts.iter().map(|text| ((*text).to_owned(), 1)).collect();
        let breaks =
            |c: char| if separators.is_empty() { !c.is_alphanumeric() } else { separators.contains(c) };
        let reduced = reduce(&texts, threshold, &breaks);
        let shown: Vec<(&str, i64)> = reduced.iter().map(|r| (r.pattern.as_str(), r.count)).collect();
        assert_eq!(shown, expected);
    }

    #[test]
    fn texts_become_patterns() {
        check(&["fooZ1", "fooZ2", "fooZ3"], 0.1, "Z", &[("foo*", 3)]);
        check(&["GET /a/1", "GET /a/2", "POST x"], 0.5, "", &[("GET /a*", 2), ("POST x", 1)]);
        check(&["a-b-c", "a-x-c"], 0.1, "", &[("a*c", 2)]);
        check(&["a b", "c d"], 0.1, "", &[("a b", 1), ("c d", 1)]);
        check(&["a b", "a c"], 0.9, "", &[("a b", 1), ("a c", 1)]);
        check(&["", ""], 0.1, "", &[("", 1), ("", 1)]);
        check(&["-", "x-"], 0.1, "", &[("-", 1), ("x-", 1)]);
    }
}
