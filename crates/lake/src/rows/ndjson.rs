//! Lines of JSON to columns.
//!
//! Two readers: a fast one for lines of the usual form, which writes values straight into columns, and
//! [`Row::from_json`] for every other line. The fast one accepts a line only when the other would accept it and
//! make the same row; it never refuses one. So what a line means, and why it is refused, is said in one place.

use memchr::memchr2;
use model::{Kind, Row, Table, Ticks, row::RowError};
use serde_json::Value;

use super::RowsBuilder;

/// Reads rows of one table from lines of JSON.
#[derive(Debug)]
pub struct RowsReader {
    rows: RowsBuilder,
    /// The members of the line before, in their order: the next line most likely has the same.
    expected: Vec<Expected>,
    members: Vec<Member>,
    /// For each column the number of the last line that named it.
    named: Vec<u64>,
    line: u64,
    /// Texts of the line that do not stand in it as they are.
    made: String,
}

/// Why a line is not a row of the table.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("the line is not JSON: {0}")]
    NotJson(serde_json::Error),
    #[error("the line is JSON, but not an object with one member for each column")]
    NotAnObject,
    #[error(transparent)]
    Row(#[from] RowError),
}

impl LineError {
    /// A short word for counting refusals by reason.
    pub fn code(&self) -> &'static str {
        match self {
            LineError::NotJson(_) => "InvalidJson",
            LineError::NotAnObject => "NotAnObject",
            LineError::Row(error) => error.code(),
        }
    }
}

/// A member's name as it stands in the line, quotes and colon included, and its column.
#[derive(Debug)]
struct Expected {
    token: Vec<u8>,
    at: usize,
}

/// A member that was read and not yet written; texts by their place in the line.
#[derive(Clone, Copy, Debug)]
struct Member {
    at: usize,
    value: Found,
}

#[derive(Clone, Copy, Debug)]
enum Found {
    Null,
    Bool(bool),
    Long(i64),
    Time(Ticks),
    /// Text that stands in the line.
    Text {
        start: usize,
        end: usize,
    },
    /// An object or a list.
    Json {
        start: usize,
        end: usize,
    },
    /// Text that had escapes and stands in `made`.
    Made {
        start: usize,
        end: usize,
    },
}

impl RowsReader {
    pub fn new(table: &'static Table) -> RowsReader {
        RowsReader {
            rows: RowsBuilder::new(table),
            expected: Vec::new(),
            members: Vec::new(),
            named: vec![0; table.columns.len()],
            line: 0,
            made: String::new(),
        }
    }

    /// Reads one line, without its end, as one row. A refused line leaves no trace.
    pub fn read(&mut self, line: &[u8]) -> Result<(), LineError> {
        if let Ok(text) = std::str::from_utf8(line)
            && self.read_fast(text).is_some()
        {
            return Ok(());
        }
        match serde_json::from_slice(line) {
            Ok(Value::Object(object)) => {
                self.rows.push(&Row::from_json(self.rows.table, object)?);
                Ok(())
            }
            Ok(_) => Err(LineError::NotAnObject),
            Err(error) => Err(LineError::NotJson(error)),
        }
    }

    /// Makes room for about so many rows like those so far.
    pub fn reserve(&mut self, rows: usize) {
        self.rows.reserve(rows);
    }

