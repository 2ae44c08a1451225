//! One file of lines a shape, and beside it what becomes of each line.

use std::fs;
use std::path::Path;

use adapters::{Mapped, Mapper, Refusal};
use expect_test::{ExpectFile, expect_file};
use model::{Cell, Kind, Row, tables};
use serde_json::{Map, Value, json};

#[track_caller]
fn check(name: &str, expected: ExpectFile) {
    let path = Path::new("tests/fixtures").join(name);
    let lines = fs::read_to_string(&path).unwrap();
    let mut mapper = Mapper::default();
    let outcomes: Vec<Value> = lines.lines().map(|line| render(&mut mapper, line)).collect();
    expected.assert_eq(&(serde_json::to_string_pretty(&outcomes).unwrap() + "\n"));
}

fn render(mapper: &mut Mapper, line: &str) -> Value {
    render_outcome(mapper.map(line.as_bytes()))
}

pub(crate) fn render_outcome(outcome: Result<Mapped, Refusal>) -> Value {
    match outcome {
        Ok(Mapped::Row(row)) => {
            assert_valid(&row);
            let mut fields = row.to_json();
            // An object is easier to review than its text.
            if let Some(Value::String(text)) = fields.get("AdditionalFields") {
                let parsed = serde_json::from_str(text).expect("AdditionalFields is JSON");
                fields.insert("AdditionalFields".to_owned(), parsed);
            }
            let mut out = Map::from_iter([("table".to_owned(), Value::from(row.table.name))]);
            out.extend(fields);
            Value::Object(out)
        }
        Ok(Mapped::Unmapped { kind }) => json!({ "unmapped": kind }),
        Ok(Mapped::Merged) => json!("merged"),
        Err(refusal) => json!({ "refused": refusal.code(), "why": refusal.to_string() }),
    }
}

/// Every cell is of its column's kind, and the row survives its own JSON.
pub(crate) fn assert_valid(row: &Row) {
    assert_eq!(tables::find(row.table.name), Some(row.table));
    for (column, cell) in row.table.columns.iter().zip(&row.cells) {
        let is_valid = match cell {
            Cell::Null => true,
            Cell::Bool(_) => column.kind == Kind::Bool,
            Cell::Long(number) => match column.kind {
                Kind::Int => i32::try_from(*number).is_ok(),
                kind => kind == Kind::Long,
            },
            Cell::Real(_) => column.kind == Kind::Real,
            Cell::Time(time) => column.kind == Kind::DateTime && time.unix_nanos().is_some(),
            Cell::Text(text) => {
                matches!(column.kind, Kind::String | Kind::Guid | Kind::Dynamic)
                    && (column.name != "AdditionalFields" || serde_json::from_str::<Value>(text).is_ok())
            }
        };
        assert!(is_valid, "{} holds {cell:?}", column.name);
    }
    if let Some(at) = row.table.position("ReportId")
        && row.table.columns[at].kind == Kind::Long
    {
        assert!(matches!(row.cells[at], Cell::Long(1..)), "{:?}", row.cells[at]);
    }
}

#[test]
fn nxlog_lines_of_sysmon() {
    check("nxlog_sysmon.jsonl", expect_file!["../fixtures/nxlog_sysmon.rows.json"]);
}

#[test]
fn powershell_exports_of_the_security_log() {
    check(
        "powershell_export_security.jsonl",
        expect_file!["../fixtures/powershell_export_security.rows.json"],
    );
}

#[test]
fn other_windows_channels() {
    check("other_channels.jsonl", expect_file!["../fixtures/other_channels.rows.json"]);
}

#[test]
fn winlogbeat_6_and_7() {
    check("winlogbeat.jsonl", expect_file!["../fixtures/winlogbeat.rows.json"]);
}

#[test]
fn azure_monitor_rows() {
    check("azure.jsonl", expect_file!["../fixtures/azure.rows.json"]);
}

#[test]
fn linux_sysmon_in_syslog() {
    check("syslog.jsonl", expect_file!["../fixtures/syslog.rows.json"]);
}

#[test]
fn events_as_xml_alone_and_in_lines_of_syslog() {
    check("sysmon_text.log", expect_file!["../fixtures/sysmon_text.rows.json"]);
}

#[test]
fn rows_of_hunting_tables() {
    check("device_rows.jsonl", expect_file!["../fixtures/device_rows.rows.json"]);
}

#[test]
fn what_is_refused() {
    check("refused.jsonl", expect_file!["../fixtures/refused.rows.json"]);
}

#[test]
fn a_repeated_line_gives_the_same_report_id() {
    let line = include_str!("../fixtures/powershell_export_security.jsonl").lines().next().unwrap();
    let mut mapper = Mapper::default();
    let report_id = |line: &str, mapper: &mut Mapper| match mapper.map(line.as_bytes()) {
        Ok(Mapped::Row(row)) => row.get("ReportId").clone(),
        other => panic!("{other:?}"),
    };
    let first = report_id(line, &mut mapper);
    assert_eq!(first, report_id(&format!("\u{feff}{line}\r\n"), &mut mapper));
    assert_ne!(first, report_id(&line.replace("Bob", "Rob"), &mut mapper));
    // Pinned: rows already stored were numbered this way.
    assert_eq!(first, Cell::Long(5451790134152716854));
}

#[test]
fn every_field_is_in_additional_fields_or_in_its_column() {
    let lines = include_str!("../fixtures/powershell_export_security.jsonl");
    let mut mapper = Mapper::default();
    let collector = ["SourceName", "ProviderGuid", "Level", "Keywords", "Channel", "Hostname", "TimeCreated"];
    for line in lines.lines() {
        let Ok(Mapped::Row(row)) = mapper.map(line.as_bytes()) else { continue };
        let Some(Value::Object(additional)) = serde_json::from_str(row.text("AdditionalFields")).ok() else {
            continue;
        };
        let source: Map<String, Value> = serde_json::from_str(line).unwrap();
        let (channel, id) = (source["Channel"].as_str().unwrap(), source["EventID"].as_i64().unwrap());
        assert!(adapters::covers(&channel.to_uppercase(), id));
        for (name, value) in &source {
            let is_collector = collector.contains(&&**name)
                || ["@timestamp", "EventID", "Message", "Task", "UtcTime"].contains(&&**name);
            if is_collector || value.is_null() || name.starts_with("TaskContent") {
                continue;
            }
            let in_column = adapters::column_of(channel, id, name).map(|column| row.get(column).to_json());
            let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
            let held = additional.get(name).cloned().or(in_column).unwrap_or_default();
            assert_eq!(text(&held), text(value), "{name} of {id}");
        }
    }
}

#[test]
fn coverage_is_by_channel_and_id() {
    for (channel, id, expected) in [
        ("Microsoft-Windows-Sysmon/Operational", 1, true),
        ("microsoft-windows-sysmon/operational", 255, false),
        ("security", 4688, true),
        ("Security", 4658, false),
        ("Linux-Sysmon/Operational", 3, true),
        ("", 1, false),
    ] {
        assert_eq!(adapters::covers(channel, id), expected, "{channel}/{id}");
    }
}
