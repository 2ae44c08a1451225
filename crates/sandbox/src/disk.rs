//! What a device remembers of its own events: files, processes, connections, and what is forbidden on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use model::{Cell, Row};
use sensor_proto::{Isolation, Restriction};

const FILES_MAX: usize = 500;
const BLOCKED_MAX: usize = 500;
const QUARANTINED_MAX: usize = 200;
/// Files that a live response stored, and bytes of each.
const STORED_MAX: usize = 16;

/// A file that events told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileSeen {
    pub sha1: String,
    pub sha256: String,
    pub size: i64,
    /// The name of the attack that brought it.
    pub threat: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Memory {
    /// Whether the device is on the device channel, and so has to remember.
    pub is_on: bool,
    /// Whether it was offboarded, and says nothing any more.
    pub is_gone: bool,
    pub rows: VecDeque<Row>,
    rows_max: usize,
    pub files: BTreeMap<String, FileSeen>,
    order: VecDeque<String>,
    pub isolation: Isolation,
    pub restriction: Restriction,
    /// Digests (SHA-1) of files that were put away.
    pub quarantined: BTreeSet<String>,
    /// Processes that were stopped or never started.
    blocked: BTreeSet<String>,
    pub stored: VecDeque<(String, Vec<u8>)>,
}

/// What becomes of an event.
#[derive(Debug, PartialEq)]
pub(crate) enum Fate {
    Happens,
    /// It does not happen.
    Prevented,
    /// A program does not start, which is an event of its own.
    Blocked,
}

impl Memory {
    pub fn new(rows_max: usize) -> Memory {
        Memory {
            is_on: false,
            is_gone: false,
            rows: VecDeque::new(),
            rows_max,
            files: BTreeMap::new(),
            order: VecDeque::new(),
            isolation: Isolation::None,
            restriction: Restriction::Off,
            quarantined: BTreeSet::new(),
            blocked: BTreeSet::new(),
            stored: VecDeque::new(),
        }
    }

    /// What becomes of an event on a device in this state.
    pub fn fate(&mut self, row: &Row) -> Fate {
        if self.is_gone {
            return Fate::Prevented;
        }
        let table = row.table.name;
        let of_process = text(row, "InitiatingProcessUniqueId").unwrap_or_default();
        let is_start = table == "DeviceProcessEvents";
        let own = if is_start { text(row, "ProcessUniqueId").unwrap_or_default() } else { "" };
        if !of_process.is_empty() && self.blocked.contains(of_process) {
            self.block(own);
            return Fate::Prevented;
        }
        let is_away = |column| text(row, column).is_some_and(|sha1| self.quarantined.contains(sha1));
        if is_away("InitiatingProcessSHA1")
            || (is_start || table == "DeviceImageLoadEvents") && is_away("SHA1")
        {
            self.block(own);
            return Fate::Prevented;
        }
        let is_network = table == "DeviceNetworkEvents"
            || text(row, "ActionType") == Some("DnsQueryResponse")
            || table == "DeviceLogonEvents" && text(row, "RemoteIP").is_some_and(|ip| !ip.is_empty());
        if is_network && self.is_cut_off(row) {
            return Fate::Prevented;
        }
        if is_start && self.restriction == Restriction::On && is_untrusted(row) {
            self.block(own);
            return Fate::Blocked;
        }
        Fate::Happens
    }

    pub fn remember(&mut self, row: &Row, threat: Option<&str>) {
        if !self.is_on {
            return;
        }
        if self.rows.len() >= self.rows_max {
            self.rows.pop_front();
        }
        self.rows.push_back(row.clone());
        let is_file = row.table.name == "DeviceFileEvents" || row.table.name == "DeviceProcessEvents";
        let (Some(path), Some(sha1)) = (text(row, "FolderPath"), text(row, "SHA1")) else { return };
        if !is_file || path.is_empty() {
            return;
        }
        if text(row, "ActionType") == Some("FileDeleted") {
            self.files.remove(path);
            return;
        }
        // Of an attack's doing, its own files are malicious and the system's programs are not.
        let threat = threat.filter(|_| row.table.name == "DeviceFileEvents" || is_untrusted(row));
        let known = self.files.get(path).and_then(|file| file.threat.clone());
        let seen = FileSeen {
            sha1: sha1.to_owned(),
            sha256: text(row, "SHA256").unwrap_or_default().to_owned(),
            size: number(row, "FileSize").unwrap_or_default(),
            threat: threat.map(str::to_owned).or(known),
        };
        if self.files.insert(path.to_owned(), seen).is_none() {
            self.order.push_back(path.to_owned());
            if self.order.len() > FILES_MAX
                && let Some(oldest) = self.order.pop_front()
            {
                self.files.remove(&oldest);
            }
        }
    }

    /// Puts the files of a digest away. Answers with their paths.
    pub fn quarantine(&mut self, sha1: &str) -> Vec<String> {
        let paths = self.files.iter().filter(|(_, file)| file.sha1 == sha1).map(|(path, _)| path.clone());
        let paths: Vec<String> = paths.collect();
        for path in &paths {
            self.files.remove(path);
        }
        if !paths.is_empty() && self.quarantined.len() < QUARANTINED_MAX {
            self.quarantined.insert(sha1.to_owned());
        }
        paths
    }

    /// Keeps a file that a live response stored; the oldest makes room.
    pub fn store(&mut self, path: String, content: Vec<u8>) {
        self.stored.retain(|(known, _)| *known != path);
        if self.stored.len() >= STORED_MAX {
            self.stored.pop_front();
        }
        self.stored.push_back((path, content));
    }

    /// Selective isolation leaves programs for mail and meetings their connections.
    fn is_cut_off(&self, row: &Row) -> bool {
        const LEFT: &[&str] = &["outlook.exe", "ms-teams.exe", "teams.exe", "zoom.exe"];
        let program = text(row, "InitiatingProcessFileName").unwrap_or_default().to_lowercase();
        match self.isolation {
            Isolation::None => false,
            Isolation::Full => true,
            Isolation::Selective => !LEFT.contains(&program.as_str()),
        }
    }

    fn block(&mut self, unique_id: &str) {
        if !unique_id.is_empty() && self.blocked.len() < BLOCKED_MAX {
            self.blocked.insert(unique_id.to_owned());
        }
    }
}

/// Whether a program is of no known maker, or lies where users put things.
fn is_untrusted(row: &Row) -> bool {
    let path = text(row, "FolderPath").unwrap_or_default().to_lowercase();
    let of_nobody =
        path.contains('\\') && text(row, "ProcessVersionInfoCompanyName").is_none_or(str::is_empty);
    let places = ["/tmp/", "/dev/shm/", "/home/", "/var/tmp/", "\\users\\"];
    of_nobody || places.iter().any(|place| path.contains(place))
}

pub(crate) fn text<'a>(row: &'a Row, column: &str) -> Option<&'a str> {
    row.table.position(column)?;
    match row.get(column) {
        Cell::Text(text) => Some(text.as_str()),
        _ => None,
    }
}

pub(crate) fn number(row: &Row, column: &str) -> Option<i64> {
    row.table.position(column)?;
    match row.get(column) {
        Cell::Long(number) => Some(*number),
        _ => None,
    }
}
