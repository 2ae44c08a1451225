//! Records as log shippers deliver them: of several formats and devices in one body, in envelopes that say a few
//! things beside. What a record is, is told by its own content.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;

use model::{Row, Ticks, tables};
use serde_json::{Map, Value};

use crate::json::{Json, Object, get};
use crate::mapper::report_id;
use crate::shapes::{self, Record};
use crate::sysmon::text;
use crate::values::plain;
use crate::{
    Give, Input, Mapped, Mapper, Refusal, TakeItem, auditd, bulk, hec, lines, ocsf, otlp, syslog_line,
};

/// How records are wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Objects of the HTTP Event Collector, one behind the other.
    HecEvents,
    /// Lines without any envelope.
    HecRaw,
    /// A request of OpenTelemetry, in its binary encoding.
    OtlpProtobuf,
    /// The same as JSON.
    OtlpJson,
}

/// What is said of a record beside it.
#[derive(Clone, Debug, Default)]
pub struct Said<'a> {
    /// The device of a record that names none.
    pub device: Cow<'a, str>,
    /// The time of a record that has none.
    pub time: Option<Ticks>,
    /// What its sender calls its kind. `bartizan:<Table>` is a row of that table; anything else names records that
    /// no format covers.
    pub kind: Cow<'a, str>,
}

/// Why a body cannot be read at all. Events are counted from 0, as the senders do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("the body holds no event")]
    NoData,
    #[error("event {event} is malformed: {reason}")]
    Malformed { event: u64, reason: String },
    #[error("event {event} has no member 'event'")]
    EventMissing { event: u64 },
    #[error("the member 'event' of event {event} is empty")]
    EventBlank { event: u64 },
    #[error("the member 'fields' of event {event} has to be a flat object")]
    BadFields { event: u64 },
}

/// Kinds that senders name with this are tables.
pub(crate) const TABLE_PREFIX: &str = "bartizan:";
/// Members in which collectors put the text that they read, and those in which they put its device.
const MESSAGES: [&str; 5] = ["message", "log", "MESSAGE", "_raw", "body"];
const HOSTS: [&str; 4] = ["host", "hostname", "HOSTNAME", "_HOSTNAME"];
/// Devices whose lines of auditd are kept apart; beyond it all events so far are taken as complete.
const DEVICES_MAX: usize = 1_024;

/// Reads a body to its end, or until `give` breaks off. Each record is given once, with its number from 1, and a
/// text of several lines once for each line. A body at fault may have been given in part.
///
/// Takes memory for up to twice the bytes of the body.
pub fn read_shipped(
    mapper: &mut Mapper,
    protocol: Protocol,
    body: &[u8],
    said: &Said<'_>,
    give: &mut Give<'_>,
) -> Result<(), Fault> {
    let mut reader = Reader::new(mapper, give);
    let flow = match protocol {
        Protocol::HecEvents => hec::read_events(body, said, &mut reader)?,
        Protocol::HecRaw => hec::read_raw(body, said, &mut reader)?,
        Protocol::OtlpProtobuf => otlp::read_protobuf(body, said, &mut reader)?,
        Protocol::OtlpJson => otlp::read_json(body, said, &mut reader)?,
    };
    reader.end(flow);
    Ok(())
}

/// Reads a body of the bulk protocol in the same way. `take` gets each item before `give` gets what it became;
/// items have the numbers of records.
pub fn read_bulk(
    mapper: &mut Mapper,
    body: &[u8],
    said: &Said<'_>,
    take: &mut TakeItem<'_>,
    give: &mut Give<'_>,
) -> Result<(), Fault> {
    let mut reader = Reader::new(mapper, give);
    let flow = bulk::read(body, said, &mut reader, take)?;
    reader.end(flow);
    Ok(())
}

/// Takes records out of their envelopes.
pub(crate) struct Reader<'m, 'g, 'f> {
    mapper: &'m mut Mapper,
    give: &'g mut Give<'f>,
    number: u64,
    /// Lines of auditd by device, since several make one event.
    audit: HashMap<String, Audit>,
}

/// Lines, and the number of the record of each.
#[derive(Default)]
struct Audit {
    body: Vec<u8>,
    numbers: Vec<u64>,
}

/// What content turned out to be.
enum Content {
    Outcome(Result<Mapped, Refusal>),
    /// A line of auditd, which waits for the others of its event.
    Waiting,
}

