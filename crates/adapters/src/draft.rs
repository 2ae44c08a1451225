//! A row in the making: columns filled from fields, and AdditionalFields with whatever no column holds.

use std::borrow::Cow;

use model::{Cell, Row, Table, Ticks};

use crate::cache::{Process, ProcessCache, Recorder, parse_guid};
use crate::event::Event;
use crate::json::{Json, write_member};
use crate::values::{self, present};

/// How one field fills one column. A field whose exact text ends up in the first column it goes to is not
/// repeated in AdditionalFields.
#[derive(Debug)]
pub(crate) struct Move {
    pub field: &'static str,
    pub column: &'static str,
    read: fn(&str) -> Cell,
}

pub(crate) const fn with(field: &'static str, column: &'static str, read: fn(&str) -> Cell) -> Move {
    Move { field, column, read }
}

/// Text as it is; "none" stays out of the column.
pub(crate) const fn text(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| present(text).map(|_| text).into())
}

pub(crate) const fn number(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| values::number(text).into())
}

/// An id of a process or a logon where 0 says "none".
pub(crate) const fn id(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| values::number(text).filter(|id| *id != 0).into())
}

/// The last component of a path.
pub(crate) const fn file_name(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| present(text).map(values::file_name).into())
}

/// The path of an initiating process, which the tables hold in lower case.
pub(crate) const fn lower(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| present(text).map(str::to_lowercase).into())
}

/// The domain of `DOMAIN\name`.
pub(crate) const fn domain(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| {
        present(text).and_then(|text| values::account(text).0).map(str::to_lowercase).into()
    })
}

/// The name of `DOMAIN\name`.
pub(crate) const fn name(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| present(text).map(|text| values::account(text).1.to_lowercase()).into())
}

pub(crate) const fn ip(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| values::ip(text).map(|ip| ip.to_string()).into())
}

/// A port; 0 is none.
pub(crate) const fn port(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| values::number(text).filter(|port| (1..=65_535).contains(port)).into())
}

pub(crate) const fn md5(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| values::hash(text, "MD5", 32).into())
}

pub(crate) const fn sha1(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| values::hash(text, "SHA1", 40).into())
}

pub(crate) const fn sha256(field: &'static str, column: &'static str) -> Move {
    with(field, column, |text| values::hash(text, "SHA256", 64).into())
}

/// The process that did something, in Sysmon events.
pub(crate) static ACTOR: &[Move] = &[
    lower("Image", "InitiatingProcessFolderPath"),
    file_name("Image", "InitiatingProcessFileName"),
    number("ProcessId", "InitiatingProcessId"),
    domain("User", "InitiatingProcessAccountDomain"),
    name("User", "InitiatingProcessAccountName"),
];

/// The file something was done to, in Sysmon events.
pub(crate) static TARGET_FILE: &[Move] =
    &[text("TargetFilename", "FolderPath"), file_name("TargetFilename", "FileName")];

pub(crate) static HASHES: &[Move] =
    &[md5("Hashes", "MD5"), sha1("Hashes", "SHA1"), sha256("Hashes", "SHA256")];

/// Who asked for it, in Security events.
pub(crate) static SUBJECT: &[Move] = &[
    lower("SubjectDomainName", "InitiatingProcessAccountDomain"),
    lower("SubjectUserName", "InitiatingProcessAccountName"),
    text("SubjectUserSid", "InitiatingProcessAccountSid"),
    id("SubjectLogonId", "InitiatingProcessLogonId"),
];

/// The process that asked for it, in Security events.
pub(crate) static CALLER: &[Move] = &[
    lower("ProcessName", "InitiatingProcessFolderPath"),
    file_name("ProcessName", "InitiatingProcessFileName"),
    id("ProcessId", "InitiatingProcessId"),
];

