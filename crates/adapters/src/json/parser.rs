//! A parser for JSON that is read once and kept whole: text is borrowed where it holds no escapes, and checked
//! for UTF-8 once a line.
//!
//! It takes what `serde_json` takes. Where it fails, that one says why.

use std::borrow::Cow;

use super::{Json, Object, special};

/// As deep as `serde_json` goes.
const DEPTH_MAX: usize = 127;
/// Events have about this many members.
const MEMBERS: usize = 40;

pub(super) fn parse(text: &[u8]) -> Option<Json<'_>> {
    let text = str::from_utf8(text).ok()?;
    let mut parser = Parser { text, at: 0 };
    let json = parser.value(DEPTH_MAX)?;
    parser.next().is_none().then_some(json)
}

/// The text of [`Json::Escaped`].
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    Parser { text, at: 0 }.string().unwrap_or_default()
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    /// The next byte that is no blank, without moving past it.
    fn next(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn value(&mut self, depth: usize) -> Option<Json<'a>> {
        match self.next()? {
            b'"' => self.string().map(Json::Text),
            b'{' => self.object(depth.checked_sub(1)?).map(Json::Object),
            b'[' => self.list(depth.checked_sub(1)?).map(Json::List),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Option<Json<'a>> {
        let is_there = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += word.len();
        is_there.then_some(value)
    }

    fn object(&mut self, depth: usize) -> Option<Object<'a>> {
        self.at += 1;
        let mut members = Vec::new();
        if self.next()? == b'}' {
            self.at += 1;
            return Some(members);
        }
        members.reserve(MEMBERS);
        loop {
            if self.next()? != b'"' {
                return None;
            }
            let key = self.string()?;
            if self.next()? != b':' {
                return None;
            }
            self.at += 1;
            let is_kept_escaped = key == "Message" && self.next()? == b'"';
            let value = if is_kept_escaped { self.kept_escaped() } else { self.value(depth) };
            members.push((key, value?));
            let separator = self.next()?;
            self.at += 1;
            match separator {
                b',' => {}
                b'}' => return Some(members),
                _ => return None,
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Json<'a>>> {
        self.at += 1;
        let mut items = Vec::new();
        if self.next()? == b']' {
            self.at += 1;
            return Some(items);
        }
        loop {
            items.push(self.value(depth)?);
            let separator = self.next()?;
            self.at += 1;
            match separator {
                b',' => {}
                b']' => return Some(items),
                _ => return None,
            }
        }
    }

    /// A text, from its opening quote on.
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let rest = &self.text[self.at + 1..];
        let end = special::first(rest.as_bytes())?;
        match rest.as_bytes()[end] {
            b'"' => {
                self.at += end + 2;
                Some(Cow::Borrowed(&rest[..end]))
            }
            b'\\' => self.escaped(rest, end),
            // A control character has to be escaped.
            _ => None,
        }
    }

    /// A text with escapes, the first of which is at `escape`.
    fn escaped(&mut self, rest: &'a str, escape: usize) -> Option<Cow<'a, str>> {
        let mut out = String::with_capacity(rest.len().min(2 * escape + 64));
        let end = each_part(rest, escape, |part| match part {
            Part::Plain(text) => out.push_str(text),
            Part::Escaped(character) => out.push(character),
        });
        self.at += 2 + end?;
        Some(Cow::Owned(out))
    }

    /// A text that is looked through only.
    fn kept_escaped(&mut self) -> Option<Json<'a>> {
        let start = self.at;
        let rest = &self.text[start + 1..];
        let end = special::first(rest.as_bytes())?;
        self.at += 2 + each_part(rest, end, |_| {})?;
        Some(Json::Escaped(&self.text[start..self.at]))
    }

    fn number(&mut self) -> Option<Json<'a>> {
        let rest = &self.text[self.at..];
        let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let end = rest.bytes().position(|byte| !is_part(&byte)).unwrap_or(rest.len());
        let number = &rest[..end];
        self.at += end;
        let digits = number.strip_prefix('-').unwrap_or(number);
        let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
        if whole == 0 || whole > 1 && digits.starts_with('0') {
            return None;
        }
        if whole == digits.len() && number != "-0" {
            if let Ok(number) = number.parse() {
                return Some(Json::Int(number));
            }
            if let Ok(number) = number.parse() {
                return Some(Json::Unsigned(number));
            }
        } else if whole < digits.len() && !is_fraction(&digits[whole..]) {
            return None;
        }
        number.parse().ok().filter(|number: &f64| number.is_finite()).map(Json::Real)
    }
}

/// Of a text with escapes.
enum Part<'a> {
    Plain(&'a str),
    Escaped(char),
}