impl<'m, 'g, 'f> Reader<'m, 'g, 'f> {
    fn new(mapper: &'m mut Mapper, give: &'g mut Give<'f>) -> Reader<'m, 'g, 'f> {
        Reader { mapper, give, number: 0, audit: HashMap::new() }
    }
}

impl Reader<'_, '_, '_> {
    /// Takes the next record.
    pub fn take(&mut self, content: &[u8], said: &Said<'_>) -> ControlFlow<()> {
        self.number += 1;
        let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii();
        let is_one = content.first() == Some(&b'{') || said.kind.starts_with(TABLE_PREFIX);
        if is_one || text::has_event(content) || !content.contains(&b'\n') {
            return self.take_one(content, said);
        }
        lines::split(content).try_for_each(|(_, line)| self.take_one(line, said))
    }

    /// Takes the next record, whose content was read already; `source` are the bytes it was read from.
    pub fn take_json(&mut self, content: Json<'_>, source: &[u8], said: &Said<'_>) -> ControlFlow<()> {
        match content {
            Json::Object(object) => {
                self.number += 1;
                let content = match said.kind.strip_prefix(TABLE_PREFIX) {
                    Some(table) => Content::Outcome(native(table, Json::Object(object).into(), said)),
                    None => self.read_object(object, source, said),
                };
                self.give(content)
            }
            Json::List(_) => {
                self.number += 1;
                (self.give)(self.number, Ok(Mapped::Unmapped { kind: kind(said, "list") }))
            }
            content => self.take(content.into_text().unwrap_or_default().as_bytes(), said),
        }
    }

    /// Takes the next record as one that cannot be read.
    pub fn refuse(&mut self, refusal: Refusal) -> ControlFlow<()> {
        self.number += 1;
        (self.give)(self.number, Err(refusal))
    }

    /// How many records were taken.
    pub fn taken(&self) -> u64 {
        self.number
    }

    /// Reads what was kept back, unless the reading was broken off.
    fn end(&mut self, flow: ControlFlow<()>) {
        if flow.is_continue() {
            let _ = self.finish();
        }
    }

    fn take_one(&mut self, content: &[u8], said: &Said<'_>) -> ControlFlow<()> {
        let content = self.read(content, said, true);
        self.give(content)
    }

    fn give(&mut self, content: Content) -> ControlFlow<()> {
        match content {
            Content::Outcome(outcome) => (self.give)(self.number, outcome),
            Content::Waiting if self.audit.len() > DEVICES_MAX => self.finish(),
            Content::Waiting => ControlFlow::Continue(()),
        }
    }

    fn read(&mut self, content: &[u8], said: &Said<'_>, may_hold_text: bool) -> Content {
        if let Err(refusal) = lines::check_length(content) {
            return Content::Outcome(Err(refusal));
        }
        if let Some(table) = said.kind.strip_prefix(TABLE_PREFIX) {
            let read = serde_json::from_slice(content);
            let read = read.map_err(|error| Refusal::NotJson { reason: error.to_string() });
            return Content::Outcome(read.and_then(|row| native(table, row, said)));
        }
        if content.first() != Some(&b'{') {
            return self.read_text(content, said);
        }
        match Json::parse(content) {
            Ok(Json::Object(object)) if may_hold_text => self.read_object(object, content, said),
            Ok(Json::Object(object)) => Content::Outcome(self.map_object(object, content, said)),
            Ok(_) => Content::Outcome(Err(Refusal::NotAnEvent { missing: "a JSON object" })),
            Err(reason) => Content::Outcome(Err(Refusal::NotJson { reason })),
        }
    }

    /// An event, or an object in which a collector put the text that it read.
    fn read_object(&mut self, object: Object<'_>, source: &[u8], said: &Said<'_>) -> Content {
        let text = |names: &[&str]| {
            names.iter().find_map(|name| match get(&object, name) {
                Some(Json::Text(text)) if !text.trim().is_empty() => Some(text.trim()),
                _ => None,
            })
        };
        let is_event = ocsf::matches(&object) || shapes::recognise(&object).is_some();
        let Some(message) = text(&MESSAGES).filter(|_| !is_event) else {
            return Content::Outcome(self.map_object(object, source, said));
        };
        let device = text(&HOSTS).or_else(|| host_name(&object)).unwrap_or(&said.device).into();
        let kind = match text(&["SYSLOG_IDENTIFIER"]) {
            Some(program) => format!("Syslog/{program}").into(),
            None => Cow::Borrowed(&*said.kind),
        };
        self.read(message.as_bytes(), &Said { device, time: said.time, kind }, false)
    }

    fn map_object(&mut self, object: Object<'_>, source: &[u8], said: &Said<'_>) -> Result<Mapped, Refusal> {
        if ocsf::matches(&object) {
            return ocsf::map(self.mapper, object, source, &said.device, said.time);
        }
        match shapes::recognise(&object) {
            Some(read) => self.map_record(read(object)?, source, said),
            None => Ok(Mapped::Unmapped { kind: kind(said, "JSON") }),
        }
    }

