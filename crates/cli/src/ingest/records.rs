//! Splitting a stream of bytes into records, one JSON object or event each.
//!
//! Most exports have one object a line and are split at line ends, whatever the lines hold: what is not an
//! event is for the server to refuse. A file that begins with an array, or with an object that goes on past
//! its first line, is split by brackets instead, and one of XML behind each event; their records are put on one
//! line each.

use std::io::{self, Read};

const CHUNK: usize = 256 << 10;
const BOM: &[u8] = b"\xef\xbb\xbf";
const EVENT_END: &[u8] = b"</Event>";

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// Without a line end.
    Line(&'a [u8]),
    /// A record that has more bytes than is allowed, left out.
    TooLong,
}

/// Reads to the end and hands over every record that is not blank, in order. Stops early when `take` says so.
pub(crate) fn split(
    mut reader: impl Read,
    record_bytes_max: usize,
    mut take: impl FnMut(Record<'_>) -> bool,
) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut filled = fill(&mut reader, &mut buffer)?;
    let mut start = if buffer[..filled].starts_with(BOM) { BOM.len() } else { 0 };
    let mut splitter = Splitter {
        mode: mode_of(&buffer[start..filled]),
        record: Vec::new(),
        is_too_long: false,
        depth: 0,
        text: Text::Outside,
        is_in_tag: false,
        end_matched: 0,
        record_bytes_max,
    };
    while filled > 0 {
        if !splitter.push(&buffer[start..filled], &mut take) {
            return Ok(());
        }
        start = 0;
        filled = read_some(&mut reader, &mut buffer)?;
    }
    splitter.finish(&mut take);
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Lines,
    Brackets,
    Elements,
}

/// The first bytes tell how a file is laid out.
fn mode_of(head: &[u8]) -> Mode {
    let text = head.trim_ascii_start();
    match text.first() {
        // "[2024-05-06] started" is a line of a log, not an array.
        Some(b'[') => match text[1..].trim_ascii_start().first() {
            Some(b'{' | b']') => Mode::Brackets,
            _ => Mode::Lines,
        },
        Some(b'{') => {
            let Some(end) = text.iter().position(|byte| *byte == b'\n') else { return Mode::Lines };
            let depth_after_line = depth_after(&text[..end]);
            if depth_after_line > 0 { Mode::Brackets } else { Mode::Lines }
        }
        // "<13>May  6 07:08:09" is a line of syslog.
        Some(b'<') if !text.get(1).is_some_and(u8::is_ascii_digit) => Mode::Elements,
        _ => Mode::Lines,
    }
}

fn depth_after(line: &[u8]) -> i64 {
    let (mut depth, mut text) = (0, Text::Outside);
    for byte in line {
        text = text.after(*byte);
        match byte {
            b'{' | b'[' if text == Text::Outside => depth += 1,
            b'}' | b']' if text == Text::Outside => depth -= 1,
            _ => {}
        }
    }
    // A line that breaks off inside a text is a damaged line, not a layout.
    if text == Text::Outside { depth } else { 0 }
}

/// Where a byte stands with regard to the texts of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    Outside,
    Inside,
    /// Behind a backslash.
    Escaped,
}

impl Text {
    fn after(self, byte: u8) -> Text {
        match (self, byte) {
            (Text::Outside, b'"') | (Text::Escaped, _) => Text::Inside,
            (Text::Inside, b'"') => Text::Outside,
            (Text::Inside, b'\\') => Text::Escaped,
            (same, _) => same,
        }
    }
}

struct Splitter {
    mode: Mode,
    record: Vec<u8>,
    is_too_long: bool,
    depth: usize,
    text: Text,
    is_in_tag: bool,
    /// How much of [`EVENT_END`] was seen just now.
    end_matched: usize,
    record_bytes_max: usize,
}

