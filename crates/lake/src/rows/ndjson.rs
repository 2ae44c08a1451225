//! Lines of JSON to columns.
//!
//! Two readers: a fast one for lines of the usual form, which writes values straight into columns, and
//! [`Row::from_json`] for every other line. The fast one accepts a line only when the other would accept it and
//! make the same row; it never refuses one. So what a line means, and why it is refused, is said in one place.

use model::{Kind, Row, Table, Ticks, row::RowError};
use serde_json::Value;

use super::RowsBuilder;
use super::column::ColumnBuilder;
use super::json::{end_of_nested, escape, plain_end, spaces, whole_number};

/// Reads rows of one table from lines of JSON.
#[derive(Debug)]
pub struct RowsReader {
    rows: RowsBuilder,
    time_column: Option<usize>,
    /// The members that lines had, in their order: the next line most likely has the same, or some of them.
    expected: Vec<Expected>,
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

impl RowsReader {
    pub fn new(table: &'static Table) -> RowsReader {
        RowsReader { rows: RowsBuilder::new(table), time_column: table.time_column(), expected: Vec::new() }
    }

    /// Reads one line, without its end, as one row. A refused line leaves no trace.
    pub fn read(&mut self, line: &[u8]) -> Result<(), LineError> {
        if self.read_usual(line).is_some_and(|end| end == line.len()) {
            self.rows.len += 1;
            return Ok(());
        }
        self.rows.take_back();
        match serde_json::from_slice(line) {
            Ok(Value::Object(object)) => {
                self.rows.push(&Row::from_json(self.rows.table, object)?);
                Ok(())
            }
            Ok(_) => Err(LineError::NotAnObject),
            Err(error) => Err(LineError::NotJson(error)),
        }
    }

