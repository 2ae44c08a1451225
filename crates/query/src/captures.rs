//! Taking texts apart: what the patterns of `parse` and the pairs of `parse-kv` find, as JSON.

use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::error::Result;
use model::Kind;
use serde_json::{Map, Value};

use crate::kernel::{Args, call, call_holding, text_rows};
use crate::regexes;
use crate::typed::Typed;

/// What the groups of a regular expression match, as an array of strings; null where the text does not match.
pub(crate) fn groups(text: Typed, pattern: &str) -> Typed {
    call("captured_groups", Kind::Dynamic, group_rows, vec![text, Typed::text(pattern)])
}

fn group_rows(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns) = (args.texts(0)?, args.texts(1)?);
    let regex = patterns.constant().and_then(|pattern| regexes::get(pattern).ok());
    Ok(text_rows(args.rows, |row| {
        let captures = regex.as_ref()?.captures(texts.text(row))?;
        let groups =
            captures.iter().skip(1).map(|group| Value::from(group.map_or("", |group| group.as_str())));
        Some(Value::Array(groups.collect()).to_string())
    }))
}

/// How `parse-kv` tells keys and values apart.
#[derive(Clone, Debug)]
pub(crate) struct Pairs {
    pub pair_delimiter: Option<String>,
    /// Without it every two words that follow each other are a pair.
    pub kv_delimiter: Option<String>,
    /// What a quoted part begins and ends with.
    pub quotes: Vec<(char, char)>,
    pub escape: Option<char>,
    /// A value goes on to the next delimiter of a pair that has a key behind it.
    pub greedy: bool,
}

/// The values of the keys in a text, as a bag of strings. `keys` are those that are asked for.
pub(crate) fn pairs(text: Typed, pairs: Pairs, keys: Vec<String>) -> Typed {
    // What is held is told by the arguments, so that equal calls are equal.
    let told = format!("{pairs:?} {keys:?}");
    let eval = move |args: &Args| {
        let texts = args.texts(0)?;
        Ok(text_rows(args.rows, |row| {
            let mut found = Map::new();
            pairs.each(texts.text(row), |key, value| {
                if keys.iter().any(|wanted| wanted == key) {
                    found.entry(key).or_insert_with(|| Value::from(value));
                }
            });
            Some(Value::Object(found).to_string())
        }))
    };
    holding(told, Arc::new(eval), text)
}

/// The pairs that a regular expression with two groups finds, as a bag of strings.
pub(crate) fn pairs_by_regex(text: Typed, pattern: &str) -> Typed {
    call("pairs_by_regex", Kind::Dynamic, regex_pair_rows, vec![text, Typed::text(pattern)])
}

fn regex_pair_rows(args: &Args) -> Result<ArrayRef> {
    let (texts, patterns) = (args.texts(0)?, args.texts(1)?);
    let regex = patterns.constant().and_then(|pattern| regexes::get(pattern).ok());
    Ok(text_rows(args.rows, |row| {
        let mut found = Map::new();
        for captures in regex.iter().flat_map(|regex| regex.captures_iter(texts.text(row))) {
            if let (Some(key), Some(value)) = (captures.get(1), captures.get(2)) {
                found.entry(key.as_str()).or_insert_with(|| Value::from(value.as_str()));
            }
        }
        Some(Value::Object(found).to_string())
    }))
}

fn holding(told: String, eval: crate::kernel::Holding, text: Typed) -> Typed {
    call_holding("pairs", Kind::Dynamic, eval, vec![text, Typed::text(told)])
}

impl Pairs {
    /// Gives each key and its value, in order.
    fn each(&self, text: &str, mut give: impl FnMut(&str, &str)) {
        let Some(delimiter) = &self.kv_delimiter else { return self.neighbours(text, give) };
        let mut rest = text;
        while !rest.is_empty() {
            let Some((key, behind)) = self.key(rest, delimiter) else { return };
            let (value, behind) = self.value(behind);
            give(&key, &value);
            rest = behind;
        }
    }

    fn neighbours(&self, text: &str, mut give: impl FnMut(&str, &str)) {
        let mut before: Option<String> = None;
        let mut rest = self.skip_pair_delimiters(text);
        while !rest.is_empty() {
            let (word, behind) = self.part(rest, false, false);
            if let Some(before) = &before {
                give(before, &word);
            }
            before = Some(word);
            rest = self.skip_pair_delimiters(behind);
        }
    }

