//! Which device a name means.
//!
//! Imported events name their device, some by its full name and some by its first label alone; both have to
//! mean one device. What was decided once stays: names are stored before rows that lean on them.
//!
//! The memory of names is the truth for this process; a second process that takes events in for the same
//! tenant would need to share it.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Mutex;

use datafusion::arrow::array::StringBuilder;
use foldhash::fast::RandomState;
use lake::{LakeError, Rows};
use model::{DeviceId, Table, TenantId};
use store::fold;

use super::{LineRefusal, Part, Report, lock};

/// A full DNS name has at most 253 characters.
const NAME_BYTES_MAX: usize = 512;
const DEVICE_ID: &str = "DeviceId";

/// The names of one tenant's devices.
pub(crate) struct DeviceDirectory {
    tenant: TenantId,
    names_max: usize,
    names: Mutex<Names>,
}

#[derive(Default)]
struct Names {
    devices: HashMap<String, Known, RandomState>,
    /// The devices that have a full name with that first label.
    by_label: HashMap<String, HashSet<DeviceId>, RandomState>,
}

#[derive(Clone)]
struct Known {
    device: DeviceId,
    is_stored: bool,
}

/// The rows whose device is known, and the names to store before they are appended.
#[derive(Default)]
pub(crate) struct Naming {
    pub rows: Vec<Rows>,
    pub unstored: Vec<(String, DeviceId)>,
}

impl DeviceDirectory {
    pub fn new(tenant: TenantId, stored: Vec<(String, DeviceId)>, names_max: usize) -> DeviceDirectory {
        let mut names = Names::default();
        for (name, device) in stored {
            names.add(name, device, true);
        }
        DeviceDirectory { tenant, names_max, names: Mutex::new(names) }
    }

    /// Gives every row its device. Rows without one are refused where the table is about devices.
    pub fn assign(&self, parts: Vec<Part>, report: &mut Report) -> Result<Naming, LakeError> {
        let mut naming = Naming::default();
        let mut unstored = HashMap::new();
        for part in parts {
            let table = part.rows.table();
            let rows = match table.position(DEVICE_ID) {
                Some(_) => self.assign_part(part, &mut unstored, report)?,
                None => part.rows,
            };
            report.accept(table.name, rows.len() as u64);
            if !rows.is_empty() {
                naming.rows.push(rows);
            }
        }
        naming.unstored = unstored.into_iter().collect();
        naming.unstored.sort_unstable();
        Ok(naming)
    }

    /// What rows say of their device repeats a lot: each combination is looked up once.
    fn assign_part(
        &self,
        part: Part,
        unstored: &mut HashMap<String, DeviceId>,
        report: &mut Report,
    ) -> Result<Rows, LakeError> {
        let Part { rows, lines } = part;
        let (ids, device_names) = (rows.texts(DEVICE_ID), rows.texts("DeviceName"));
        let mut known: HashMap<(&str, &str), Result<Option<DeviceId>, LineRefusal>, RandomState> =
            HashMap::default();
        // Made when the first row has another device than it says.
        let mut assigned: Option<StringBuilder> = None;
        let mut keep = Vec::with_capacity(rows.len());
        let mut names = lock(&self.names);
        for (row, line) in lines.iter().enumerate() {
            let said = (device_names.get(row), ids.get(row));
            let device = &*known
                .entry(said)
                .or_insert_with(|| self.device(&mut names, rows.table(), said.0, said.1, unstored));
            let text = match device {
                Ok(device) => device.as_ref().map_or("", DeviceId::as_str),
                Err(refusal) => {
                    report.refuse(*line, refusal.code, &refusal.message);
                    ""
                }
            };
            keep.push(device.is_ok());
            if text != said.1 && assigned.is_none() {
                let mut builder = StringBuilder::with_capacity(rows.len(), rows.len() * 40);
                (0..row).for_each(|before| builder.append_value(ids.get(before)));
                assigned = Some(builder);
            }
            if let Some(builder) = &mut assigned {
                builder.append_value(text);
            }
        }
        drop(names);
        let is_whole = keep.iter().all(|keep| *keep);
        let mut assigned_rows = rows.clone();
        if let Some(mut assigned) = assigned {
            assigned_rows = assigned_rows.with_texts(DEVICE_ID, assigned.finish())?;
        }
        if is_whole { Ok(assigned_rows) } else { assigned_rows.filter(&keep.into()) }
    }

    /// Notes that names are in the store now.
    pub fn stored(&self, stored: &[(String, DeviceId)]) {
        let mut names = lock(&self.names);
        for (name, _) in stored {
            if let Some(known) = names.devices.get_mut(name) {
                known.is_stored = true;
            }
        }
    }