    /// The rows read so far.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn into_rows(self) -> RowsBuilder {
        self.rows
    }

    fn read_fast(&mut self, line: &str) -> Option<()> {
        let bytes = line.as_bytes();
        // Without an early end, so that many bytes are looked at at once.
        if bytes.iter().fold(false, |found, byte| found | (*byte < b' ')) {
            return None;
        }
        self.members.clear();
        self.made.clear();
        self.line += 1;
        let mut at = spaces(bytes, 0);
        if *bytes.get(at)? != b'{' {
            return None;
        }
        at = spaces(bytes, at + 1);
        loop {
            let (column, value_at) = self.key(line, at)?;
            let kind = self.rows.table.columns[column].kind;
            let (value, end) = value(line, spaces(bytes, value_at), kind, &mut self.made)?;
            // Of a column that is named twice the last value counts: a case for the other reader.
            if std::mem::replace(&mut self.named[column], self.line) == self.line {
                return None;
            }
            self.members.push(Member { at: column, value });
            at = spaces(bytes, end);
            match *bytes.get(at)? {
                b',' => at = spaces(bytes, at + 1),
                b'}' => break,
                _ => return None,
            }
        }
        if spaces(bytes, at + 1) != bytes.len() {
            return None;
        }
        if let Some(time_column) = self.rows.table.time_column() {
            let is_time =
                |member: &Member| member.at == time_column && matches!(member.value, Found::Time(_));
            self.members.iter().find(|member| is_time(member))?;
        }
        self.make_texts(line)?;
        self.write(line);
        Some(())
    }

    /// The column of the member that begins at `at`, and where its value begins.
    fn key(&mut self, line: &str, at: usize) -> Option<(usize, usize)> {
        let bytes = line.as_bytes();
        let position = self.members.len();
        if let Some(Expected { token, at: column }) = self.expected.get(position)
            && bytes[at..].starts_with(token)
        {
            return Some((*column, at + token.len()));
        }
        let (text, end) = text(line, at, &mut self.made)?;
        let Found::Text { start, end: text_end } = text else { return None };
        let column = self.rows.table.position(&line[start..text_end])?;
        let colon = spaces(bytes, end);
        if *bytes.get(colon)? != b':' {
            return None;
        }
        self.expected.truncate(position);
        if self.expected.len() == position {
            self.expected.push(Expected { token: bytes[at..=colon].to_vec(), at: column });
        }
        Some((column, colon + 1))
    }

    /// Makes the texts of objects and lists.
    fn make_texts(&mut self, line: &str) -> Option<()> {
        for member in &mut self.members {
            let Found::Json { start, end } = member.value else { continue };
            let from = self.made.len();
            let value: Value = serde_json::from_str(&line[start..end]).ok()?;
            self.made.push_str(&value.to_string());
            member.value = Found::Made { start: from, end: self.made.len() };
        }
        Some(())
    }

    /// Writes the members into their columns. Nothing can go wrong any more: a row is added whole.
    fn write(&mut self, line: &str) {
        for Member { at, value } in self.members.iter().copied() {
            match value {
                // A null is as good as no member.
                Found::Null | Found::Json { .. } => {}
                Found::Bool(value) => self.rows.column(at).push_bool(value),
                Found::Long(number) => self.rows.column(at).push_long(number),
                Found::Time(time) => self.rows.column(at).push_time(time),
                Found::Text { start, end } => self.rows.column(at).push_text(&line[start..end]),
                Found::Made { start, end } => self.rows.column(at).push_text(&self.made[start..end]),
            }
        }
        self.rows.len += 1;
    }
}

