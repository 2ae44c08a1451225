//! What response actions do to the simulated world, and the events that tell of it.

use std::io::{Cursor, Write};

use model::{Row, tables};
use sensor_proto::{Finding, Isolation, Restriction, ScanMode, digest_hex};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::disk::{Fate, text};
use crate::fleet::Fleet;
use crate::host::{Host, Start};
use crate::inventory;
use crate::process::{Process, file_name};
use crate::scenario::Os;

/// The name under which a device's sensor is among its processes.
const SENSOR: &str = "sensor";
/// Events in one part of a package.
const PART_ROWS_MAX: usize = 400;

impl Fleet {
    /// Puts a device on the device channel: from now on it remembers its events and has a sensor.
    pub(crate) fn join(&mut self, device: &str) -> bool {
        let (world, reached) = (self.world.clone(), self.reached());
        let Some(host) = self.host(device) else { return false };
        host.memory.is_on = true;
        if !host.boot.contains_key(SENSOR) {
            let (path, account) = match host.os {
                Os::Windows => (r"C:\Program Files\Bartizan\bartizan-sensor.exe", "system"),
                Os::Linux => ("/usr/lib/bartizan/bartizan-sensor", "root"),
            };
            let start = Start {
                path: path.to_owned(),
                command: format!("{path} --simulated"),
                account: Some(account.to_owned()),
                integrity: None,
                cwd: None,
                content: None,
                pid: Some(if host.os == Os::Windows { 4_404 } else { 404 }),
            };
            let process = host.start(&world, None, start, reached);
            host.boot.insert(SENSOR.to_owned(), process);
        }
        true
    }

    /// Applies what an isolation or restriction makes of a device's events.
    pub(crate) fn set_state(&mut self, device: &str, isolation: Isolation, restriction: Restriction) {
        if let Some(host) = self.host(device) {
            host.memory.isolation = isolation;
            host.memory.restriction = restriction;
        }
    }

    /// Isolates a device or releases it, and lets its events say so.
    pub(crate) fn isolate(&mut self, device: &str, isolation: Isolation) {
        let Some(host) = self.host(device) else { return };
        host.memory.isolation = isolation;
        let kind = if isolation == Isolation::None { "ReleaseFromIsolation" } else { "IsolateDevice" };
        self.tell(device, kind, json!({ "IsolationType": isolation }));
        self.tell_of_itself(device);
    }

    pub(crate) fn restrict(&mut self, device: &str, restriction: Restriction) {
        let Some(host) = self.host(device) else { return };
        host.memory.restriction = restriction;
        let is_on = restriction == Restriction::On;
        let kind = if is_on { "RestrictCodeExecution" } else { "UnrestrictCodeExecution" };
        self.tell(device, kind, json!({}));
        self.tell_of_itself(device);
    }

    /// The device says nothing any more.
    pub(crate) fn leave(&mut self, device: &str) {
        self.tell(device, "OffboardDevice", json!({}));
        if let Some(host) = self.host(device) {
            host.memory.is_gone = true;
        }
    }

    /// The same without a word: it was offboarded before.
    pub(crate) fn stay_away(&mut self, device: &str) {
        if let Some(host) = self.host(device) {
            (host.memory.is_on, host.memory.is_gone) = (true, true);
        }
    }

    /// What a scan finds. A full one looks everywhere, a quick one where programs lie.
    pub(crate) fn scan(&mut self, device: &str, mode: ScanMode) -> Vec<Finding> {
        let Some(host) = self.host(device) else { return Vec::new() };
        let mut findings = Vec::new();
        for (path, file) in &host.memory.files {
            let name = path.to_lowercase();
            let is_program = [".exe", ".dll", ".ps1", ".sh"].iter().any(|end| name.ends_with(end))
                || !file_name(&name).contains('.');
            let is_seen = mode == ScanMode::Full || is_program;
            if let Some(threat) = file.threat.as_ref().filter(|_| is_seen) {
                let threat = format!("Sandbox:{threat}");
                findings.push(Finding {
                    threat,
                    path: path.clone(),
                    sha1: file.sha1.clone(),
                    is_removed: false,
                });
            }
        }
        findings.truncate(100);
        for finding in &findings {
            let fields = json!({ "ThreatName": finding.threat, "WasRemediated": false });
            self.tell_of_file(device, "AntivirusDetection", &finding.path, &finding.sha1, fields);
        }
        let found = json!({ "ScanTypeIndex": mode, "ThreatsFound": findings.len() });
        self.tell(device, "AntivirusScanCompleted", found);
        findings
    }

