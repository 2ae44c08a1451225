//! Records put together into the bodies of requests.

use std::io::{self, Read};

use bytes::Bytes;

use super::records::{self, Record};

/// A batch is sent when it has reached one of these.
const BODY_BYTES_MAX: usize = 4 << 20;
const LINES_MAX: u64 = 5_000;
/// Longer records are not sent: no server takes them.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Lines for one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    pub body: Bytes,
    /// In the body.
    pub lines: u64,
    /// Records read for this batch that are too long to be sent.
    pub too_long: u64,
}

/// Puts the records of one file together.
#[derive(Default)]
pub(crate) struct Batcher {
    body: Vec<u8>,
    batch: Batch,
}

impl Batcher {
    /// Reads a member of a file to its end and hands over full batches. `send` returns false to stop.
    pub(crate) fn read(
        &mut self,
        reader: impl Read,
        send: &mut dyn FnMut(Batch) -> bool,
    ) -> io::Result<bool> {
        let mut goes_on = true;
        records::split(reader, LINE_BYTES_MAX, |record| {
            match record {
                Record::Line(line) => {
                    if !self.body.is_empty() && self.body.len() + line.len() >= BODY_BYTES_MAX {
                        goes_on = self.send(send);
                    }
                    self.add(line);
                    if goes_on && self.batch.lines >= LINES_MAX {
                        goes_on = self.send(send);
                    }
                }
                Record::TooLong => self.batch.too_long += 1,
            }
            goes_on
        })?;
        Ok(goes_on)
    }

    /// Hands over what is left.
    pub(crate) fn finish(&mut self, send: &mut dyn FnMut(Batch) -> bool) {
        if self.batch.lines + self.batch.too_long > 0 {
            self.send(send);
        }
    }

    fn add(&mut self, line: &[u8]) {
        self.body.extend_from_slice(line);
        self.body.push(b'\n');
        self.batch.lines += 1;
    }

    fn send(&mut self, send: &mut dyn FnMut(Batch) -> bool) -> bool {
        let body = Bytes::from(std::mem::take(&mut self.body));
        send(Batch { body, ..std::mem::take(&mut self.batch) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batches(mut batcher: Batcher, members: &[&str]) -> Vec<Batch> {
        let mut sent = Vec::new();
        let mut send = |batch| {
            sent.push(batch);
            true
        };
        for member in members {
            batcher.read(member.as_bytes(), &mut send).unwrap();
        }
        batcher.finish(&mut send);
        sent
    }

    #[test]
    fn small_members_share_a_batch_and_keep_their_order() {
        let sent = batches(Batcher::default(), &["{\"a\":1}", "[{\"b\":2},{\"c\":3}]", ""]);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].body, "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
        assert_eq!(sent[0].lines, 3);
    }

    #[test]
    fn batches_are_bounded_by_lines_and_by_bytes() {
        let many = "{}\n".repeat(12_000);
        let lines: Vec<u64> = batches(Batcher::default(), &[&many]).iter().map(|batch| batch.lines).collect();
        assert_eq!(lines, [5_000, 5_000, 2_000]);
        let wide = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1 << 20)).repeat(9);
        let sent = batches(Batcher::default(), &[&wide]);
        assert!(sent.iter().all(|batch| batch.body.len() <= BODY_BYTES_MAX), "{}", sent.len());
        assert_eq!(sent.iter().map(|batch| batch.lines).sum::<u64>(), 9);
    }

    #[test]
    fn a_line_wider_than_a_batch_goes_alone_and_one_wider_than_allowed_is_counted() {
        let wide = format!("{{\"a\":\"{}\"}}\n{{}}\n", "x".repeat(5 << 20));
        let sent = batches(Batcher::default(), &[&wide]);
        assert_eq!(sent.iter().map(|batch| batch.lines).collect::<Vec<_>>(), [1, 1]);
        let too_wide = format!("{{}}\n{}\n", "x".repeat(LINE_BYTES_MAX + 1));
        let sent = batches(Batcher::default(), &[&too_wide]);
        assert_eq!((sent[0].lines, sent[0].too_long), (1, 1));
    }

    #[test]
    fn nothing_is_sent_once_sending_failed() {
        let mut asked = 0;
        let many = "{}\n".repeat(12_000);
        let mut batcher = Batcher::default();
        let goes_on = batcher.read(many.as_bytes(), &mut |_| {
            asked += 1;
            false
        });
        assert_eq!((goes_on.unwrap(), asked), (false, 1));
    }
}