/// Hands over the parts of a text whose first quote or escape is at `at`. Answers with where it ends.
fn each_part<'a>(text: &'a str, mut at: usize, mut give: impl FnMut(Part<'a>)) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut start = 0;
    loop {
        give(Part::Plain(&text[start..at]));
        match bytes[at] {
            b'"' => return Some(at),
            b'\\' => {}
            // A control character has to be escaped.
            _ => return None,
        }
        start = at + 2;
        give(Part::Escaped(match *bytes.get(at + 1)? {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let (character, end) = unicode(text, start)?;
                start = end;
                character
            }
            _ => return None,
        }));
        at = start + special::first(&bytes[start..])?;
    }
}

/// The character behind `\\u`, and where it ends: one above U+FFFF takes two of them.
fn unicode(rest: &str, at: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = rest.as_bytes().get(at..at + 4)?;
        digits.iter().try_fold(0, |unit, byte| Some(unit << 4 | char::from(*byte).to_digit(16)?))
    };
    let first = unit(at)?;
    if let Some(character) = char::from_u32(first) {
        return Some((character, at + 4));
    }
    let second = unit(at + 6).filter(|_| rest.as_bytes().get(at + 4..at + 6) == Some(b"\\u"))?;
    let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    let character = char::from_u32(0x1_0000 + ((first & 0x3ff) << 10 | second & 0x3ff));
    is_pair.then_some((character?, at + 10))
}

/// What may follow the whole part of a number: `.5`, `e-7`, or both.
fn is_fraction(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (fraction, exponent) = match text.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (text, None),
    };
    let is_exponent = exponent.is_none_or(|text| is_digits(text.strip_prefix(['+', '-']).unwrap_or(text)));
    is_exponent && (fraction.is_empty() || fraction.strip_prefix('.').is_some_and(is_digits))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    /// Both parsers say the same, but for the last digits of fractions.
    #[track_caller]
    fn check(text: &[u8]) {
        let mine = parse(text).map(Value::from);
        let theirs = serde_json::from_slice::<Value>(text).ok();
        let rounded = |json: &Value| json.to_string().parse::<f64>().map(|number| number as f32).ok();
        match (&mine, &theirs) {
            (Some(Value::Number(mine)), Some(Value::Number(theirs))) if mine.is_f64() && theirs.is_f64() => {
                assert_eq!(rounded(&mine.clone().into()), rounded(&theirs.clone().into()));
            }
            _ => assert_eq!(mine, theirs, "{}", String::from_utf8_lossy(text)),
        }
    }

    #[test]
    fn takes_what_the_library_takes() {
        for text in [
            "",
            " ",
            "null",
            "nul",
            "true",
            "false ",
            "tru",
            "[]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{}",
            "{\"a\"}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":{\"b\":[null,true,\"c\"]}} ",
            "{\"a\":1,\"a\":2}",
            "[1]]",
            "0",
            "-0",
            "00",
            "01",
            "-",
            "1.",
            ".5",
            "1.5",
            "1e5",
            "1e",
            "1e+",
            "1E-5",
            "1.e5",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "-9223372036854775808",
            "-9223372036854775809",
            "1e999",
            "+1",
            "NaN",
            "\"\"",
            "\"",
            "\"a",
            "\"\\\"\"",
            "\"\\\\\"",
            "\"\\x\"",
            "\"\\u00e9\\ud83d\\ude00\"",
            "\"\\ud83d\"",
            "\"\\ud83dx\"",
            "\"\\ud83d\\u0041\"",
            "\"\\ude00\"",
            "\"\\u12\"",
            "\"\\u12g4\"",
            "\"a\nb\"",
            "\"\u{7f}é\"",
            "[\"a\",\n\t1\r]",
        ] {
            check(text.as_bytes());
        }
        check(b"\"\xff\"");
        for depth in [126, 127, 128, 129] {
            check(format!("{}{}", "[".repeat(depth), "]".repeat(depth)).as_bytes());
            check(format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)).as_bytes());
        }
    }

    proptest! {
        #[test]
        fn any_text_gives_what_the_library_gives(
            text in "[\\[\\]{}:,\"\\\\ntfu0-9aeE.+ \u{1}é-]{0,12}",
            inside in "(\\\\[\"\\\\/bfnrtux]|\\\\ud[89a-f][0-9]{2}|[ -~\u{1}é])*",
            number in "-?[0-9]{0,21}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,2})?",
        ) {
            check(text.as_bytes());
            check(format!("{{\"{inside}\":[\"{inside}\"]}}").as_bytes());
            check(format!("{{\"Message\": \"{inside}\"}}").as_bytes());
            check(number.as_bytes());
        }

        #[test]
        fn any_bytes_are_parsed_or_not(text: Vec<u8>) {
            check(&text);
        }
    }
}
