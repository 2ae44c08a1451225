//! What is known of the processes of each device, to complete rows that name one by id only.
//!
//! Bounded by devices, processes a device, processes in all and bytes; the oldest go first.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use model::Ticks;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub devices_max: usize,
    pub processes_per_device_max: usize,
    pub processes_max: usize,
    pub bytes_max: usize,
}

pub(crate) const BOUNDS: Bounds = Bounds {
    devices_max: 10_000,
    processes_per_device_max: 20_000,
    processes_max: 200_000,
    bytes_max: 256 << 20,
};

/// Which log told of a process start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Recorder {
    #[default]
    Sysmon,
    SecurityAudit,
    Auditd,
    Ocsf,
}

/// A process as its start described it, by the names of the columns that take it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    pub guid: Option<Guid>,
    pub id: i64,
    pub started: Ticks,
    pub recorder: Recorder,
    pub parent_id: Option<i64>,
    pub parent_name: Option<Box<str>>,
    pub parent_started: Option<Ticks>,
    pub logon_id: Option<i64>,
    pub session_id: Option<i64>,
    /// Texts in the order of [`crate::draft::PROCESS_TEXTS`].
    pub texts: [Option<Box<str>>; crate::draft::PROCESS_TEXTS.len()],
}

/// A `ProcessGuid`: its 128 bits, whatever its case and braces.
pub(crate) type Guid = u128;

pub(crate) fn parse_guid(text: &str) -> Option<Guid> {
    let mut digits = 0;
    let mut guid = 0;
    for byte in text.bytes().filter(|byte| !matches!(byte, b'{' | b'}' | b'-')) {
        guid = guid << 4 | u128::from(char::from(byte).to_digit(16)?);
        digits += 1;
        if digits > 32 {
            return None;
        }
    }
    (digits == 32 && guid != 0).then_some(guid)
}

#[derive(Debug)]
pub(crate) struct ProcessCache {
    bounds: Bounds,
    devices: HashMap<Arc<str>, Device>,
    /// Every process, oldest first, and its device.
    order: BTreeMap<u64, Arc<str>>,
    bytes: usize,
    next_serial: u64,
}

#[derive(Debug, Default)]
struct Device {
    processes: BTreeMap<u64, Process>,
    by_guid: HashMap<Guid, u64>,
    /// The latest start of each process id that has not ended.
    by_id: HashMap<i64, u64>,
}

impl Process {
    fn bytes(&self) -> usize {
        size_of::<Process>()
            + self.texts.iter().chain([&self.parent_name]).flatten().map(|text| text.len()).sum::<usize>()
    }
}

impl ProcessCache {
    pub fn new(bounds: Bounds) -> ProcessCache {
        ProcessCache { bounds, devices: HashMap::new(), order: BTreeMap::new(), bytes: 0, next_serial: 0 }
    }

    pub fn by_guid(&self, device: &str, guid: Guid) -> Option<&Process> {
        let device = self.devices.get(device)?;
        device.processes.get(device.by_guid.get(&guid)?)
    }

    /// The process that had this id at that time, as far as starts and ends were seen.
    pub fn by_id(&self, device: &str, id: i64, at: Ticks) -> Option<&Process> {
        let device = self.devices.get(device)?;
        device.processes.get(device.by_id.get(&id)?).filter(|process| process.started <= at)
    }

    /// The latest start of this id, for finding the same start in two logs, whichever came first.
    pub fn latest(&self, device: &str, id: i64) -> Option<&Process> {
        let device = self.devices.get(device)?;
        device.processes.get(device.by_id.get(&id)?)
    }

    pub fn insert(&mut self, device: &str, process: Process) {
        if process.bytes() > self.bounds.bytes_max / 16 {
            return;
        }
        let name = match self.devices.get_key_value(device) {
            Some((name, _)) => Arc::clone(name),
            None => self.add_device(device),
        };
        let serial = self.next_serial;
        self.next_serial += 1;
        self.bytes += process.bytes();
        let mut replaced = Vec::new();
        if let Some(known) = self.devices.get_mut(&name) {
            if let Some(guid) = process.guid {
                replaced.extend(known.by_guid.insert(guid, serial));
            }
            if let Some(old) = known.by_id.insert(process.id, serial)
                && known.processes.get(&old).is_some_and(|process| process.guid.is_none())
            {
                // Nothing else leads to a process without a GUID.
                replaced.push(old);
            }
            known.processes.insert(serial, process);
            if known.processes.len() > self.bounds.processes_per_device_max {
                replaced.extend(known.processes.first_key_value().map(|(serial, _)| *serial));
            }
        }
        self.order.insert(serial, name);
        for serial in replaced {
            self.remove(serial);
        }
        while self.order.len() > self.bounds.processes_max || self.bytes > self.bounds.bytes_max {
            let Some((oldest, _)) = self.order.first_key_value() else { break };
            self.remove(*oldest);
        }
    }