    /// Stops a file and puts it away. Answers with the places where it was.
    pub(crate) fn quarantine(&mut self, device: &str, sha1: &str) -> Vec<String> {
        let Some(host) = self.host(device) else { return Vec::new() };
        let paths = host.memory.quarantine(sha1);
        for path in &paths {
            self.tell_of_file(device, "QuarantineFile", path, sha1, json!({ "Result": "Success" }));
        }
        paths
    }

    /// An event of the device about an action, by its sensor.
    pub(crate) fn tell(&mut self, device: &str, kind: &str, mut fields: Value) {
        fields["Simulated"] = true.into();
        let row = self.event(device, "DeviceEvents", kind).map(|mut row| {
            row.set("AdditionalFields", fields.to_string());
            row
        });
        self.told.extend(row);
    }

    fn tell_of_file(&mut self, device: &str, kind: &str, path: &str, sha1: &str, mut fields: Value) {
        fields["Simulated"] = true.into();
        let row = self.event(device, "DeviceEvents", kind).map(|mut row| {
            row.set("FileName", file_name(path));
            row.set("FolderPath", path);
            row.set("SHA1", sha1);
            row.set("AdditionalFields", fields.to_string());
            row
        });
        self.told.extend(row);
    }

    /// The connection of the sensor to its server, which isolation leaves.
    pub(crate) fn tell_of_channel(&mut self, device: &str, server: &str) {
        let row = self.event(device, "DeviceNetworkEvents", "ConnectionSuccess").map(|mut row| {
            let host = server.split("://").last().unwrap_or(server);
            let (name, port) = host.rsplit_once(':').unwrap_or((host, "443"));
            row.set("RemoteUrl", name);
            row.set("RemoteIP", if name.parse::<std::net::IpAddr>().is_ok() { name } else { "" });
            row.set("RemotePort", port.trim_end_matches('/').parse::<i64>().unwrap_or(443));
            row.set("Protocol", "Tcp");
            row
        });
        self.told.extend(row);
    }

    /// The records of the device, now: state of isolation and restriction included.
    fn tell_of_itself(&mut self, device: &str) {
        let (world, now) = (self.world.clone(), self.reached());
        if let Some(host) = self.host(device) {
            let rows = inventory::rows(&world, host, now);
            self.told.extend(rows);
        }
    }

    fn event(&mut self, device: &str, table: &str, kind: &str) -> Option<Row> {
        let now = self.reached();
        let table = tables::find(table)?;
        let host = self.host(device)?;
        let sensor = host.boot.get(SENSOR).cloned();
        let mut row = host.row(table, now);
        row.set("ActionType", kind);
        if let Some(sensor) = sensor {
            Process::fill_initiating(&sensor, &mut row);
        }
        Some(row)
    }

    /// What becomes of an event that is about to happen.
    pub(crate) fn judge(&mut self, row: Row, threat: Option<&str>) -> Option<Row> {
        let device = text(&row, "DeviceId")?.to_owned();
        let fate = match self.host(&device) {
            Some(host) if host.memory.is_on => host.memory.fate(&row),
            _ => return Some(row),
        };
        match fate {
            Fate::Happens => {
                if let Some(host) = self.host(&device) {
                    host.memory.remember(&row, threat);
                }
                Some(row)
            }
            Fate::Prevented => None,
            Fate::Blocked => {
                let (path, sha1) = (text(&row, "FolderPath")?.to_owned(), text(&row, "SHA1")?.to_owned());
                self.tell_of_file(&device, "AppControlExecutableBlocked", &path, &sha1, json!({}));
                None
            }
        }
    }