    /// The device of a row that says this of it; none where a row need not have one.
    fn device(
        &self,
        names: &mut Names,
        table: &'static Table,
        name: &str,
        id: &str,
        unstored: &mut HashMap<String, DeviceId>,
    ) -> Result<Option<DeviceId>, LineRefusal> {
        // Most rows say what is known, in the form in which it is known.
        let known = names.devices.get(name).filter(|known| known.is_stored && known.device.as_str() == id);
        if let Some(known) = known {
            return Ok(Some(known.device.clone()));
        }
        let name = fold(name.trim().trim_end_matches('.'));
        if name.len() > NAME_BYTES_MAX {
            let message = format!("column 'DeviceName' is longer than {NAME_BYTES_MAX} bytes");
            return Err(LineRefusal { code: "InvalidDeviceName", message });
        }
        let invalid_id = || {
            let message = "column 'DeviceId' takes 40 hexadecimal digits, or nothing beside a DeviceName";
            LineRefusal { code: "InvalidDeviceId", message: message.to_owned() }
        };
        let given = match id.trim() {
            "" => None,
            text => Some(DeviceId::parse(text).ok_or_else(invalid_id)?),
        };
        if name.is_empty() && given.is_none() {
            // In tables about other things than devices a row need not have one.
            if !table.name.starts_with("Device") {
                return Ok(None);
            }
            let message = "columns 'DeviceId' and 'DeviceName' are both missing".to_owned();
            return Err(LineRefusal { code: "MissingDevice", message });
        }
        if name.is_empty() {
            return Ok(given);
        }
        let known = self.look_up(names, &name, given.as_ref())?;
        if !known.is_stored {
            unstored.insert(name, known.device.clone());
        }
        Ok(Some(given.unwrap_or(known.device)))
    }

    /// The device that a name means from now on. A name that comes with a device means that one, unless it
    /// meant another before.
    fn look_up(&self, names: &mut Names, name: &str, given: Option<&DeviceId>) -> Result<Known, LineRefusal> {
        if let Some(known) = names.devices.get(name) {
            return Ok(known.clone());
        }
        if names.devices.len() >= self.names_max {
            let message = format!("the tenant has {} names of devices already", self.names_max);
            return Err(LineRefusal { code: "TooManyDevices", message });
        }
        let joined = given.cloned().or_else(|| names.joined(name));
        let device = joined.unwrap_or_else(|| DeviceId::from_name(self.tenant, name));
        names.add(name.to_owned(), device.clone(), false);
        Ok(Known { device, is_stored: false })
    }
}

impl Names {
    fn add(&mut self, name: String, device: DeviceId, is_stored: bool) {
        if let Some((label, _)) = labels(&name) {
            self.by_label.entry(label.to_owned()).or_default().insert(device.clone());
        }
        self.devices.insert(name, Known { device, is_stored });
    }

    /// The device that an unknown name means, when another form of the name is known.
    fn joined(&self, name: &str) -> Option<DeviceId> {
        match labels(name) {
            // A full name: the device known by its first label, unless that has another full name.
            Some((label, _)) => {
                let device = &self.devices.get(label)?.device;
                let is_short_only = self.by_label.get(label).is_none_or(|devices| !devices.contains(device));
                is_short_only.then(|| device.clone())
            }
            // A first label: the only device that has a full name beginning with it.
            None => {
                let devices = self.by_label.get(name)?;
                devices.iter().next().filter(|_| devices.len() == 1).cloned()
            }
        }
    }
}