    /// Lines of auditd come first: what a program was started with may look like anything behind it.
    fn read_text(&mut self, line: &[u8], said: &Said<'_>) -> Content {
        if auditd::is_line(line) {
            let audit = self.audit.entry(said.device.to_lowercase()).or_default();
            // A member of an object may hold several.
            for (_, line) in lines::split(line) {
                audit.body.extend_from_slice(line);
                audit.body.push(b'\n');
                audit.numbers.push(self.number);
            }
            return Content::Waiting;
        }
        if text::has_event(line) {
            return Content::Outcome(text::read(line).and_then(|record| self.map_record(record, line, said)));
        }
        let kind = match syslog_line::read(line) {
            Some(header) => format!("Syslog/{}", plain(header.program)),
            None if line.is_empty() => "empty".to_owned(),
            None => kind(said, "text"),
        };
        Content::Outcome(Ok(Mapped::Unmapped { kind }))
    }

    fn map_record(&mut self, record: Record<'_>, source: &[u8], said: &Said<'_>) -> Result<Mapped, Refusal> {
        match record {
            Record::Event(mut event) => {
                if event.host.trim().is_empty() {
                    event.host = said.device.clone().into_owned().into();
                }
                // Behind the others: it decides when there is no other.
                event.other_times.extend(said.time.map(|time| ("time", time.to_string().into())));
                self.mapper.map_event(&event, source)
            }
            Record::DeviceRow(object) => {
                let mapped = shapes::map_device_row(object, report_id(None, source))?;
                Ok(match mapped {
                    Mapped::Row(row) => Mapped::Row(Box::new(with_device(*row, said))),
                    other => other,
                })
            }
            Record::Audit { line, device } => {
                let device = if device.trim().is_empty() { &*said.device } else { &*device };
                auditd::map_line(self.mapper, line.as_bytes(), device)
            }
            Record::Other { kind } => Ok(Mapped::Unmapped { kind }),
        }
    }

    /// Reads the lines of auditd that were gathered, device by device in the order of their records.
    fn finish(&mut self) -> ControlFlow<()> {
        let mut gathered: Vec<_> = self.audit.drain().collect();
        gathered.sort_unstable_by_key(|(_, audit)| audit.numbers.first().copied());
        for (device, Audit { body, numbers }) in gathered {
            let input = Input { body: &body, device: &device };
            let give = &mut self.give;
            let mut numbered = |line: u64, outcome| {
                let at = usize::try_from(line - 1).unwrap_or(usize::MAX);
                give(numbers.get(at).copied().unwrap_or_default(), outcome)
            };
            (auditd::FORMAT.read)(self.mapper, &input, &mut numbered)?;
        }
        ControlFlow::Continue(())
    }
}

/// The device of an object that says more of its host than a name.
fn host_name<'o>(object: &'o Object<'_>) -> Option<&'o str> {
    let Some(Json::Object(host)) = get(object, "host") else { return None };
    ["name", "hostname"].iter().find_map(|name| match get(host, name) {
        Some(Json::Text(text)) if !text.trim().is_empty() => Some(text.trim()),
        _ => None,
    })
}

/// A row of a table as its JSON object, completed by what is said of it.
fn native(name: &str, row: Value, said: &Said<'_>) -> Result<Mapped, Refusal> {
    let table = tables::TABLES.iter().copied().find(|table| table.name.eq_ignore_ascii_case(name.trim()));
    let table = table.ok_or_else(|| {
        let expected = format!("the name of a table behind '{TABLE_PREFIX}', not '{}'", plain(name));
        Refusal::BadValue { field: "sourcetype".into(), expected: expected.into() }
    })?;
    let Value::Object(mut members) = row else {
        return Err(Refusal::NotAnEvent { missing: "a JSON object with one member for each column" });
    };
    let is_missing = |members: &Map<String, Value>, name: &str| members.get(name).is_none_or(Value::is_null);
    if let Some(at) = table.time_column()
        && is_missing(&members, table.columns[at].name)
        && let Some(time) = said.time
    {
        members.insert(table.columns[at].name.to_owned(), time.to_string().into());
    }
    Ok(Mapped::Row(Box::new(with_device(Row::from_json(table, members)?, said))))
}

/// The row, of the device that is said where it says none.
fn with_device(mut row: Row, said: &Said<'_>) -> Row {
    let is_named = !row.text("DeviceName").trim().is_empty() || !row.text("DeviceId").trim().is_empty();
    if !is_named && let Some(at) = row.table.position("DeviceName") {
        row.cells[at] = Some(said.device.to_lowercase()).filter(|name| !name.is_empty()).into();
    }
    row
}

/// What to call a record that no format covers.
fn kind(said: &Said<'_>, otherwise: &str) -> String {
    let kind = plain(&said.kind);
    if kind.is_empty() { otherwise.to_owned() } else { kind.into_owned() }
}