    /// A package for an investigation: a zip archive of what the device remembers. Never more than `bytes_max`.
    pub(crate) fn package(&mut self, device: &str, bytes_max: u64) -> Result<Vec<u8>, String> {
        let now = self.reached();
        let world = self.world.clone();
        let host = self.host(device).ok_or("the device is not part of the fleet")?;
        let about = json!({
            "DeviceId": host.device_id,
            "DeviceName": host.fqdn,
            "Profile": world.profiles[host.profile].name,
            "User": host.user,
            "Collected": now,
            "Isolation": host.memory.isolation,
            "Restriction": host.memory.restriction,
            "Simulated": true,
        });
        let mut files = vec![
            ("System/device.json".to_owned(), pretty(&about)),
            ("Processes/running.csv".to_owned(), processes(host)),
            ("Files/files.csv".to_owned(), files_of(host)),
        ];
        for (folder, table) in [
            ("Processes", "DeviceProcessEvents"),
            ("Network", "DeviceNetworkEvents"),
            ("Files", "DeviceFileEvents"),
            ("Registry", "DeviceRegistryEvents"),
            ("Logons", "DeviceLogonEvents"),
            ("Events", "DeviceEvents"),
        ] {
            files.push((format!("{folder}/{table}.ndjson"), events(host, table)));
        }
        let digests: Vec<Value> = files
            .iter()
            .map(|(name, content)| json!({ "name": name, "bytes": content.len(), "sha256": digest_hex(content) }))
            .collect();
        files.push(("manifest.json".to_owned(), pretty(&json!({ "simulated": true, "files": digests }))));
        let archive = archive(&files).map_err(|error| format!("the archive cannot be written: {error}"))?;
        match archive.len() as u64 <= bytes_max {
            true => Ok(archive),
            false => Err(format!("the archive has {} bytes, more than {bytes_max}", archive.len())),
        }
    }

    /// What a file of the device holds: what a live response stored, or a line that says that it is simulated.
    pub(crate) fn read_file(&mut self, device: &str, path: &str) -> Option<Vec<u8>> {
        let host = self.host(device)?;
        let is_path = |known: &str| known.eq_ignore_ascii_case(path);
        if let Some((_, content)) = host.memory.stored.iter().find(|(known, _)| is_path(known)) {
            return Some(content.clone());
        }
        let (known, file) = host.memory.files.iter().find(|(known, _)| is_path(known))?;
        let line = format!(
            "This file is simulated.\nPath: {known}\nSHA1: {}\nSHA256: {}\nSize: {}\n",
            file.sha1, file.sha256, file.size
        );
        Some(line.into_bytes())
    }

    pub(crate) fn is_windows(&mut self, device: &str) -> bool {
        self.host(device).is_some_and(|host| host.os == Os::Windows)
    }

    /// Keeps a file that a live response stored.
    pub(crate) fn store_file(&mut self, device: &str, path: String, content: Vec<u8>) {
        if let Some(host) = self.host(device) {
            host.memory.store(path, content);
        }
    }

    pub(crate) fn host(&mut self, device: &str) -> Option<&mut Host> {
        let at = *self.by_device.get(device)?;
        self.hosts.get_mut(at)
    }
}