    /// Forgets the id of a process that ended: the system may give it to another one.
    pub fn end(&mut self, device: &str, id: i64, at: Ticks) {
        let Some(device) = self.devices.get_mut(device) else { return };
        if let Some(serial) = device.by_id.get(&id)
            && device.processes.get(serial).is_some_and(|process| process.started <= at)
        {
            device.by_id.remove(&id);
        }
    }

    fn add_device(&mut self, name: &str) -> Arc<str> {
        if self.devices.len() >= self.bounds.devices_max {
            // The device of the oldest process goes, or any that has none left.
            let oldest = self.order.first_key_value().map(|(_, name)| Arc::clone(name));
            if let Some(oldest) = oldest.or_else(|| self.devices.keys().next().cloned())
                && let Some(device) = self.devices.remove(&oldest)
            {
                for (serial, process) in device.processes {
                    self.order.remove(&serial);
                    self.bytes -= process.bytes();
                }
            }
        }
        let name: Arc<str> = name.into();
        self.devices.insert(Arc::clone(&name), Device::default());
        name
    }

    fn remove(&mut self, serial: u64) {
        let Some(name) = self.order.remove(&serial) else { return };
        let Some(device) = self.devices.get_mut(&name) else { return };
        let Some(process) = device.processes.remove(&serial) else { return };
        self.bytes -= process.bytes();
        if let Some(guid) = process.guid
            && device.by_guid.get(&guid) == Some(&serial)
        {
            device.by_guid.remove(&guid);
        }
        if device.by_id.get(&process.id) == Some(&serial) {
            device.by_id.remove(&process.id);
        }
        if device.processes.is_empty() {
            self.devices.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Bounds =
        Bounds { devices_max: 2, processes_per_device_max: 3, processes_max: 4, bytes_max: 1 << 20 };

    fn process(guid: u128, id: i64, started: i64) -> Process {
        let guid = Some(guid).filter(|guid| *guid != 0);
        Process { guid, id, started: Ticks(started), ..Process::default() }
    }

    #[test]
    fn an_id_means_the_latest_start_until_it_ends() {
        let mut cache = ProcessCache::new(SMALL);
        cache.insert("a", process(1, 7, 10));
        cache.insert("a", process(2, 7, 20));
        assert_eq!(cache.by_id("a", 7, Ticks(15)).map(|p| p.guid), None);
        assert_eq!(cache.by_id("a", 7, Ticks(25)).and_then(|p| p.guid), Some(2));
        assert!(cache.by_guid("a", 1).is_some());
        cache.end("a", 7, Ticks(30));
        assert!(cache.by_id("a", 7, Ticks(40)).is_none());
        assert!(cache.by_guid("a", 2).is_some());
        assert!(cache.by_guid("b", 2).is_none());
    }

    #[test]
    fn the_oldest_go_first_and_nothing_is_left_behind() {
        let mut cache = ProcessCache::new(SMALL);
        for round in 0..100u32 {
            let device = ["a", "b", "c"][round as usize % 3];
            cache.insert(device, process(u128::from(round % 7), i64::from(round % 5), round.into()));
            assert!(cache.devices.len() <= 2 && cache.order.len() <= 4);
            let live: usize = cache.devices.values().map(|device| device.processes.len()).sum();
            assert_eq!(live, cache.order.len());
            let bytes: usize =
                cache.devices.values().flat_map(|device| device.processes.values()).map(Process::bytes).sum();
            assert_eq!(bytes, cache.bytes);
            for device in cache.devices.values() {
                assert!(
                    device
                        .by_guid
                        .values()
                        .chain(device.by_id.values())
                        .all(|s| device.processes.contains_key(s))
                );
                assert!(device.processes.len() <= 3);
            }
        }
        cache.insert("z", process(99, 1, 1000));
        assert!(cache.by_guid("z", 99).is_some());
    }

    #[test]
    fn guids_are_read_in_any_case() {
        assert_eq!(
            parse_guid("{905CC552-2045-5CC5-0000-00105B2A0100}"),
            parse_guid("905cc552-2045-5cc5-0000-00105b2a0100")
        );
        for text in
            ["", "-", "{00000000-0000-0000-0000-000000000000}", "{905CC552-2045-5CC5-0000-00105B2A01000}"]
        {
            assert_eq!(parse_guid(text), None, "{text}");
        }
    }
}