    /// Reads the line that begins here, if it is a row of the usual form and has an end. Says how many bytes it takes
    /// with its end; where it says nothing, the line is for [`RowsReader::read`].
    pub fn read_next(&mut self, lines: &[u8]) -> Option<usize> {
        let end = self.read_usual(lines).and_then(|end| match lines.get(end..)? {
            [b'\n', ..] => Some(end + 1),
            [b'\r', b'\n', ..] => Some(end + 2),
            _ => None,
        });
        match end {
            Some(_) => self.rows.len += 1,
            None => self.rows.take_back(),
        }
        end
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

    /// Writes the members of an object into their columns, and says where it ends, with the blanks behind it. What was
    /// written counts once the number of rows says so.
    fn read_usual(&mut self, line: &[u8]) -> Option<usize> {
        let (rows, mut has_high) = (self.rows.len, 0);
        let mut at = spaces(line, 0);
        if *line.get(at)? != b'{' {
            return None;
        }
        at = spaces(line, at + 1);
        let mut next = 0;
        loop {
            let (column, value_at) = self.key(line, at, &mut next)?;
            // Of a column that is named twice the last value counts: a case for the other reader.
            if self.rows.columns[column].as_ref().is_some_and(|column| column.len() > rows) {
                return None;
            }
            let (kind, value_at) = (self.rows.table.columns[column].kind, spaces(line, value_at));
            // A null is as good as no member.
            let end = match line[value_at..].starts_with(b"null") {
                true => value_at + 4,
                false => value(line, value_at, kind, self.rows.column(column), &mut has_high)?,
            };
            at = spaces(line, end);
            match *line.get(at)? {
                b',' => at = spaces(line, at + 1),
                b'}' => break,
                _ => return None,
            }
        }
        at = spaces(line, at + 1);
        if has_high & HIGHEST_BITS != 0 && std::str::from_utf8(&line[..at]).is_err() {
            return None;
        }
        if let Some(time_column) = self.time_column {
            self.rows.columns[time_column].as_ref().filter(|times| times.len() > rows)?;
        }
        Some(at)
    }

    /// The column of the member that begins at `at`, and where its value begins. `next` is the first of the expected
    /// members that the line did not have yet.
    fn key(&mut self, line: &[u8], at: usize, next: &mut usize) -> Option<(usize, usize)> {
        let member = line.get(at..)?;
        let mut ahead = self.expected.iter().enumerate().skip(*next);
        if let Some((position, found)) = ahead.find(|(_, expected)| begins_with(member, &expected.token)) {
            *next = position + 1;
            return Some((found.at, at + found.token.len()));
        }
        if *member.first()? != b'"' {
            return None;
        }
        let end = plain_end(line, at + 1, &mut 0)?;
        let column = self.rows.table.position(std::str::from_utf8(&line[at + 1..end]).ok()?)?;
        let colon = spaces(line, end + 1);
        if line[end] != b'"' || *line.get(colon)? != b':' {
            return None;
        }
        if self.expected.iter().all(|expected| expected.at != column) {
            self.expected.insert(*next, Expected { token: line[at..=colon].to_vec(), at: column });
            *next += 1;
        }
        Some((column, colon + 1))
    }
}

/// Whether the bytes begin with a name, which is too short to be worth the call that compares any two pieces of memory.
fn begins_with(bytes: &[u8], name: &[u8]) -> bool {
    let Some(bytes) = bytes.get(..name.len()) else { return false };
    let (pieces, expected) = (bytes.as_chunks::<8>().0, name.as_chunks::<8>().0);
    // What is left of both is in their last eight bytes.
    match (bytes.last_chunk::<8>(), name.last_chunk::<8>()) {
        (Some(last), Some(expected_last)) => {
            last == expected_last && pieces.iter().zip(expected).all(|(piece, expected)| piece == expected)
        }
        _ => bytes == name,
    }
}

/// Whether a byte of a word is not ASCII.
const HIGHEST_BITS: u64 = 0x8080_8080_8080_8080;

/// Adds the value that begins at `at` to a column of that kind, if it takes it, and says where it ends.
fn value(
    line: &[u8],
    at: usize,
    kind: Kind,
    column: &mut ColumnBuilder,
    has_high: &mut u64,
) -> Option<usize> {
    match (*line.get(at)?, kind) {
        (b'"', Kind::String | Kind::Guid | Kind::Dynamic) => text(line, at + 1, column, has_high),
        (b'"', Kind::DateTime) => {
            let end = plain_end(line, at + 1, has_high).filter(|end| line[*end] == b'"')?;
            let time = Ticks::parse(std::str::from_utf8(&line[at + 1..end]).ok()?)?;
            time.unix_nanos()?;
            column.push_time(time);
            Some(end + 1)
        }
        (b'-' | b'0'..=b'9', Kind::Int | Kind::Long | Kind::TimeSpan) => {
            let (number, end) = whole_number(line, at)?;
            if kind == Kind::Int {
                i32::try_from(number).ok()?;
            }
            column.push_long(number);
            Some(end)
        }
        (b'{' | b'[', Kind::String | Kind::Dynamic) => {
            let end = end_of_nested(line, at)?;
            let value: Value = serde_json::from_slice(&line[at..end]).ok()?;
            column.push_text(value.to_string().as_bytes());
            Some(end)
        }
        (b't', Kind::Bool) if line[at..].starts_with(b"true") => {
            column.push_bool(true);
            Some(at + 4)
        }
        (b'f', Kind::Bool) if line[at..].starts_with(b"false") => {
            column.push_bool(false);
            Some(at + 5)
        }
        _ => None,
    }
}

/// Adds the text that begins at `start`, behind its quote, and says where its last quote ends.
fn text(line: &[u8], start: usize, column: &mut ColumnBuilder, has_high: &mut u64) -> Option<usize> {
    let mut end = plain_end(line, start, has_high)?;
    let text = column.text_begun()?;
    text.extend_from_slice(&line[start..end]);
    while line[end] != b'"' {
        let (character, after) = escape(line, end)?;
        text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        end = plain_end(line, after, has_high)?;
        text.extend_from_slice(&line[after..end]);
    }
    column.end_text();
    Some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::begins_with;

    #[test]
    fn names_of_every_length_are_compared() {
        let text: Vec<u8> = (b'a'..=b'z').chain(b'A'..=b'Z').collect();
        for length in 0..40 {
            let name = &text[..length];
            assert!(begins_with(&text, name) && begins_with(name, name), "{length}");
            assert!(length == 0 || !begins_with(&text[..length - 1], name), "{length}");
            for at in 0..length {
                let mut other = text.clone();
                other[at] = b'_';
                assert!(!begins_with(&other, name), "{length} {at}");
            }
        }
    }
}
