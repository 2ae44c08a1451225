//! Published samples, where they are at hand: event log files. Every record has one
//! outcome, and what the mappings cover becomes rows.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

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
