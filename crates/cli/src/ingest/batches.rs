//! Records put together into the bodies of requests.

use std::io::{self, Cursor, Read};

use adapters::{Format, Framing};
use bytes::Bytes;

use super::records::{self, Record};

/// A batch is sent when it has reached one of these.
const BODY_BYTES_MAX: usize = 4 << 20;
const LINES_MAX: u64 = 5_000;
/// Longer records are not sent: no server takes them.
const LINE_BYTES_MAX: usize = 16 << 20;
/// What a format is told from.
const HEAD_BYTES: usize = 64 << 10;

/// Records for one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch {
    /// None for rows of a table.
    pub format: Option<&'static Format>,
    pub body: Bytes,
    /// In the body.
    pub lines: u64,
    /// Records read for this batch that are too long to be sent.
    pub too_long: u64,
}

/// What the records of a file are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    /// Rows of one table.
    Rows,
    Of(&'static Format),
    /// Told by how each file begins; lines of which nothing is known are events of Windows.
    Recognised,
}

/// Puts the records of one file together.
pub(crate) struct Batcher {
    content: Content,
    body: Vec<u8>,
    batch: Batch,
}

impl Batcher {
    pub(crate) fn new(content: Content) -> Batcher {
        Batcher { content, body: Vec::new(), batch: Batch::default() }
    }

    /// Reads a member of a file to its end and hands over full batches. `send` returns false to stop.
    pub(crate) fn read(
        &mut self,
        mut reader: impl Read,
        send: &mut dyn FnMut(Batch) -> bool,
    ) -> io::Result<bool> {
        let mut head = Vec::new();
        reader.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
        let format = match self.content {
            Content::Rows => None,
            Content::Of(format) => Some(format),
            Content::Recognised => adapters::recognise(&head).or_else(|| adapters::find("sysmon")),
        };
        let has_other = self.batch.format.map(|format| format.name) != format.map(|format| format.name);
        if has_other && !self.finish(send) {
            return Ok(false);
        }
        self.batch.format = format;
        let reader = Cursor::new(head).chain(reader);
        match format.map(|format| (format, format.framing)) {
            Some((format, Framing::Chunks { header_bytes, chunk_bytes })) => {
                self.read_chunks(reader, format, header_bytes, chunk_bytes, send)
            }
            _ => self.read_lines(reader, send),
        }
    }

    /// Hands over what is left.
    pub(crate) fn finish(&mut self, send: &mut dyn FnMut(Batch) -> bool) -> bool {
        self.batch.lines + self.batch.too_long == 0 || self.send(send)
    }

    fn read_lines(&mut self, reader: impl Read, send: &mut dyn FnMut(Batch) -> bool) -> io::Result<bool> {
        let mut goes_on = true;
        records::split(reader, LINE_BYTES_MAX, |record| {
            match record {
                Record::Line(line) => {
                    if !self.body.is_empty() && self.body.len() + line.len() >= BODY_BYTES_MAX {
                        goes_on = self.send_full(send);
                    }
                    self.add(line);
                    if goes_on && self.batch.lines >= LINES_MAX {
                        goes_on = self.send_full(send);
                    }
                }
                Record::TooLong => self.batch.too_long += 1,
            }
            goes_on
        })?;
        Ok(goes_on)
    }

    /// Cuts a file that may be larger than any body into files that hold a part of its chunks each.
    fn read_chunks(
        &mut self,
        mut reader: impl Read,
        format: &'static Format,
        header_bytes: usize,
        chunk_bytes: usize,
        send: &mut dyn FnMut(Batch) -> bool,
    ) -> io::Result<bool> {
        let part_bytes = BODY_BYTES_MAX.saturating_sub(header_bytes) / chunk_bytes * chunk_bytes;
        let mut header = Vec::new();
        reader.by_ref().take(header_bytes as u64).read_to_end(&mut header)?;
        let mut is_first = true;
        loop {
            let mut body = header.clone();
            let read = reader.by_ref().take(part_bytes as u64).read_to_end(&mut body)?;
            if read == 0 && !is_first {
                return Ok(true);
            }
            is_first = false;
            self.batch = Batch { format: Some(format), lines: format.count(&body), ..Batch::default() };
            self.body = body;
            if !self.send(send) {
                return Ok(false);
            }
        }
    }

    fn add(&mut self, line: &[u8]) {
        self.body.extend_from_slice(line);
        self.body.push(b'\n');
        self.batch.lines += 1;
    }

    /// Sends a full batch, but for the lines of events that lines to come may belong to.
    fn send_full(&mut self, send: &mut dyn FnMut(Batch) -> bool) -> bool {
        let Some((format, Framing::Events(part))) = self.batch.format.map(|format| (format, format.framing))
        else {
            return self.send(send);
        };
        let (complete, waiting) = part(&self.body);
        if complete.is_empty() || waiting.is_empty() {
            return self.send(send);
        }
        let waiting_lines = format.count(&waiting);
        self.body = complete;
        self.batch.lines -= waiting_lines;
        let goes_on = self.send(send);
        self.body = waiting;
        self.batch.lines = waiting_lines;
        goes_on
    }