impl Splitter {
    fn push(&mut self, bytes: &[u8], take: &mut impl FnMut(Record<'_>) -> bool) -> bool {
        match self.mode {
            Mode::Lines => self.push_lines(bytes, take),
            Mode::Brackets => self.push_brackets(bytes, take),
            Mode::Elements => self.push_elements(bytes, take),
        }
    }

    fn push_lines(&mut self, bytes: &[u8], take: &mut impl FnMut(Record<'_>) -> bool) -> bool {
        let mut parts = bytes.split(|byte| *byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            self.keep(part);
            if parts.peek().is_some() && !self.end_record(take) {
                return false;
            }
        }
        true
    }

    fn push_brackets(&mut self, bytes: &[u8], take: &mut impl FnMut(Record<'_>) -> bool) -> bool {
        for byte in bytes {
            let was_inside = self.text != Text::Outside;
            self.text = self.text.after(*byte);
            if was_inside || self.text != Text::Outside {
                self.keep(std::slice::from_ref(byte_on_one_line(byte)));
                continue;
            }
            match byte {
                // Between records: the array around them and what separates them.
                b'[' | b']' | b',' if self.depth == 0 => {
                    if !self.end_record(take) {
                        return false;
                    }
                    continue;
                }
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.keep(std::slice::from_ref(byte_on_one_line(byte)));
            if self.depth == 0 && *byte == b'}' && !self.end_record(take) {
                return false;
            }
        }
        true
    }

    /// A line end in a text is written as a reference, so that it stays one.
    fn push_elements(&mut self, bytes: &[u8], take: &mut impl FnMut(Record<'_>) -> bool) -> bool {
        for byte in bytes {
            match byte {
                b'\n' if self.record.is_empty() => continue,
                b'\n' if !self.is_in_tag => self.keep(b"&#10;"),
                b'\r' if !self.is_in_tag => self.keep(b"&#13;"),
                _ => self.keep(std::slice::from_ref(byte_on_one_line(byte))),
            }
            match byte {
                b'<' => self.is_in_tag = true,
                b'>' => self.is_in_tag = false,
                _ => {}
            }
            let is_next = EVENT_END.get(self.end_matched) == Some(byte);
            self.end_matched = if is_next { self.end_matched + 1 } else { usize::from(*byte == b'<') };
            if self.end_matched == EVENT_END.len() && !self.end_record(take) {
                return false;
            }
        }
        true
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.is_too_long || self.record.len() + bytes.len() > self.record_bytes_max {
            self.is_too_long = true;
            self.record.clear();
        } else {
            self.record.extend_from_slice(bytes);
        }
    }

    fn end_record(&mut self, take: &mut impl FnMut(Record<'_>) -> bool) -> bool {
        let goes_on = if std::mem::take(&mut self.is_too_long) {
            take(Record::TooLong)
        } else {
            let line = self.record.trim_ascii();
            line.is_empty() || take(Record::Line(line))
        };
        self.record.clear();
        goes_on
    }

    fn finish(&mut self, take: &mut impl FnMut(Record<'_>) -> bool) {
        self.end_record(take);
    }
}

/// JSON has no line end inside a text, and outside of texts a blank does as well.
fn byte_on_one_line(byte: &u8) -> &u8 {
    if matches!(byte, b'\n' | b'\r') { &b' ' } else { byte }
}

/// Reads until the buffer is full or the input ends: the layout is told from the first bytes.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_some(reader, &mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

fn read_some(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time behind the first chunk.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(3).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    #[track_caller]
    fn check(input: &str, expected: &[&str]) {
        let mut records = Vec::new();
        split(Slow(input.as_bytes()), 40, |record| {
            records.push(match record {
                Record::Line(line) => String::from_utf8_lossy(line).into_owned(),
                Record::TooLong => "(too long)".to_owned(),
            });
            true
        })
        .unwrap();
        assert_eq!(records, expected);
    }

    #[test]
    fn lines_are_split_at_line_ends_whatever_they_hold() {
        check(
            "\u{feff}{\"a\":1}\r\n\n{\"b\":\"{\"}\n{\"broken\n  plain text ",
            &["{\"a\":1}", "{\"b\":\"{\"}", "{\"broken", "plain text"],
        );
        check("[2024-05-06] a line\n[x] another", &["[2024-05-06] a line", "[x] another"]);
        check("", &[]);
        check(" \n \n", &[]);
    }

    #[test]
    fn an_array_is_split_into_its_elements() {
        check("[{\"a\":[1,2]},{\"b\":\"],[\"}]", &["{\"a\":[1,2]}", "{\"b\":\"],[\"}"]);
        check("[\n  {\n    \"a\": 1\n  },\n  {\"b\": 2}\n]\n", &["{     \"a\": 1   }", "{\"b\": 2}"]);
        check("[]", &[]);
        check("[{\"a\":1}, 7, {\"b\":2}]", &["{\"a\":1}", "7", "{\"b\":2}"]);
    }

    #[test]
    fn objects_over_several_lines_are_put_on_one() {
        check("{\n \"a\": \"\\\"}\"\n}\n{\n \"b\": {}\n}", &["{  \"a\": \"\\\"}\" }", "{  \"b\": {} }"]);
    }

    #[test]
    fn events_of_xml_are_put_on_one_line_and_keep_the_line_ends_in_them() {
        check(
            "\n<Event><a\nb='1'>x\ny</a></Event><Event>\r</Event>\n</Events>",
            &["<Event><a b='1'>x&#10;y</a></Event>", "<Event>&#13;</Event>", "</Events>"],
        );
        check("<Event>1</Event>\n<Event>2</Event>\n", &["<Event>1</Event>", "<Event>2</Event>"]);
        let long = "x".repeat(40);
        check(&format!("<Event>{long}</Event><Event>1</Event>"), &["(too long)", "<Event>1</Event>"]);
        check("<13>May  6 a\n<13>May  6 b\n", &["<13>May  6 a", "<13>May  6 b"]);
    }

    #[test]
    fn a_record_that_is_too_long_is_left_out_and_the_next_one_is_read() {
        let long = "x".repeat(41);
        check(&format!("{long}\nshort\n"), &["(too long)", "short"]);
        check(&format!("[{{\"a\":\"{long}\"}},{{\"b\":1}}]"), &["(too long)", "{\"b\":1}"]);
    }

    #[test]
    fn what_is_cut_off_is_handed_over_as_it_is() {
        check("[{\"a\":1},{\"b\":", &["{\"a\":1}", "{\"b\":"]);
    }

    #[test]
    fn taking_can_stop() {
        let mut taken = 0;
        split(&b"a\nb\nc"[..], 40, |_| {
            taken += 1;
            taken < 2
        })
        .unwrap();
        assert_eq!(taken, 2);
    }
}
