use std::collections::{BTreeMap, HashMap, HashSet};

use model::Row;
use sandbox::{Fleet, FleetConfig};
use serde_json::Value;

use crate::{config, number, rows_of, start, time};

#[test]
fn the_same_seed_gives_the_same_rows_however_they_are_taken() {
    let at_once = rows_of(config(7), 180);
    let mut fleet = Fleet::new(config(7)).unwrap();
    let mut in_steps = Vec::new();
    for second in (13..180 * 60).step_by(13).chain([180 * 60]) {
        in_steps.extend(fleet.next_batch(start().plus_seconds(second)));
    }
    assert!(at_once.len() > 4_000);
    assert!(at_once == in_steps);
}

#[test]
fn other_seeds_give_other_devices_and_rows() {
    let ids =
        |seed| -> HashSet<_> { Fleet::new(config(seed)).unwrap().devices().map(|d| d.device_id).collect() };
    assert!(ids(1).is_disjoint(&ids(2)));
    let times = |seed| -> Vec<_> { rows_of(config(seed), 10).iter().map(Row::timestamp).collect() };
    assert_ne!(times(1), times(2));
}

#[test]
fn every_row_is_taken_back_by_its_table() {
    let mut config = config(3);
    (config.devices, config.events_per_second) = (40, 9.0);
    let rows = rows_of(config, 180);
    assert!(rows.len() > 20_000, "{}", rows.len());
    let mut tables = BTreeMap::new();
    for row in &rows {
        let again = Row::from_json(row.table, row.to_json()).unwrap();
        assert_eq!(again, *row);
        *tables.entry(row.table.name).or_insert(0) += 1;
        if let Some(fields) = row.to_json().get("AdditionalFields").and_then(Value::as_str) {
            assert!(serde_json::from_str::<Value>(fields).unwrap().is_object());
        }
    }
    assert_eq!(tables.len(), 9, "{tables:?}");
}

#[test]
fn times_advance_and_stay_before_the_clock() {
    let mut fleet = Fleet::new(config(5)).unwrap();
    let mut last = start();
    for minute in 1..150 {
        let until = start().plus_seconds(minute * 60);
        for row in fleet.next_batch(until) {
            let at = row.timestamp().unwrap();
            assert!(last <= at && at < until);
            last = at;
        }
    }
}

/// Every process an event names was started by an earlier row of its device, or runs from boot, and is
/// described as it was then.
#[test]
fn processes_have_a_beginning() {
    let mut config = config(11);
    config.events_per_second = 6.0;
    let mut fleet = Fleet::new(config).unwrap();
    let mut known: HashMap<(String, i64, i64), String> = HashMap::new();
    for boot in fleet.boot_processes() {
        known.insert((boot.device_id, boot.process_id, boot.created.0), boot.path.to_lowercase());
    }
    let rows = fleet.next_batch(start().plus_seconds(3 * 3_600));
    let mut checked = 0;
    for row in &rows {
        let device = row.text("DeviceId").to_owned();
        let process =
            |id: &str, created: &str| Some((device.clone(), number(row, id)?, time(row, created)?.0));
        if let Some(key) = process("InitiatingProcessId", "InitiatingProcessCreationTime") {
            let path = known.get(&key).unwrap_or_else(|| panic!("{key:?} of {row:?}"));
            assert_eq!(*path, row.text("InitiatingProcessFolderPath").to_lowercase());
            checked += 1;
        }
        if let Some(key) = process("InitiatingProcessParentId", "InitiatingProcessParentCreationTime") {
            assert!(known[&key].ends_with(&row.text("InitiatingProcessParentFileName").to_lowercase()));
        }
        if row.table.name == "DeviceProcessEvents" {
            assert_eq!(time(row, "ProcessCreationTime"), row.timestamp());
            let key = process("ProcessId", "ProcessCreationTime").unwrap();
            assert!(known.insert(key, row.text("FolderPath").to_lowercase()).is_none());
        } else if let Some(key) = process("ProcessId", "ProcessCreationTime") {
            assert!(known.contains_key(&key));
        }
    }
    assert!(checked > 5_000, "{checked}");
}

