//! The commands as a user runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::server::{Program, free_port};

fn run(arguments: &[&str], folder: &Path) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bartizan"));
    let settings = ["CONNECTION", "BASE_URL", "AUTHORITY", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"];
    for setting in settings.iter().chain(&["CA_FILE", "LOG"]) {
        command.env_remove(format!("BARTIZAN_{setting}"));
    }
    let output = command.args(arguments).current_dir(folder).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_sent_and_found() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("bartizan-data");
    let program = Program::start(&data, free_port(), &["--no-sandbox"]).await;
    let events = folder.path().join("events");
    std::fs::create_dir(&events).unwrap();
    let row = |second| {
        format!(
            "{{\"Timestamp\":\"2024-05-06T07:08:{second:02}Z\",\"DeviceName\":\"pc1.corp.example\",\
             \"ActionType\":\"ProcessCreated\",\"FileName\":\"a.exe\"}}\n"
        )
    };
    std::fs::write(events.join("rows.jsonl"), (0..30).map(row).collect::<String>()).unwrap();
    let ingest = ["ingest", "--table", "DeviceProcessEvents", "--output", "json", "events"];
    let (code, summary, said) = run(&ingest, folder.path());
    assert_eq!(code, Some(0), "{summary}{said}");
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert_eq!((&summary["lines"], &summary["rows"]), (&30.into(), &30.into()), "{summary}");

    let hunt = ["hunt", "DeviceProcessEvents | count", "--output", "ndjson"];
    let (code, answer, said) = run(&hunt, folder.path());
    assert_eq!((code, answer.as_str()), (Some(0), "{\"Count\":30}\n"), "{said}");
    let (code, _, said) = run(&["hunt", "DeviceProcessEvents\n| where Nme == 1"], folder.path());
    assert_eq!(code, Some(1));
    assert!(said.contains("| where Nme == 1") && said.contains(":2:9"), "{said}");
    assert_eq!(run(&["ingest", "absent.json"], folder.path()).0, Some(1));

    let rebuild = ["lake", "rebuild-profiles", "--data", "bartizan-data"];
    let (code, out, said) = run(&rebuild, folder.path());
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(said.contains("server that is stopped") && said.contains("in use"), "{said}");
    assert!(program.stop().success());
    let (code, out, said) = run(&rebuild, folder.path());
    let counts = ": events 30, machines 1, users 0, files 0, addresses 0, domains 0\n";
    assert!(code == Some(0) && out.starts_with("tenant ") && out.ends_with(counts), "{out}{said}");

    let verify = ["lake", "verify", "--data", "bartizan-data"];
    let (code, out, said) = run(&verify, folder.path());
    assert!(code == Some(0) && out.contains("rows 30,") && out.ends_with("findings 0\n"), "{out}{said}");
    let (code, out, said) = run(&["lake", "stats", "--data", "bartizan-data"], folder.path());
    assert!(code == Some(0) && out.contains(": rows 30, files 1 (0 merged)"), "{out}{said}");

    // One flipped bit is found, named, and never served.
    let file = data_file(&folder.path().join("bartizan-data/lake")).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let (code, out, said) = run(&verify, folder.path());
    let name = file.file_name().unwrap().to_str().unwrap();
    assert!(code == Some(1) && out.contains(name) && out.contains("is damaged"), "{out}");
    assert!(said.contains("the event lake is damaged"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_becomes_of_events_is_decided_by_commands() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&folder.path().join("bartizan-data"), free_port(), &["--no-sandbox"]).await;
    let row = |device| {
        format!(
            "{{\"Timestamp\":\"2024-05-06T07:08:09Z\",\"DeviceName\":\"{device}\",\"ActionType\":\"x\"}}\n"
        )
    };
    let rows = row("pc1.corp.example").repeat(3) + &row("pc2.corp.example");
    std::fs::write(folder.path().join("rows.jsonl"), rows).unwrap();
    let (code, _, said) = run(&["ingest", "--table", "DeviceEvents", "rows.jsonl"], folder.path());
    assert_eq!(code, Some(0), "{said}");
    let hunt = ["hunt", "DeviceEvents | summarize by DeviceName, DeviceId", "--output", "csv"];
    let (_, devices, said) = run(&hunt, folder.path());
    let device = devices.lines().find_map(|line| line.strip_prefix("pc1.corp.example,"));
    let device = device.unwrap_or_else(|| panic!("{devices}{said}")).to_owned();

    let lake = |arguments: &[&str]| {
        let (code, out, said) = run(&[&["lake"], arguments].concat(), folder.path());
        format!("{}: {out}{said}", code.unwrap())
    };
    assert_eq!(lake(&["retention", "list"]), "0: there are no rules: rows are kept for ever\n");
    assert_eq!(lake(&["retention", "set", "deviceinfo", "30"]), "0: DeviceInfo: rows are kept for 30 days\n");
    assert_eq!(lake(&["retention", "list"]), "0: DeviceInfo: rows are kept for 30 days\n");
    assert_eq!(lake(&["retention", "remove", "DeviceInfo"]), "0: DeviceInfo: the rule of 30 days is gone\n");
    let told = lake(&["retention", "set", "DeviceInfos", "30"]);
    assert!(told.starts_with("1: error: ResourceNotFound") && told.contains("DeviceInfo"), "{told}");
    let told = lake(&["retention", "set", "default", "0"]);
    assert!(told.contains("'days' takes a whole number from 1"), "{told}");

    let told = lake(&["hold", "add", "case-7", "--reason", "a\ncourt", "--table", "DeviceEvents"]);
    assert!(
        told.starts_with("0: case-7: keeps DeviceEvents since 2") && told.ends_with(": a court\n"),
        "{told}"
    );
    assert_eq!(lake(&["hold", "list"]), told);
    assert!(lake(&["delete-device", &device]).starts_with("1: error: deleted rows cannot be brought back"));
    let told = lake(&["delete-device", &device, "--yes"]);
    assert!(told.starts_with("1: error: Conflict: The legal hold 'case-7' keeps rows"), "{told}");
    assert_eq!(lake(&["hold", "release", "case-7"]), "0: case-7: released\n");
    assert_eq!(lake(&["hold", "list"]), "0: there are no legal holds\n");
    assert!(lake(&["hold", "release", "a/b"]).starts_with("1: error: ResourceNotFound"));
    let told = lake(&["delete-device", &device, "--yes"]);
    let expected = format!(
        "0: device {device}: rows deleted 3, files replaced 1, files left as they were 0\n  \
         DeviceEvents: rows 3, files 1\nthe replaced files stay on the disk until 2"
    );
    assert!(told.starts_with(&expected), "{told}");
    let (_, left, _) = run(&["hunt", "DeviceEvents | project DeviceName", "--output", "csv"], folder.path());
    assert_eq!(left.lines().collect::<Vec<_>>(), ["DeviceName", "pc2.corp.example"]);
    assert!(program.stop().success());
}

/// The first data file below a folder.
fn data_file(folder: &Path) -> Option<PathBuf> {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries.into_iter().find_map(|path| match path.is_dir() {
        true => data_file(&path),
        false => path.extension().is_some_and(|name| name == "parquet").then_some(path),
    })
}

#[test]
fn what_cannot_be_done_is_said_on_one_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), "data = 'd'\n[lake]\nflush = 5\n").unwrap();
    let (code, out, said) = run(&["serve", "--config", "c.toml"], folder.path());
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(said.starts_with("error: ") && said.contains("flush") && said.lines().count() == 1, "{said}");

    let (code, _, said) = run(&["hunt", "T"], folder.path());
    assert_eq!(code, Some(1));
    assert!(said.contains("bartizan quickstart"), "{said}");
    assert_eq!(run(&["quickstart", "--port", "x"], folder.path()).0, Some(2));
    assert_eq!(run(&["lake", "rebuild-profiles"], folder.path()).0, Some(2));
    let (code, _, said) = run(&["lake", "rebuild-profiles", "--data", "absent"], folder.path());
    assert!(code == Some(1) && said.contains("absent is not a Bartizan data folder"), "{said}");
    assert_eq!(run(&[], folder.path()).0, Some(2));
    let (code, out, _) = run(&["version"], folder.path());
    assert_eq!((code, out.starts_with("bartizan 0.")), (Some(0), true));
}

#[test]
fn a_folder_of_someone_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("precious"), "x").unwrap();
    let (code, _, said) = run(&["quickstart", "--fresh", "--port", "0", "--data", "other"], folder.path());
    assert_eq!(code, Some(1));
    assert!(said.contains("not a Bartizan data folder"), "{said}");
    assert!(other.join("precious").exists());
}
