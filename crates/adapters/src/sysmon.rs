//! Events of Sysmon, the Windows logs and Sysmon for Linux as collectors export them, one a line: a JSON
//! object in one of several [`shapes`], the XML of an event, or a line of syslog with that XML.

use memchr::memmem;

use crate::format::{Format, Framing};
use crate::json::Json;
use crate::mapper::report_id;
use crate::shapes::{self, Record};
use crate::{Mapped, Mapper, Refusal, auditd, lines};

pub(crate) mod text;

pub(crate) static FORMAT: Format = Format {
    name: "sysmon",
    route: "/api/ingest/sysmon",
    summary: "Takes Sysmon and Windows events as collectors export them, one JSON object or XML event a line.",
    framing: Framing::Lines,
    is_likely,
    count: lines::count,
    read: |mapper, input, give| lines::read(input.body, |line| mapper.map(line), give),
};

/// Whether it begins with JSON that has a member of events, or has XML of an event soon: lines of other programs
/// may come before it.
fn is_likely(head: &[u8]) -> bool {
    let first = lines::split(head).next().and_then(|(_, line)| line.first());
    if matches!(first, Some(b'{' | b'[')) {
        return KEYS.iter().any(|key| memmem::find(head, key).is_some());
    }
    lines::split(head).take(64).any(|(_, line)| text::has_event(line))
}

/// What the shapes of events have in common, one of these each.
const KEYS: [&[u8]; 6] = [
    b"\"EventID\"",
    b"\"event_id\"",
    b"\"winlog\"",
    b"\"SyslogMessage\"",
    b"\"ActionType\"",
    b"\"AdvancedHunting-",
];

impl Mapper {
    /// Reads one line. Reading the same line again gives the same `ReportId`.
    pub fn map(&mut self, line: &[u8]) -> Result<Mapped, Refusal> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        lines::check_length(line)?;
        match read(line)? {
            Record::Event(event) => self.map_event(&event, line),
            Record::DeviceRow(object) => shapes::map_device_row(object, report_id(None, line)),
            Record::Audit { line, device } => auditd::map_line(self, line.as_bytes(), &device),
            Record::Other { kind } => Ok(Mapped::Unmapped { kind }),
        }
    }
}

fn read(line: &[u8]) -> Result<Record<'_>, Refusal> {
    if !matches!(line.first(), Some(b'{' | b'[')) && text::is_text(line) {
        return text::read(line);
    }
    match Json::parse(line).map_err(|reason| Refusal::NotJson { reason })? {
        Json::Object(object) => shapes::read(object),
        _ => Err(Refusal::NotAnEvent { missing: "a JSON object" }),
    }
}