/// The first label of a full name and the rest. An address has none.
fn labels(name: &str) -> Option<(&str, &str)> {
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    name.split_once('.').filter(|(label, _)| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use model::{Row, Ticks};
    use uuid::Uuid;

    use super::*;

    const TENANT: TenantId = TenantId(Uuid::from_u128(1));

    fn directory(stored: &[(&str, DeviceId)]) -> DeviceDirectory {
        let stored = stored.iter().map(|(name, device)| ((*name).to_owned(), device.clone()));
        DeviceDirectory::new(TENANT, stored.collect(), 10)
    }

    fn row(table: &str, name: &str, id: &str) -> Row {
        let mut row = Row::new(model::tables::find(table).unwrap());
        row.set("Timestamp", Ticks::from_unix_seconds(0));
        row.set("DeviceName", name);
        row.set("DeviceId", id);
        row
    }

    fn part(row: Row) -> Vec<Part> {
        vec![Part { rows: Rows::of(&[row]).unwrap().remove(0), lines: vec![1] }]
    }

    /// The device of a row with that name, and the names it leaves to be stored.
    fn assign(directory: &DeviceDirectory, name: &str, id: &str) -> (String, Vec<(String, DeviceId)>) {
        let mut report = Report::default();
        let naming = directory.assign(part(row("DeviceEvents", name, id)), &mut report).unwrap();
        (naming.rows[0].texts("DeviceId").get(0).to_owned(), naming.unstored)
    }

    fn refused(directory: &DeviceDirectory, row: Row) -> Vec<&'static str> {
        let mut report = Report::default();
        let naming = directory.assign(part(row), &mut report).unwrap();
        assert_eq!(naming.rows.iter().map(Rows::len).sum::<usize>() as u64, 1 - report.refused);
        report.refused_by_code.into_keys().collect()
    }

    #[test]
    fn the_full_and_the_short_name_are_one_device() {
        let directory = directory(&[]);
        let (short, unstored) = assign(&directory, "WORKSTATION6", "");
        assert_eq!(unstored, [("workstation6".to_owned(), DeviceId::from_name(TENANT, "workstation6"))]);
        let (full, _) = assign(&directory, "WORKSTATION6.theshire.local.", "");
        assert_eq!(short, full);
        let (elsewhere, _) = assign(&directory, "workstation6.mordor.local", "");
        assert_ne!(full, elsewhere, "the short name has a full name of another domain");
        let (again, _) = assign(&directory, "Workstation6", "");
        assert_eq!(short, again);
    }

    #[test]
    fn a_short_name_joins_a_full_name_only_when_there_is_one() {
        let directory = directory(&[]);
        let (one, _) = assign(&directory, "pc1.a.example", "");
        assert_eq!(assign(&directory, "pc1", "").0, one);
        assign(&directory, "pc2.a.example", "");
        assign(&directory, "pc2.b.example", "");
        assert_eq!(assign(&directory, "pc2", "").0, DeviceId::from_name(TENANT, "pc2").as_str());
        assign(&directory, "10.0.0.1", "");
        assert_eq!(assign(&directory, "10", "").0, DeviceId::from_name(TENANT, "10").as_str());
    }

    #[test]
    fn a_row_with_both_registers_the_name_and_keeps_its_device() {
        let (one, two) =
            (DeviceId::parse(&"a".repeat(40)).unwrap(), DeviceId::parse(&"b".repeat(40)).unwrap());
        let directory = directory(&[("pc1.corp", one.clone())]);
        assert_eq!(assign(&directory, "PC1.corp", &"B".repeat(40)), (two.as_str().to_owned(), vec![]));
        assert_eq!(assign(&directory, "pc1.corp", "").0, one.as_str());
        let (given, unstored) = assign(&directory, "pc9", two.as_str());
        assert_eq!((given.as_str(), unstored), (two.as_str(), vec![("pc9".to_owned(), two.clone())]));
        assert_eq!(assign(&directory, "pc9", "").0, two.as_str());
    }

    #[test]
    fn refused_rows_leave_the_others_as_they_were() {
        let directory = directory(&[]);
        let rows = [("pc1", ""), ("", ""), ("pc2", "abc"), ("pc2", ""), ("pc1", "")];
        let rows: Vec<Row> = rows.iter().map(|(name, id)| row("DeviceEvents", name, id)).collect();
        let parts = vec![Part { rows: Rows::of(&rows).unwrap().remove(0), lines: vec![3, 4, 6, 7, 9] }];
        let mut report = Report::default();
        let naming = directory.assign(parts, &mut report).unwrap();
        let named: Vec<_> = (0..3).map(|row| naming.rows[0].texts("DeviceName").get(row)).collect();
        assert_eq!(named, ["pc1", "pc2", "pc1"]);
        assert_eq!(naming.rows[0].texts("DeviceId").get(2), DeviceId::from_name(TENANT, "pc1").as_str());
        assert_eq!((report.accepted, report.refused, report.rows["DeviceEvents"]), (3, 2, 3));
    }

    #[test]
    fn a_name_is_to_be_stored_until_it_is() {
        let directory = directory(&[]);
        let (_, unstored) = assign(&directory, "pc1", "");
        assert_eq!(assign(&directory, "pc1", "").1, unstored, "the first request may still fail to store it");
        directory.stored(&unstored);
        assert!(assign(&directory, "pc1", "").1.is_empty());
    }

    #[test]
    fn rows_without_a_device_are_refused_where_the_table_is_about_devices() {
        let directory = directory(&[]);
        assert_eq!(refused(&directory, row("DeviceEvents", " ", "")), ["MissingDevice"]);
        assert_eq!(refused(&directory, row("DeviceEvents", "pc1", "abc")), ["InvalidDeviceId"]);
        assert_eq!(refused(&directory, row("DeviceEvents", &"a".repeat(600), "")), ["InvalidDeviceName"]);
        assert!(refused(&directory, row("AlertEvidence", "", "")).is_empty());
        for at in 0..10 {
            assign(&directory, &format!("pc{at}"), "");
        }
        assert_eq!(refused(&directory, row("DeviceEvents", "pc10", "")), ["TooManyDevices"]);
        assert!(refused(&directory, row("DeviceEvents", "pc3", "")).is_empty());
    }
}
