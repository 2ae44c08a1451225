//! Compiled regular expressions, kept for the patterns used lately.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

use regex::{Regex, RegexBuilder};

const KEPT_MAX: usize = 512;
/// Memory one compiled pattern may take, in bytes.
const COMPILED_MAX: usize = 4 << 20;

static KEPT: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);

pub(crate) fn get(pattern: &str) -> Result<Regex, regex::Error> {
    let mut kept = KEPT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(regex) = kept.get(pattern) {
        return Ok(regex.clone());
    }
    let compile = |pattern: &str| RegexBuilder::new(pattern).size_limit(COMPILED_MAX).build();
    let regex = compile(pattern).or_else(|error| compile(&spelled_out(pattern)).map_err(|_| error))?;
    if kept.len() >= KEPT_MAX {
        kept.clear();
    }
    kept.insert(pattern.to_owned(), regex.clone());
    Ok(regex)
}

/// The pattern with characters by octal numbers (`\0`) and lone braces (`{1-3}`) written as the engine wants them.
fn spelled_out(pattern: &str) -> String {
    let mut spelled = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        match c {
            '\\' if rest[1..].starts_with('0') => {
                let digits =
                    rest[1..].bytes().take(3).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
                length = 1 + digits;
                let number = u32::from_str_radix(&rest[1..length], 8).unwrap_or_default();
                spelled.push_str(&format!("\\x{{{number:x}}}"));
            }
            '\\' => {
                let mut escaped = rest[1..].chars();
                length += escaped.next().map_or(0, char::len_utf8);
                // `\p{Greek}` and `\x{7f}` keep their braces.
                if rest[1..].starts_with(['p', 'P', 'x', 'u', 'U']) && escaped.as_str().starts_with('{') {
                    length += escaped.as_str().find('}').map_or(0, |end| end + 1);
                }
                spelled.push_str(&rest[..length]);
            }
            '{' if !is_repetition(rest) => spelled.push_str("\\{"),
            _ => spelled.push(c),
        }
        rest = &rest[length..];
    }
    spelled
}

/// Whether this begins with `{2}`, `{2,}` or `{2,3}`.
fn is_repetition(text: &str) -> bool {
    let inside = text.strip_prefix('{').and_then(|text| text.split_once('}')).map(|(inside, _)| inside);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    inside.is_some_and(|inside| match inside.split_once(',') {
        None => is_number(inside),
        Some((least, most)) => is_number(least) && (most.is_empty() || is_number(most)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octal_numbers_and_lone_braces_are_understood() {
        for (pattern, text, expected) in [
            (r"a\0b", "a\0b", true),
            (r"\0101", "A", false),
            (r"\0101", "\u{8}1", true),
            (r"x_[0-9]{1-3}+", "x_5{1-3}}", true),
            (r"x_[0-9]{1-3}+", "x_52", false),
            (r"^{\d{2}\p{Greek}$", "{12α", true),
            (r"a{2,3}{x", "aa{x", true),
        ] {
            assert_eq!(get(pattern).unwrap().is_match(text), expected, "{pattern} {text:?}");
        }
        assert!(get(r"(a)\1").is_err());
        assert!(get(r"(").is_err());
    }
}