/// Where the first byte from `at` on is that is no space.
fn spaces(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// The value that begins at `at`, if a column of that kind takes it, and where it ends.
fn value(line: &str, at: usize, kind: Kind, made: &mut String) -> Option<(Found, usize)> {
    let bytes = line.as_bytes();
    match (*bytes.get(at)?, kind) {
        (b'"', Kind::String | Kind::Guid | Kind::Dynamic) => text(line, at, made),
        (b'"', Kind::DateTime) => match text(line, at, made)? {
            (Found::Text { start, end }, after) => {
                let time = Ticks::parse(&line[start..end]).filter(|time| time.unix_nanos().is_some())?;
                Some((Found::Time(time), after))
            }
            _ => None,
        },
        (b'-' | b'0'..=b'9', Kind::Int | Kind::Long | Kind::TimeSpan) => {
            let (number, end) = whole_number(bytes, at)?;
            if kind == Kind::Int {
                i32::try_from(number).ok()?;
            }
            Some((Found::Long(number), end))
        }
        (b'{' | b'[', Kind::String | Kind::Dynamic) => {
            let end = end_of_nested(bytes, at)?;
            Some((Found::Json { start: at, end }, end))
        }
        (b't', Kind::Bool) => bytes[at..].starts_with(b"true").then_some((Found::Bool(true), at + 4)),
        (b'f', Kind::Bool) => bytes[at..].starts_with(b"false").then_some((Found::Bool(false), at + 5)),
        (b'n', _) => bytes[at..].starts_with(b"null").then_some((Found::Null, at + 4)),
        _ => None,
    }
}

/// The text whose first quote is at `at`, and where its last one ends. Text with escapes goes to `made`.
fn text(line: &str, at: usize, made: &mut String) -> Option<(Found, usize)> {
    let bytes = line.as_bytes();
    if *bytes.get(at)? != b'"' {
        return None;
    }
    let start = at + 1;
    let mut end = quote_or_backslash(bytes, start)?;
    if bytes[end] == b'"' {
        return Some((Found::Text { start, end }, end + 1));
    }
    let (from, mut copied) = (made.len(), start);
    while bytes[end] != b'"' {
        made.push_str(&line[copied..end]);
        let (character, after) = escape(line, end)?;
        made.push(character);
        copied = after;
        end = quote_or_backslash(bytes, copied)?;
    }
    made.push_str(&line[copied..end]);
    Some((Found::Made { start: from, end: made.len() }, end + 1))
}

/// Where the text ends whose first quote is at `at`. What is in it is not looked at.
fn end_of_text(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = quote_or_backslash(bytes, at + 1)?;
    while bytes[end] != b'"' {
        end = quote_or_backslash(bytes, end + 2)?;
    }
    Some(end + 1)
}

/// So many bytes are looked at before a search for long texts is worth its call.
const SHORT_TEXT: usize = 48;

/// Where the next quote or backslash is.
fn quote_or_backslash(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while at < start + SHORT_TEXT {
        let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else { break };
        let word = u64::from_le_bytes(*word);
        let found = zero_bytes(word ^ QUOTES) | zero_bytes(word ^ BACKSLASHES);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    Some(at + memchr2(b'"', b'\\', bytes.get(at..)?)?)
}

const REPEATED: u64 = 0x0101_0101_0101_0101;
const QUOTES: u64 = REPEATED * b'"' as u64;
const BACKSLASHES: u64 = REPEATED * b'\\' as u64;

/// The highest bit of each byte that is zero, up to and with the first one: those behind it may be wrong.
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(REPEATED) & !word & (REPEATED << 7)
}

/// A whole number of up to 18 digits, and where it ends.
fn whole_number(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let is_negative = bytes[at] == b'-';
    let start = at + usize::from(is_negative);
    let mut end = start;
    let mut number = 0i64;
    while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
        if end - start == 18 {
            return None;
        }
        number = number * 10 + i64::from(digit - b'0');
        end += 1;
    }
    let is_whole = matches!(bytes.get(end), Some(b',' | b'}' | b' '));
    let has_leading_zero = bytes[start..end].first() == Some(&b'0') && (end - start > 1 || is_negative);
    (end > start && is_whole && !has_leading_zero)
        .then_some((if is_negative { -number } else { number }, end))
}

/// Deeper values are left to the other reader, which counts the line's own object too.
const DEPTH_MAX: usize = 100;

/// Where the object or list that begins at `at` ends, if it does. What is in it is not looked at.
fn end_of_nested(bytes: &[u8], at: usize) -> Option<usize> {
    let mut depth = 0;
    let mut at = at;
    loop {
        match *bytes.get(at)? {
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return None;
                }
            }
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => {
                at = end_of_text(bytes, at)?;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// The character of the escape whose backslash is at `at`, and where it ends; none when it is not valid.
fn escape(text: &str, at: usize) -> Option<(char, usize)> {
    let character = match *text.as_bytes().get(at + 1)? {
        byte @ (b'"' | b'\\' | b'/') => char::from(byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode_escape(text, at),
        _ => return None,
    };
    Some((character, at + 2))
}

/// The character of the `\uXXXX` at `at`, or of the two that make a pair, and where it ends.
fn unicode_escape(text: &str, at: usize) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix("\\u")?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u16::from_str_radix(digits, 16).ok())?
    };
    let first = unit(at)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, at + 6));
    }
    let character = char::decode_utf16([first, unit(at + 6)?]).next()?.ok()?;
    Some((character, at + 12))
}
