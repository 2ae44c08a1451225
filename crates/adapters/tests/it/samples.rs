//! Published samples, where they are at hand: event log files and lines of auditd. Every record has one
//! outcome, and what the mappings cover becomes rows.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use adapters::{Input, Mapped, Mapper, find, recognise};

use crate::archives::{members, shared};
use crate::fixtures::assert_valid;

/// Outcomes by what they are, such as `row DeviceEvents` or `refused Damaged`.
fn outcomes(format: &str, body: &[u8], counts: &mut BTreeMap<String, usize>) {
    let format = find(format).unwrap();
    let mut given = 0;
    format.read(&mut Mapper::default(), &Input { body, device: "localhost" }, &mut |_, outcome| {
        given += 1;
        let kind = match outcome {
            Ok(Mapped::Row(row)) => {
                assert_valid(&row);
                format!("row {}", row.table.name)
            }
            Ok(Mapped::Unmapped { kind }) => {
                let (channel, id) = kind.rsplit_once('/').unwrap_or((&kind, ""));
                let is_covered = id.parse().is_ok_and(|id| adapters::covers(channel, id));
                assert!(!is_covered, "{kind} is covered");
                "unmapped".to_owned()
            }
            Ok(Mapped::Merged) => "merged".to_owned(),
            Err(refusal) => format!("refused {}", refusal.code()),
        };
        *counts.entry(kind).or_default() += 1;
        ControlFlow::Continue(())
    });
    assert_eq!(given, format.count(body));
}

fn skipped(what: &str) {
    eprintln!("skipped: no {what}; set BARTIZAN_SHARED to the folder that holds data/");
}

#[test]
fn event_log_files() {
    let telemetry = shared().join("data/telemetry");
    let archives = ["evtx-parser-samples/evtx-baseline.zip", "evtx-to-mitre-attack/evtx-visible.zip"];
    let mut counts = BTreeMap::new();
    for archive in archives.map(|archive| telemetry.join(archive)) {
        if !archive.is_file() {
            return skipped(&archive.display().to_string());
        }
        for body in members(&archive).into_iter().filter(|body| body.starts_with(b"ElfFile")) {
            assert_eq!(recognise(&body).map(|format| format.name), Some("evtx"));
            outcomes("evtx", &body, &mut counts);
        }
    }
    eprintln!("{counts:#?}");
    let sum: usize = counts.values().sum();
    // One file has eight chunks that are overwritten.
    assert_eq!((sum, counts["refused Damaged"]), (10_411, 8));
    assert_eq!(counts.keys().filter(|kind| kind.starts_with("refused")).count(), 1);
}

#[test]
fn lines_of_auditd() {
    let folder = shared().join("data/telemetry/go-libaudit");
    let files = ["testdata/normal.log", "testdata/out_of_order.log", "auparse/testdata/audit-rhel7.log"];
    let read = |file: &Path| fs::read(file).ok();
    let bodies: Vec<Vec<u8>> = files.iter().filter_map(|file| read(&folder.join(file))).collect();
    let [normal, out_of_order, single] = bodies.as_slice() else {
        return skipped(&folder.display().to_string());
    };
    let [mut in_order, mut others, mut singles] = <[BTreeMap<String, usize>; 3]>::default();
    outcomes("auditd", normal, &mut in_order);
    outcomes("auditd", out_of_order, &mut others);
    outcomes("auditd", single, &mut singles);
    assert_eq!(in_order, others);
    assert_eq!((in_order["row DeviceProcessEvents"], in_order["row DeviceNetworkEvents"]), (2, 1));
    // One line has no time.
    assert_eq!(singles["refused InvalidValue"], 1, "{singles:?}");
    // Events in the cases of another parser, indented and with their titles between them.
    for file in yaml_files(&folder.join("aucoalesce/testdata")) {
        let text = fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("type=")).collect();
        let mut counts = BTreeMap::new();
        outcomes("auditd", lines.join("\n").as_bytes(), &mut counts);
        let refused = counts.keys().filter(|kind| kind.starts_with("refused")).count();
        assert_eq!(refused, 0, "{}: {counts:?}", file.display());
    }
}

fn yaml_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect()
}
