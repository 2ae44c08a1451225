//! Gzip files as they are found in the wild: several members one behind the other, and padding at the end.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Reads the members of a gzip file as one stream.
///
/// The first member has to be whole. What follows it and is not a whole member is left out, and
/// [`GzipMembers::has_leftover`] tells.
pub(crate) struct GzipMembers<R: BufRead> {
    state: State<R>,
    whole_members: usize,
    has_leftover: bool,
}

enum State<R: BufRead> {
    Member(Box<GzDecoder<R>>),
    Ended,
}

impl<R: BufRead> GzipMembers<R> {
    pub(crate) fn new(reader: R) -> GzipMembers<R> {
        let state = State::Member(Box::new(GzDecoder::new(reader)));
        GzipMembers { state, whole_members: 0, has_leftover: false }
    }

    /// Whether something behind the last whole member was left out.
    pub(crate) fn has_leftover(&self) -> bool {
        self.has_leftover
    }

    /// Goes on behind a whole member.
    fn next_member(&mut self) -> io::Result<()> {
        let State::Member(decoder) = std::mem::replace(&mut self.state, State::Ended) else { return Ok(()) };
        self.whole_members += 1;
        let mut rest = decoder.into_inner();
        let ahead = rest.fill_buf()?;
        if ahead.is_empty() {
            return Ok(());
        }
        // One byte ahead at the edge of a buffer is enough to go by: a member that is none fails to decode.
        if ahead[0] == MAGIC[0] && ahead.get(1).is_none_or(|byte| *byte == MAGIC[1]) {
            self.state = State::Member(Box::new(GzDecoder::new(rest)));
        } else {
            self.has_leftover = true;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            let State::Member(decoder) = &mut self.state else { return Ok(0) };
            match decoder.read(buffer) {
                Ok(0) => self.next_member()?,
                Err(error) if self.whole_members > 0 && is_damage(&error) => {
                    self.state = State::Ended;
                    self.has_leftover = true;
                }
                read => return read,
            }
        }
    }
}

fn is_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

#[cfg(test)]
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> (io::Result<String>, bool) {
        let mut members = GzipMembers::new(bytes);
        let mut text = String::new();
        let read = members.read_to_string(&mut text).map(|_| text);
        (read, members.has_leftover())
    }

    #[test]
    fn members_are_read_one_behind_the_other() {
        let (text, has_leftover) = read(&[gzip(b"one "), gzip(b""), gzip(b"two")].concat());
        assert_eq!((text.unwrap().as_str(), has_leftover), ("one two", false));
    }

    #[test]
    fn padding_and_a_cut_off_member_behind_a_whole_one_are_left_out() {
        let (text, has_leftover) = read(&[gzip(b"one"), vec![0; 700]].concat());
        assert_eq!((text.unwrap().as_str(), has_leftover), ("one", true));
        let second = gzip(b"two");
        let (text, has_leftover) = read(&[gzip(b"one"), second[..second.len() - 6].to_vec()].concat());
        assert!(text.unwrap().starts_with("one") && has_leftover);
    }

    #[test]
    fn a_first_member_that_is_not_whole_is_an_error() {
        let whole = gzip(b"one");
        assert!(read(&whole[..whole.len() - 3]).0.is_err());
        assert!(read(b"no gzip at all").0.is_err());
    }
}
