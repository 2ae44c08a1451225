//! Paths into JSON values: `$.a.b[0]['c d']`.

use crate::json;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Name(String),
    Index(i64),
}

impl Key {
    pub fn step(&self) -> json::Step<'_> {
        match self {
            Key::Name(name) => json::Step::Key(name),
            Key::Index(index) => json::Step::Index(*index),
        }
    }
}

/// Reads a path; `None` when it is not one.
pub(super) fn parse(path: &str) -> Option<Vec<Key>> {
    let mut rest = path.trim().strip_prefix('$')?;
    let mut keys = Vec::new();
    while let Some(first) = rest.chars().next() {
        match first {
            '.' => {
                let end = rest[1..].find(['.', '[']).map_or(rest.len(), |at| at + 1);
                let name = &rest[1..end];
                if name.is_empty() || name == "*" {
                    return None;
                }
                keys.push(Key::Name(name.to_owned()));
                rest = &rest[end..];
            }
            '[' => {
                let inside = &rest[1..];
                let quote = inside.chars().next().filter(|c| matches!(c, '\'' | '"'));
                let (key, behind) = match quote {
                    Some(quote) => {
                        let end = inside[1..].find(quote)? + 1;
                        (Key::Name(inside[1..end].to_owned()), inside[end + 1..].strip_prefix(']')?)
                    }
                    None => {
                        let (index, behind) = inside.split_once(']')?;
                        (Key::Index(index.trim().parse().ok()?), behind)
                    }
                };
                keys.push(key);
                rest = behind;
            }
            _ => return None,
        }
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_or_refused() {
        let name = |name: &str| Key::Name(name.to_owned());
        for (path, expected) in [
            ("$", Some(vec![])),
            ("$.a.b", Some(vec![name("a"), name("b")])),
            ("$.a[0]['b c'][-1]", Some(vec![name("a"), Key::Index(0), name("b c"), Key::Index(-1)])),
            ("$[\"é.x\"].ü", Some(vec![name("é.x"), name("ü")])),
            ("", None),
            ("a.b", None),
            ("$.", None),
            ("$..a", None),
            ("$.*", None),
            ("$[*]", None),
            ("$['a'", None),
            ("$['", None),
            ("$[", None),
            ("$é", None),
        ] {
            assert_eq!(parse(path), expected, "{path}");
        }
    }
}
