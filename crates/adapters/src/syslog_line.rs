//! What stands before the message in lines of syslog: `May  6 07:08:09 host program[1]: message`, the same
//! with an ISO 8601 time, either behind a priority as in `<13>`, and lines of RFC 5424.

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header<'a> {
    pub host: &'a str,
    /// Without the process id.
    pub program: &'a str,
    /// Where the message begins in the line.
    pub message_at: usize,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Longer words are no names.
const WORD_BYTES_MAX: usize = 255;

pub(crate) fn read(line: &[u8]) -> Option<Header<'_>> {
    // What comes before the message is ASCII; the message may be anything.
    let mut words = Words { line, at: 0 };
    let has_priority = words.skip_priority();
    let first = words.next()?;
    if has_priority && first == "1" {
        let _time = words.next()?;
        let (host, program) = (words.next()?, words.next()?);
        let (_process_id, _message_id) = (words.next()?, words.next()?);
        words.skip_structured_data()?;
        return Some(Header { host, program, message_at: words.at });
    }
    if MONTHS.contains(&first) {
        let is_day = words.next()?.bytes().all(|byte| byte.is_ascii_digit());
        if !is_day || !is_clock(words.next()?) {
            return None;
        }
    } else if !is_iso_time(first) {
        return None;
    }
    let host = words.next()?;
    let tag = words.next()?;
    let program = tag.strip_suffix(':')?;
    let program = program.split('[').next().unwrap_or(program);
    Some(Header { host, program, message_at: words.at })
}

fn is_clock(word: &str) -> bool {
    word.len() >= 8 && word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'))
}

fn is_iso_time(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 19 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-' && bytes[10] == b'T'
}

struct Words<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Words<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.line[self.at..]
    }

    fn skip_priority(&mut self) -> bool {
        let Some(inside) = self.line.strip_prefix(b"<") else { return false };
        let digits = inside.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        if digits > 0 && inside.get(digits) == Some(&b'>') {
            self.at = digits + 2;
        }
        self.at > 0
    }

    fn next(&mut self) -> Option<&'a str> {
        let start = self.at + self.rest().iter().take_while(|byte| **byte == b' ').count();
        let word =
            self.line[start..].iter().take(WORD_BYTES_MAX + 1).take_while(|byte| **byte != b' ').count();
        if word == 0 || word > WORD_BYTES_MAX {
            return None;
        }
        self.at = (start + word + 1).min(self.line.len());
        str::from_utf8(&self.line[start..start + word]).ok()
    }

    /// `-`, or elements in brackets, in which a backslash protects a closing one.
    fn skip_structured_data(&mut self) -> Option<()> {
        if self.rest().first() == Some(&b'-') {
            self.at = (self.at + 2).min(self.line.len());
            return Some(());
        }
        while self.rest().first() == Some(&b'[') {
            let mut is_escaped = false;
            let end = self.rest().iter().position(|byte| {
                let is_end = *byte == b']' && !is_escaped;
                is_escaped = *byte == b'\\' && !is_escaped;
                is_end
            })?;
            self.at += end + 1;
        }
        self.at = (self.at + 1).min(self.line.len());
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_are_told_from_other_lines() {
        for (line, expected) in [
            ("May  6 07:08:09 web-1 sysmon: <Event>", Some(("web-1", "sysmon", "<Event>"))),
            ("<14>May 16 07:08:09 web-1 audispd[812]: a b", Some(("web-1", "audispd", "a b"))),
            ("2024-05-06T07:08:09.123+02:00 web-1 kernel: [1.5] x", Some(("web-1", "kernel", "[1.5] x"))),
            (
                r#"<14>1 2024-05-06T07:08:09Z web-1 sysmon 7 - [a@1 b="\]"][c] m"#,
                Some(("web-1", "sysmon", "m")),
            ),
            ("<14>1 2024-05-06T07:08:09Z web-1 sysmon 7 - - m n", Some(("web-1", "sysmon", "m n"))),
            ("<Event><System>", None),
            ("May be this is a sentence: or not", None),
            ("type=SYSCALL msg=audit(1.2:3): a=b", None),
            ("", None),
        ] {
            let found = read(line.as_bytes());
            let found = found.map(|header| (header.host, header.program, &line[header.message_at..]));
            assert_eq!(found, expected, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(line: Vec<u8>, text in "<?1?4?>?1? ?(May  6 07:08:09)? ?[a-z\\[\\]:\\\\ -]{0,20}") {
            for line in [&*line, text.as_bytes()] {
                assert!(read(line).is_none_or(|header| header.message_at <= line.len()));
            }
        }
    }
}
