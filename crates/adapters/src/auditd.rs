//! The text of auditd: lines such as `type=SYSCALL msg=audit(1492037289.295:58): arch=c000003e ...`, also as
//! lines of syslog, with `node=`, and with the names that auditd resolved.
//!
//! Lines with the same node, time and serial are one event, wherever they stand: the first of them has the
//! outcome of the event, and the others are merged into it. An event is complete when none of the last
//! [`OPEN_LINES_MAX`] lines belonged to it, and at the end of the body.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;

use crate::format::{Format, Framing, Give, Input};
use crate::{Mapped, Mapper, Refusal, lines};

mod codes;
mod event;
mod fill;
mod line;
mod rules;

use line::{Key, Line, Read};

pub(crate) static FORMAT: Format = Format {
    name: "auditd",
    route: "/api/ingest/auditd",
    summary: "Takes lines of auditd, those of one event together.",
    framing: Framing::Events(part),
    is_likely: |head| lines::split(head).take(64).any(|(_, line)| is_line(line)),
    count: lines::count,
    read,
};

/// Lines behind its last one after which an event is complete, and so about how many are looked after.
const OPEN_LINES_MAX: u64 = 1_024;
/// What is kept of events whose lines are still coming; beyond it the oldest is taken as complete.
const HELD_EVENTS_MAX: usize = 4_096;
const HELD_LINES_MAX: usize = 65_536;
/// The kernel splits what is longer than a line: arguments of programs, at most two megabytes of them.
const EVENT_BYTES_MAX: usize = 4 << 20;
/// Lines of one event, each of which may name a file.
const EVENT_LINES_MAX: usize = 4_096;

/// An event whose lines are still coming.
#[derive(Debug)]
struct Open<'a> {
    first: u64,
    last: u64,
    bytes: usize,
    lines: Vec<Line<'a>>,
}

fn read(mapper: &mut Mapper, input: &Input<'_>, give: &mut Give<'_>) -> ControlFlow<()> {
    let mut open = Events::default();
    for (number, bytes) in lines::split(input.body) {
        let read = lines::check_length(bytes).and_then(|()| line::read(bytes));
        match read {
            Ok(Read::Line(line)) => match open.add(number, bytes.len(), line) {
                Ok(true) => {}
                Ok(false) => give(number, Ok(Mapped::Merged))?,
                Err(refusal) => give(number, Err(refusal))?,
            },
            Ok(Read::Other(kind)) => give(number, Ok(Mapped::Unmapped { kind }))?,
            Err(refusal) => give(number, Err(refusal))?,
        }
        while let Some(event) = open.next_complete(number) {
            give(event.first, map(mapper, &event.lines, input.device))?;
        }
    }
    while let Some(event) = open.next_complete(u64::MAX) {
        give(event.first, map(mapper, &event.lines, input.device))?;
    }
    ControlFlow::Continue(())
}

/// Whether a line is one of auditd that can be read.
pub(crate) fn is_line(line: &[u8]) -> bool {
    matches!(line::read(line), Ok(Read::Line(_)))
}

/// Reads a line that is an event by itself, as some agents join them.
pub(crate) fn map_line(mapper: &mut Mapper, line: &[u8], device: &str) -> Result<Mapped, Refusal> {
    match line::read(line)? {
        Read::Line(line) => map(mapper, &[line], device),
        Read::Other(kind) => Ok(Mapped::Unmapped { kind }),
    }
}

fn map(mapper: &mut Mapper, lines: &[Line<'_>], device: &str) -> Result<Mapped, Refusal> {
    let Some(Line { key, .. }) = lines.first() else { return Ok(Mapped::Merged) };
    let device = if key.node.trim().is_empty() { device } else { key.node.trim() }.to_lowercase();
    let time = key.time().unwrap_or_default();
    let (event, facts) = event::read(lines)?;
    rules::map(&event, &facts, time, &device, &mut mapper.cache)
}

/// Events in the order of their first lines.
#[derive(Debug, Default)]
struct Events<'a> {
    events: VecDeque<Open<'a>>,
    /// How many were taken from the front.
    taken: usize,
    /// Lines of all events here.
    lines: usize,
    places: HashMap<Key<'a>, usize>,
}

impl<'a> Events<'a> {
    /// Adds a line; says whether it is the first one of its event.
    fn add(&mut self, number: u64, bytes: usize, line: Line<'a>) -> Result<bool, Refusal> {
        let place = self.places.get(&line.key).map(|place| place - self.taken);
        let Some(event) = place.and_then(|place| self.events.get_mut(place)) else {
            self.places.insert(line.key.clone(), self.taken + self.events.len());
            self.lines += 1;
            self.events.push_back(Open { first: number, last: number, bytes, lines: vec![line] });
            return Ok(true);
        };
        if event.bytes + bytes > EVENT_BYTES_MAX || event.lines.len() == EVENT_LINES_MAX {
            let expected = "the serial of an event of at most 4 MiB and 4,096 lines";
            return Err(Refusal::bad_value("msg", expected));
        }
        event.last = number;
        event.bytes += bytes;
        event.lines.push(line);
        self.lines += 1;
        Ok(false)
    }

    /// The oldest event, if no line is expected for it any more at this line.
    fn next_complete(&mut self, number: u64) -> Option<Open<'a>> {
        let oldest = self.events.front()?;
        let is_full = self.events.len() > HELD_EVENTS_MAX || self.lines > HELD_LINES_MAX;
        if oldest.last.saturating_add(OPEN_LINES_MAX) > number && !is_full {
            return None;
        }
        let event = self.events.pop_front()?;
        self.taken += 1;
        self.lines -= event.lines.len();
        self.places.remove(&event.lines.first()?.key);
        Some(event)
    }
}

/// Parts lines into those of complete events and those of events that may go on.
fn part(body: &[u8]) -> (Vec<u8>, Vec<u8>) {
    /// Lines of one event stand this close, as a rule.
    const NEAR: u64 = 64;
    let lines: Vec<(u64, &[u8])> = lines::split(body).collect();
    let key_of = |line| match line::read(line) {
        Ok(Read::Line(line)) => Some(line.key),
        _ => None,
    };
    let end = lines.last().map_or(0, |(number, _)| *number);
    let near = lines.iter().filter(|(number, _)| number + NEAR > end);
    let open: std::collections::HashSet<Key<'_>> = near.filter_map(|(_, line)| key_of(line)).collect();
    let (mut complete, mut waiting) = (Vec::new(), Vec::new());
    for (_, line) in &lines {
        let is_open = key_of(line).is_some_and(|key| open.contains(&key));
        let part = if is_open { &mut waiting } else { &mut complete };
        part.extend_from_slice(line);
        part.push(b'\n');
    }
    (complete, waiting)
}