fn archive(files: &[(String, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(name.as_str(), SimpleFileOptions::default())?;
        writer.write_all(content)?;
    }
    Ok(writer.finish()?.into_inner())
}

fn pretty(value: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap_or_default()
}

fn events(host: &Host, table: &str) -> Vec<u8> {
    let mut lines = String::new();
    let rows = host.memory.rows.iter().rev().filter(|row| row.table.name == table).take(PART_ROWS_MAX);
    for row in rows.collect::<Vec<_>>().into_iter().rev() {
        lines.push_str(&Value::Object(row.to_json()).to_string());
        lines.push('\n');
    }
    lines.into_bytes()
}

fn processes(host: &Host) -> Vec<u8> {
    let mut lines = "ProcessId,FileName,CommandLine\n".to_owned();
    for process in host.boot.values() {
        let Process { pid, image, command, .. } = &**process;
        lines.push_str(&format!("{pid},{},{}\n", quoted(image.file_name()), quoted(command)));
    }
    lines.into_bytes()
}

fn files_of(host: &Host) -> Vec<u8> {
    let mut lines = "Path,SHA1,SHA256,Size\n".to_owned();
    for (path, file) in &host.memory.files {
        lines.push_str(&format!("{},{},{},{}\n", quoted(path), file.sha1, file.sha256, file.size));
    }
    lines.into_bytes()
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::io::Read;

    use model::Ticks;

    use super::*;
    use crate::FleetConfig;

    /// A fleet on the channel after its first two hours, in which every attack happens.
    fn fleet() -> (Fleet, Vec<Row>) {
        let start = Ticks::parse("2026-03-03T07:00:00Z").unwrap();
        let config = FleetConfig { start, devices: 4, ..FleetConfig::new(1, start) };
        let mut fleet = Fleet::new(config).unwrap();
        let devices: Vec<String> = fleet.devices().map(|device| device.device_id).collect();
        for device in &devices {
            assert!(fleet.join(device));
        }
        let rows = fleet.next_batch(start.plus_seconds(7_200));
        (fleet, rows)
    }

    fn next(fleet: &mut Fleet, minutes: i64) -> Vec<Row> {
        let until = fleet.reached().plus_seconds(minutes * 60);
        fleet.next_batch(until)
    }

    fn of<'a>(rows: &'a [Row], device: &str, table: &str) -> Vec<&'a Row> {
        let is_of = |row: &&Row| row.table.name == table && text(row, "DeviceId") == Some(device);
        rows.iter().filter(is_of).collect()
    }

    fn kinds(rows: &[Row], device: &str) -> BTreeSet<String> {
        let events = of(rows, device, "DeviceEvents");
        events.iter().filter_map(|row| text(row, "ActionType").map(str::to_owned)).collect()
    }

    #[test]
    fn an_isolated_device_has_no_connections_but_the_channel() {
        let (mut fleet, _) = fleet();
        let device = fleet.devices().next().unwrap().device_id;
        fleet.isolate(&device, Isolation::Full);
        fleet.tell_of_channel(&device, "https://127.0.0.1:8443");
        let rows = next(&mut fleet, 60);
        let connections = of(&rows, &device, "DeviceNetworkEvents");
        assert_eq!(connections.len(), 1);
        assert_eq!(text(connections[0], "InitiatingProcessFileName"), Some("bartizan-sensor.exe"));
        assert_eq!(text(connections[0], "RemoteIP"), Some("127.0.0.1"));
        assert!(kinds(&rows, &device).contains("IsolateDevice"));
        let info = of(&rows, &device, "DeviceInfo");
        assert!(text(info[0], "MitigationStatus").unwrap().contains("\"Isolated\":true"));
        assert!(!of(&rows, &device, "DeviceProcessEvents").is_empty(), "the rest goes on");
        fleet.isolate(&device, Isolation::None);
        let rows = next(&mut fleet, 120);
        assert!(!of(&rows, &device, "DeviceNetworkEvents").is_empty());
    }

    #[test]
    fn a_scan_finds_what_attacks_brought_and_quarantine_removes_it() {
        let (mut fleet, _) = fleet();
        let devices: Vec<String> = fleet.devices().map(|device| device.device_id).collect();
        let found: Vec<(String, Finding)> = devices
            .iter()
            .flat_map(|device| fleet.scan(device, ScanMode::Full).into_iter().map(|f| (device.clone(), f)))
            .collect();
        assert!(!found.is_empty(), "no attack left a file");
        for (device, finding) in &found {
            assert!(finding.threat.starts_with("Sandbox:"), "{finding:?}");
            let is_system = finding.path.to_lowercase().starts_with(r"c:\windows\system32\");
            assert!(!is_system, "{finding:?}");
            fleet.quarantine(device, &finding.sha1);
        }
        for device in &devices {
            assert_eq!(fleet.scan(device, ScanMode::Full), []);
            assert_eq!(fleet.quarantine(device, &"0".repeat(40)), Vec::<String>::new());
        }
        let rows = next(&mut fleet, 1);
        let (device, finding) = &found[0];
        assert!(kinds(&rows, device).contains("QuarantineFile"));
        let later = next(&mut fleet, 240);
        let is_of_it = |row: &&Row| text(row, "InitiatingProcessSHA1") == Some(finding.sha1.as_str());
        let of_device: Vec<&Row> = later.iter().filter(|row| text(row, "DeviceId") == Some(device)).collect();
        assert!(!of_device.into_iter().any(|row| is_of_it(&row)), "what was put away still acts");
    }

    #[test]
    fn a_package_is_an_archive_of_the_devices_own_events() {
        let (mut fleet, _) = fleet();
        let device = fleet.devices().next().unwrap().device_id;
        let archive = fleet.package(&device, 64 << 20).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
        let mut manifest = String::new();
        archive.by_name("manifest.json").unwrap().read_to_string(&mut manifest).unwrap();
        let manifest: Value = serde_json::from_str(&manifest).unwrap();
        let files = manifest["files"].as_array().unwrap();
        assert!(manifest["simulated"] == true && files.len() > 5);
        let mut lines = 0;
        for file in files {
            let mut content = Vec::new();
            archive.by_name(file["name"].as_str().unwrap()).unwrap().read_to_end(&mut content).unwrap();
            assert_eq!(file["sha256"], digest_hex(&content), "{file}");
            if file["name"].as_str().unwrap().ends_with(".ndjson") {
                for line in String::from_utf8(content).unwrap().lines() {
                    let row: Value = serde_json::from_str(line).unwrap();
                    assert_eq!(row["DeviceId"], device);
                    lines += 1;
                }
            }
        }
        assert!(lines > 10, "{lines}");
        assert!(fleet.package(&device, 100).is_err());
    }

    #[test]
    fn restriction_keeps_untrusted_programs_from_starting() {
        let (mut fleet, _) = fleet();
        let devices: Vec<String> = fleet.devices().map(|device| device.device_id).collect();
        for device in &devices {
            fleet.restrict(device, Restriction::On);
        }
        let rows = next(&mut fleet, 8 * 60);
        let blocked =
            devices.iter().any(|device| kinds(&rows, device).contains("AppControlExecutableBlocked"));
        assert!(blocked, "nothing was blocked in eight hours");
        let starts = rows.iter().filter(|row| row.table.name == "DeviceProcessEvents");
        for row in starts {
            let path = text(row, "FolderPath").unwrap().to_lowercase();
            assert!(!path.starts_with("/dev/shm/") && !path.starts_with("/tmp/"), "{path}");
        }
    }

    #[test]
    fn a_device_that_left_says_nothing() {
        let (mut fleet, _) = fleet();
        let device = fleet.devices().next().unwrap().device_id;
        fleet.leave(&device);
        let rows = next(&mut fleet, 120);
        let own: Vec<&Row> = rows.iter().filter(|row| text(row, "DeviceId") == Some(&device)).collect();
        assert_eq!(own.len(), 1);
        assert_eq!(text(own[0], "ActionType"), Some("OffboardDevice"));
    }

    #[test]
    fn files_that_were_stored_can_be_read_and_others_say_that_they_are_simulated() {
        let (mut fleet, _) = fleet();
        let device = fleet.devices().next().unwrap().device_id;
        fleet.store_file(&device, "C:\\x\\a.txt".to_owned(), b"abc".to_vec());
        assert_eq!(fleet.read_file(&device, "c:\\X\\A.txt"), Some(b"abc".to_vec()));
        let path = fleet.host(&device).unwrap().memory.files.keys().next().unwrap().clone();
        let content = String::from_utf8(fleet.read_file(&device, &path).unwrap()).unwrap();
        assert!(content.starts_with("This file is simulated."), "{content}");
        assert_eq!(fleet.read_file(&device, "C:\\none"), None);
    }
}