    /// The next key, and the text behind its delimiter.
    fn key<'t>(&self, text: &'t str, delimiter: &str) -> Option<(String, &'t str)> {
        let mut rest = text;
        loop {
            rest = self.skip_pair_delimiters(rest);
            if rest.is_empty() {
                return None;
            }
            let (part, behind) = self.part(rest, true, false);
            if let Some(behind) = behind.strip_prefix(delimiter) {
                return Some((part, behind));
            }
            // A part without a value.
            let moved = rest.len() - behind.len();
            let step = rest.chars().next().map_or(1, char::len_utf8);
            rest = if moved == 0 { &rest[step..] } else { behind };
        }
    }

    fn value<'t>(&self, text: &'t str) -> (String, &'t str) {
        self.part(text, false, self.greedy)
    }

    fn skip_pair_delimiters<'t>(&self, text: &'t str) -> &'t str {
        match &self.pair_delimiter {
            Some(delimiter) => {
                let mut rest = text.trim_start();
                while let Some(behind) = rest.strip_prefix(delimiter.as_str()) {
                    rest = behind.trim_start();
                }
                rest
            }
            None => {
                let begins = |c: char| c.is_alphanumeric() || self.quotes.iter().any(|(open, _)| *open == c);
                text.trim_start_matches(|c: char| !begins(c))
            }
        }
    }

    fn at_pair_delimiter(&self, text: &str) -> bool {
        match &self.pair_delimiter {
            Some(delimiter) => text.starts_with(delimiter.as_str()),
            None => text.starts_with(|c: char| !c.is_alphanumeric()),
        }
    }

    /// Text up to a delimiter, without its quotes and escapes, and what is behind it.
    fn part<'t>(&self, text: &'t str, is_key: bool, greedy: bool) -> (String, &'t str) {
        let mut part = String::new();
        let mut rest = if is_key { text } else { text.trim_start_matches([' ', '\t']) };
        if self.pair_delimiter.as_deref() == Some(" ") {
            rest = text;
        }
        let mut first = true;
        while let Some(c) = rest.chars().next() {
            if is_key && self.at_delimiter(rest) {
                break;
            }
            let quote = self.quotes.iter().find(|(open, _)| *open == c && first);
            if let Some((_, close)) = quote {
                let (quoted, behind) = self.quoted(&rest[c.len_utf8()..], *close);
                part.push_str(&quoted);
                return (part, behind);
            }
            first = false;
            if self.at_pair_delimiter(rest) && (!greedy || self.is_pair_behind(rest)) {
                break;
            }
            part.push(c);
            rest = &rest[c.len_utf8()..];
        }
        let trimmed = part.trim_end().len();
        part.truncate(trimmed);
        (part, rest)
    }

    /// Whether another key and its delimiter follow the delimiter of a pair here.
    fn is_pair_behind(&self, text: &str) -> bool {
        let behind = self.skip_pair_delimiters(text);
        if behind.is_empty() {
            return true;
        }
        let once = Pairs { greedy: false, ..self.clone() };
        let (_, behind) = once.part(behind, true, false);
        self.at_delimiter(behind)
    }

    /// Whether what stands between a key and its value begins here.
    fn at_delimiter(&self, text: &str) -> bool {
        self.kv_delimiter.as_ref().is_some_and(|delimiter| text.starts_with(delimiter.as_str()))
    }

    fn quoted<'t>(&self, text: &'t str, close: char) -> (String, &'t str) {
        let mut quoted = String::new();
        let mut chars = text.char_indices();
        while let Some((at, c)) = chars.next() {
            if Some(c) == self.escape {
                quoted.extend(chars.next().map(|(_, escaped)| escaped));
            } else if c == close {
                return (quoted, &text[at + c.len_utf8()..]);
            } else {
                quoted.push(c);
            }
        }
        (quoted, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &Pairs, text: &str, expected: &[(&str, &str)]) {
        let mut found = Vec::new();
        pairs.each(text, |key, value| found.push((key.to_owned(), value.to_owned())));
        let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn pairs_of_many_forms() {
        let plain = Pairs {
            pair_delimiter: Some(",".to_owned()),
            kv_delimiter: Some(":".to_owned()),
            quotes: Vec::new(),
            escape: None,
            greedy: false,
        };
        check(
            &plain,
            "ThreadId:458745723, Machine:Node001, Text: Error: x",
            &[("ThreadId", "458745723"), ("Machine", "Node001"), ("Text", "Error: x")],
        );
        let quoted = Pairs {
            pair_delimiter: Some(" ".to_owned()),
            kv_delimiter: Some("=".to_owned()),
            quotes: vec![('"', '"'), ('(', ')')],
            escape: Some('\\'),
            greedy: false,
        };
        check(
            &quoted,
            r#"src=10.1.1.123 dst=(10.1 1) cmd="ls \"a\"" x"#,
            &[("src", "10.1.1.123"), ("dst", "10.1 1"), ("cmd", r#"ls "a""#)],
        );
        let greedy = Pairs { greedy: true, quotes: Vec::new(), ..quoted };
        check(
            &greedy,
            "name=John Doe phone=555 5 city=New York",
            &[("name", "John Doe"), ("phone", "555 5"), ("city", "New York")],
        );
        let words = Pairs { pair_delimiter: None, kv_delimiter: None, quotes: vec![('\'', '\'')], ..plain };
        check(&words, "[I] a:1, t: 'x y'", &[("I", "a"), ("a", "1"), ("1", "t"), ("t", "x y")]);
        check(&greedy, "", &[]);
        check(&greedy, "=", &[("", "")]);
    }
}