    fn send(&mut self, send: &mut dyn FnMut(Batch) -> bool) -> bool {
        let body = Bytes::from(std::mem::take(&mut self.body));
        let batch = Batch { body, ..self.batch.clone() };
        self.batch = Batch { format: batch.format, ..Batch::default() };
        send(batch)
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
        let sent = batches(Batcher::new(Content::Rows), &["{\"a\":1}", "[{\"b\":2},{\"c\":3}]", ""]);
        assert_eq!(sent.len(), 1);
        assert_eq!(sent[0].body, "{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n");
        assert_eq!(sent[0].lines, 3);
    }

    #[test]
    fn batches_are_bounded_by_lines_and_by_bytes() {
        let many = "{}\n".repeat(12_000);
        let lines: Vec<u64> =
            batches(Batcher::new(Content::Rows), &[&many]).iter().map(|batch| batch.lines).collect();
        assert_eq!(lines, [5_000, 5_000, 2_000]);
        let wide = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1 << 20)).repeat(9);
        let sent = batches(Batcher::new(Content::Rows), &[&wide]);
        assert!(sent.iter().all(|batch| batch.body.len() <= BODY_BYTES_MAX), "{}", sent.len());
        assert_eq!(sent.iter().map(|batch| batch.lines).sum::<u64>(), 9);
    }

    #[test]
    fn a_line_wider_than_a_batch_goes_alone_and_one_wider_than_allowed_is_counted() {
        let wide = format!("{{\"a\":\"{}\"}}\n{{}}\n", "x".repeat(5 << 20));
        let sent = batches(Batcher::new(Content::Rows), &[&wide]);
        assert_eq!(sent.iter().map(|batch| batch.lines).collect::<Vec<_>>(), [1, 1]);
        let too_wide = format!("{{}}\n{}\n", "x".repeat(LINE_BYTES_MAX + 1));
        let sent = batches(Batcher::new(Content::Rows), &[&too_wide]);
        assert_eq!((sent[0].lines, sent[0].too_long), (1, 1));
    }

    #[test]
    fn nothing_is_sent_once_sending_failed() {
        let mut asked = 0;
        let many = "{}\n".repeat(12_000);
        let mut batcher = Batcher::new(Content::Rows);
        let goes_on = batcher.read(many.as_bytes(), &mut |_| {
            asked += 1;
            false
        });
        assert_eq!((goes_on.unwrap(), asked), (false, 1));
    }

    #[test]
    fn members_of_different_formats_go_apart() {
        let audit = "type=EOE msg=audit(1714975689.001:7): ";
        let evtx = [&b"ElfFile\0"[..], &[0; 4088], &[1; 70_000]].concat();
        let evtx = String::from_utf8(evtx).unwrap();
        let sent = batches(
            Batcher::new(Content::Recognised),
            &[audit, audit, "{\"EventID\":1}", &evtx, "nothing known", audit],
        );
        let seen: Vec<_> = sent.iter().map(|batch| (batch.format.unwrap().name, batch.lines)).collect();
        assert_eq!(seen, [("auditd", 2), ("sysmon", 1), ("evtx", 2), ("sysmon", 1), ("auditd", 1)]);
    }

    #[test]
    fn a_file_of_chunks_is_cut_between_them_with_its_header_before_each_part() {
        let chunks = 2 * (BODY_BYTES_MAX / (64 << 10));
        let evtx = [&b"ElfFile\0"[..], &[0; 4088], &vec![1; chunks * (64 << 10) + 100]].concat();
        let sent = batches(Batcher::new(Content::Recognised), &[&String::from_utf8(evtx.clone()).unwrap()]);
        assert_eq!(sent.len(), 3);
        assert!(
            sent.iter()
                .all(|batch| batch.body.len() <= BODY_BYTES_MAX && batch.body.starts_with(&evtx[..4096]))
        );
        assert_eq!(sent.iter().map(|batch| batch.lines).sum::<u64>(), chunks as u64 + 1);
        assert_eq!(sent.iter().map(|batch| batch.body.len() - 4096).sum::<usize>(), evtx.len() - 4096);
    }

    #[test]
    fn an_event_of_several_lines_is_not_cut() {
        let line = |serial: u64| format!("type=CWD msg=audit(1714975689.001:{serial}): cwd=\"/\"\n");
        let lines: String = (0..12_000).map(|at| line(at / 3)).collect();
        let sent = batches(Batcher::new(Content::Recognised), &[&lines]);
        assert_eq!(sent.iter().map(|batch| batch.lines).sum::<u64>(), 12_000);
        let first = |body: &Bytes| String::from_utf8_lossy(body).lines().next().unwrap().to_owned();
        let last = |body: &Bytes| String::from_utf8_lossy(body).lines().last().unwrap().to_owned();
        assert!(sent.windows(2).all(|pair| last(&pair[0].body) != first(&pair[1].body)), "{}", sent.len());
        assert!(
            sent.len() > 1
                && sent
                    .iter()
                    .all(|batch| batch.body.split(|byte| *byte == b'\n').count() as u64 == batch.lines + 1)
        );
    }
}