#[test]
fn a_file_has_the_same_digests_wherever_it_is_named() {
    let mut digests: HashMap<String, HashSet<(String, String)>> = HashMap::new();
    for row in rows_of(config(4), 120) {
        if row.table.name == "DeviceProcessEvents" {
            let file = row.text("FileName").to_lowercase();
            let pair = (row.text("SHA1").to_owned(), row.text("SHA256").to_owned());
            assert!(pair.0.len() == 40 && pair.1.len() == 64 && row.text("MD5").len() == 32);
            digests.entry(file).or_default().insert(pair);
        }
    }
    assert_eq!(digests["cmd.exe"].len(), 1);
    assert_eq!(digests["bash"].len(), 1);
}

#[test]
fn rates_are_those_asked_for() {
    for (devices, events_per_second) in [(12, 4.0), (30, 10.0)] {
        let config = FleetConfig { devices, events_per_second, ..config(9) };
        let mut fleet = Fleet::new(config).unwrap();
        let backlog = fleet.next_batch(start().plus_seconds(7_200)).len() as f64;
        assert!((3_000.0..5_500.0).contains(&backlog), "backlog of {backlog}");
        let rate = fleet.next_batch(start().plus_seconds(9_600)).len() as f64 / 2_400.0;
        assert!((0.7..1.3).contains(&(rate / events_per_second)), "{rate} of {events_per_second}");
    }
}

#[test]
fn report_ids_count_per_device() {
    let mut last: HashMap<String, i64> = HashMap::new();
    for row in rows_of(config(2), 60) {
        let counter = last.entry(row.text("DeviceId").to_owned()).or_default();
        *counter += 1;
        assert_eq!(number(&row, "ReportId"), Some(*counter));
    }
    assert_eq!(last.len(), 12);
}

#[test]
fn every_device_tells_of_itself_first_and_says_that_it_is_simulated() {
    let rows = rows_of(config(2), 40);
    let mut seen = HashSet::new();
    for row in &rows {
        if seen.insert(row.text("DeviceId").to_owned()) {
            assert_eq!(row.table.name, "DeviceInfo");
        }
        if row.table.name == "DeviceInfo" {
            assert_eq!(row.text("OnboardingStatus"), "Onboarded");
            assert_eq!(row.text("AdditionalFields"), r#"{"Simulated":true,"Scenario":"sandbox"}"#);
            assert_eq!(row.text("DeviceDynamicTags"), r#"["Simulated"]"#);
            assert!(row.text("ClientVersion").starts_with("sandbox/"));
            assert!(row.text("DeviceName").ends_with(".tidewater.example"));
        }
    }
    let infos = rows.iter().filter(|row| row.table.name == "DeviceInfo").count();
    assert_eq!((seen.len(), infos), (12, 24));
}

#[test]
fn small_fleets_have_the_profiles_that_attacks_need() {
    let fleet = Fleet::new(FleetConfig { devices: 3, ..config(1) }).unwrap();
    let profiles: Vec<_> = fleet.devices().map(|device| device.profile).collect();
    assert_eq!(profiles, ["windows-11-office", "windows-server-2022", "ubuntu-build-server"]);
}

#[test]
fn a_pause_moves_what_was_due_and_loses_nothing() {
    let without = rows_of(config(6), 60);
    let mut fleet = Fleet::new(config(6)).unwrap();
    let mut rows = fleet.next_batch(start().plus_seconds(600));
    fleet.pause_until(start().plus_seconds(4_200));
    let later = fleet.next_batch(start().plus_seconds(2 * 3_600));
    assert!(later.iter().all(|row| row.timestamp().unwrap() >= start().plus_seconds(4_200)));
    rows.extend(later);
    assert!(rows.len().abs_diff(without.len()) < without.len() / 4);
}

#[test]
fn unusable_settings_are_refused() {
    for (change, name) in [
        (FleetConfig { devices: 0, ..config(1) }, "devices"),
        (FleetConfig { events_per_second: f64::NAN, ..config(1) }, "events_per_second"),
        (FleetConfig { time_scale: 0.0, ..config(1) }, "time_scale"),
        (FleetConfig { inventory_minutes: 0, ..config(1) }, "inventory_minutes"),
    ] {
        let message = Fleet::new(change).err().unwrap().to_string();
        assert!(message.contains(name), "{message}");
    }
}