/// Texts of a process in the cache: the column of a created process they come from, and the column of an
/// initiating process they go to.
pub(crate) const PROCESS_TEXTS: [(&str, &str); 16] = [
    ("FolderPath", "InitiatingProcessFolderPath"),
    ("FileName", "InitiatingProcessFileName"),
    ("ProcessCommandLine", "InitiatingProcessCommandLine"),
    ("MD5", "InitiatingProcessMD5"),
    ("SHA1", "InitiatingProcessSHA1"),
    ("SHA256", "InitiatingProcessSHA256"),
    ("ProcessIntegrityLevel", "InitiatingProcessIntegrityLevel"),
    ("ProcessTokenElevation", "InitiatingProcessTokenElevation"),
    ("AccountDomain", "InitiatingProcessAccountDomain"),
    ("AccountName", "InitiatingProcessAccountName"),
    ("AccountSid", "InitiatingProcessAccountSid"),
    ("ProcessVersionInfoCompanyName", "InitiatingProcessVersionInfoCompanyName"),
    ("ProcessVersionInfoProductName", "InitiatingProcessVersionInfoProductName"),
    ("ProcessVersionInfoProductVersion", "InitiatingProcessVersionInfoProductVersion"),
    ("ProcessVersionInfoOriginalFileName", "InitiatingProcessVersionInfoOriginalFileName"),
    ("ProcessVersionInfoFileDescription", "InitiatingProcessVersionInfoFileDescription"),
];

/// What a start says that the other log's record of the same start may lack.
const SHARED_BY_RECORDERS: [&str; 4] =
    ["AccountSid", "ProcessTokenElevation", "ProcessIntegrityLevel", "ProcessCommandLine"];

/// The parent's file name in the cache is a column of its own on later rows.
const PARENT_FILE_NAME: &str = "InitiatingProcessParentFileName";

/// Two records of one start differ by no more than this.
const SAME_START_TICKS: i64 = 2 * model::time::TICKS_PER_SECOND;

#[derive(Debug)]
pub(crate) struct Draft<'e, 'a> {
    pub event: &'e Event<'a>,
    pub time: Ticks,
    /// The device, in lower case.
    pub device: &'e str,
    row: Row,
    /// For each field of the event, the position of the first column it goes to.
    homes: Vec<Option<usize>>,
    notes: Vec<(&'static str, Json<'static>)>,
}

impl<'e, 'a> Draft<'e, 'a> {
    pub fn new(table: &'static Table, event: &'e Event<'a>, time: Ticks, device: &'e str) -> Draft<'e, 'a> {
        let mut row = Row::new(table);
        row.set("Timestamp", time);
        row.set("DeviceName", device);
        Draft { event, time, device, row, homes: vec![None; event.fields.len()], notes: Vec::new() }
    }

    /// A field's text, unless it says "none".
    pub fn value(&self, field: &str) -> Option<&'e str> {
        self.event.get(field).and_then(present)
    }

    pub fn fill(&mut self, moves: &[Move]) {
        for Move { field, column, read } in moves {
            let Some(at) = self.event.fields.iter().position(|(name, _)| name == field) else { continue };
            let (_, Json::Text(text)) = &self.event.fields[at] else { continue };
            let Some(position) = self.position(column) else { continue };
            self.homes[at].get_or_insert(position);
            match read(text) {
                Cell::Null => {}
                cell => self.row.cells[position] = cell,
            }
        }
    }

    /// The position of a column; only the `InitiatingProcess` ones may be absent from a table.
    fn position(&self, column: &str) -> Option<usize> {
        let position = self.row.table.position(column);
        debug_assert!(
            position.is_some() || column.starts_with("InitiatingProcess"),
            "{column} is not a column of {}",
            self.row.table.name
        );
        position
    }

    /// Sets a column; a null leaves what it holds.
    pub fn set(&mut self, column: &str, cell: impl Into<Cell>) {
        let cell = cell.into();
        if let Some(position) = self.position(column)
            && cell != Cell::Null
        {
            self.row.cells[position] = cell;
        }
    }

    /// Sets a column that holds nothing yet.
    pub fn set_if_empty(&mut self, column: &str, cell: impl Into<Cell>) {
        if let Some(position) = self.position(column)
            && self.row.cells[position] == Cell::Null
        {
            self.row.cells[position] = cell.into();
        }
    }

    /// Whether a column holds something.
    pub fn has(&self, column: &str) -> bool {
        *self.row.get(column) != Cell::Null
    }

    pub fn clear(&mut self, column: &str) {
        if let Some(position) = self.position(column) {
            self.row.cells[position] = Cell::Null;
        }
    }

    pub fn action(&mut self, action: &str) {
        self.row.set("ActionType", action);
    }

    /// Adds to AdditionalFields; it stands in for a field of the same name.
    pub fn note(&mut self, key: &'static str, value: Json<'static>) {
        self.notes.push((key, value));
    }

    pub fn note_text(&mut self, key: &'static str, value: Option<impl Into<String>>) {
        if let Some(value) = value {
            self.note(key, Json::text(value));
        }
    }

    fn number(&self, column: &str) -> Option<i64> {
        match self.row.get(column) {
            Cell::Long(number) => Some(*number),
            _ => None,
        }
    }

    /// Completes the initiating process from the cache, found by GUID or else by id.
    pub fn complete_initiating(&mut self, guid_fields: &[&str], cache: &ProcessCache) {
        let guid = guid_fields.iter().find_map(|field| parse_guid(self.event.get(field)?));
        let by_guid = guid.and_then(|guid| cache.by_guid(self.device, guid));
        let known = by_guid.or_else(|| {
            let id = self.number("InitiatingProcessId").filter(|id| *id != 0)?;
            let process = cache.by_id(self.device, id, self.time)?;
            let is_other = guid.is_some() && process.guid.is_some();
            let named = self.row.text("InitiatingProcessFileName");
            let file = process.text("FileName").unwrap_or_default();
            let has_other_name = !named.is_empty() && !file.is_empty() && !named.eq_ignore_ascii_case(file);
            (!is_other && !has_other_name).then_some(process)
        });
        let Some(process) = known else { return };
        self.set_if_empty("InitiatingProcessId", process.id);
        for ((_, column), text) in PROCESS_TEXTS.iter().zip(&process.texts) {
            if let Some(text) = text.as_deref() {
                let text = if *column == "InitiatingProcessFolderPath" {
                    text.to_lowercase()
                } else {
                    text.to_owned()
                };
                self.set_if_empty(column, text);
            }
        }
        self.set_if_empty("InitiatingProcessCreationTime", process.started);
        self.set_if_empty("InitiatingProcessParentId", process.parent_id);
        self.set_if_empty(PARENT_FILE_NAME, process.parent_name.as_deref());
        self.set_if_empty("InitiatingProcessParentCreationTime", process.parent_started);
        self.set_if_empty("InitiatingProcessLogonId", process.logon_id);
        self.set_if_empty("InitiatingProcessSessionId", process.session_id);
    }

    /// Command line and start of the process an event was about, from the cache.
    pub fn complete_target(&mut self, guid_fields: &[&str], cache: &ProcessCache) {
        let guid = guid_fields.iter().find_map(|field| parse_guid(self.event.get(field)?));
        if let Some(process) = guid.and_then(|guid| cache.by_guid(self.device, guid)) {
            self.set_if_empty("ProcessCommandLine", process.text("ProcessCommandLine"));
            self.set_if_empty("ProcessCreationTime", process.started);
        }
    }

    /// Notes the process that this row says was created, and whether another log told of it before.
    pub fn remember_process(&mut self, guid_field: &str, recorder: Recorder, cache: &mut ProcessCache) {
        let Some(id) = self.number("ProcessId") else { return };
        let twin = cache.latest(self.device, id).filter(|twin| {
            twin.recorder != recorder && (twin.started.0 - self.time.0).abs() <= SAME_START_TICKS
        });
        if let Some(twin) = twin {
            let (provider, guid) = (twin.recorder.provider(), twin.guid);
            for column in SHARED_BY_RECORDERS {
                self.set_if_empty(column, twin.text(column));
            }
            self.set_if_empty("LogonId", twin.logon_id);
            self.note("AlsoRecordedBy", Json::text(provider));
            if guid.is_some() {
                // Sysmon's record says more; it only lacks what is filled in here.
                let mut merged = twin.clone();
                for ((column, _), held) in PROCESS_TEXTS.iter().zip(&mut merged.texts) {
                    if held.is_none() && SHARED_BY_RECORDERS.contains(column) {
                        *held = text_of(&self.row, column);
                    }
                }
                cache.insert(self.device, merged);
                return;
            }
        }
        let time = |column: &str| match self.row.get(column) {
            Cell::Time(time) => Some(*time),
            _ => None,
        };
        let process = Process {
            guid: self.event.get(guid_field).and_then(parse_guid),
            id,
            started: self.time,
            recorder,
            parent_id: self.number("InitiatingProcessId"),
            parent_name: text_of(&self.row, "InitiatingProcessFileName"),
            parent_started: time("InitiatingProcessCreationTime"),
            logon_id: self.number("LogonId"),
            session_id: self.number("CreatedProcessSessionId"),
            texts: PROCESS_TEXTS.map(|(column, _)| text_of(&self.row, column)),
        };
        cache.insert(self.device, process);
    }

    /// The finished row.
    pub fn finish(mut self, report_id: i64) -> Row {
        self.row.set("ReportId", report_id);
        if let Some(at) = self.row.table.position("AdditionalFields") {
            self.row.cells[at] = Cell::Text(self.additional_fields());
        }
        self.row
    }

    fn additional_fields(&self) -> String {
        let mut out = Vec::with_capacity(1024);
        out.push(b'{');
        let event = self.event;
        let borrowed = |text: &'e str| Json::Text(Cow::Borrowed(text));
        if !event.provider.is_empty() {
            write_member(&mut out, "SourceProvider", &borrowed(&event.provider));
        }
        if event.event_id >= 0 {
            write_member(&mut out, "SourceEventId", &Json::Int(event.event_id));
        }
        if let Some(record_id) = event.record_id {
            write_member(&mut out, "SourceRecordId", &Json::Int(record_id));
        }
        if !event.channel.is_empty() {
            write_member(&mut out, "SourceChannel", &borrowed(&event.channel));
        }
        for (key, value) in &self.notes {
            write_member(&mut out, key, value);
        }
        for ((name, value), home) in event.fields.iter().zip(&self.homes) {
            let is_in_column = home.is_some_and(|at| is_same(&self.row.cells[at], value));
            let is_noted = self.notes.iter().any(|(key, _)| *key == &**name);
            // The time is the row's own; it is written another way, but it is the same.
            if !is_in_column && !is_noted && name != "UtcTime" {
                write_member(&mut out, name, value);
            }
        }
        out.push(b'}');
        String::from_utf8(out).unwrap_or_default()
    }
}

impl Process {
    /// A text by the column of a created process.
    fn text(&self, column: &str) -> Option<&str> {
        let at = PROCESS_TEXTS.iter().position(|(known, _)| *known == column)?;
        self.texts[at].as_deref()
    }
}

impl Recorder {
    fn provider(self) -> &'static str {
        match self {
            Recorder::Sysmon => "Microsoft-Windows-Sysmon",
            Recorder::SecurityAudit => "Microsoft-Windows-Security-Auditing",
            Recorder::Auditd => "auditd",
            Recorder::Ocsf => "OCSF",
        }
    }
}

fn text_of(row: &Row, column: &str) -> Option<Box<str>> {
    Some(row.text(column)).filter(|text| !text.is_empty()).map(Into::into)
}

/// Whether a column holds the exact text of a field.
fn is_same(cell: &Cell, value: &Json<'_>) -> bool {
    match (cell, value) {
        (Cell::Text(held), Json::Text(text)) => held == text,
        (Cell::Long(held), Json::Text(text)) => text.len() <= 20 && held.to_string() == **text,
        _ => false,
    }
}
