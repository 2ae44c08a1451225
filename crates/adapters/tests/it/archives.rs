//! Real exports, where they are at hand: every line has an outcome, and covered events become rows.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adapters::{Mapped, Mapper, covers};
use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::fixtures::assert_valid;

#[derive(Default)]
struct Counts {
    lines: usize,
    rows: BTreeMap<String, usize>,
    unmapped: BTreeMap<String, usize>,
    refused: BTreeMap<&'static str, usize>,
    covered: usize,
    covered_rows: usize,
    mapping: Duration,
    bytes: usize,
}

#[test]
fn every_record_of_the_archives_has_an_outcome() {
    let folder = shared().join("data/telemetry/otrf-security-datasets");
    let mut archives = Vec::new();
    find_archives(&folder, &mut archives);
    archives.sort();
    if archives.is_empty() {
        eprintln!(
            "skipped: no archives in {}; set BARTIZAN_SHARED to the folder that holds data/",
            folder.display()
        );
        return;
    }
    let mut counts = Counts::default();
    for archive in &archives {
        // Each archive is its own network of devices.
        let mut mapper = Mapper::default();
        for member in members(archive) {
            for line in member.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
                count(&mut counts, &mut mapper, line);
            }
        }
    }
    report(&counts, archives.len());
    let sum = |counts: &BTreeMap<String, usize>| counts.values().sum::<usize>();
    let refused: usize = counts.refused.values().sum();
    assert_eq!(sum(&counts.rows) + sum(&counts.unmapped) + refused, counts.lines);
    assert!(
        counts.covered_rows * 100 >= counts.covered * 95,
        "{} of {}",
        counts.covered_rows,
        counts.covered
    );
}

/// The folder of larger sets of data.
pub(crate) fn shared() -> PathBuf {
    std::env::var_os("BARTIZAN_SHARED").map_or_else(|| PathBuf::from("../../../shared"), PathBuf::from)
}

fn count(counts: &mut Counts, mapper: &mut Mapper, line: &[u8]) {
    counts.lines += 1;
    counts.bytes += line.len();
    let start = Instant::now();
    let outcome = mapper.map(line);
    counts.mapping += start.elapsed();
    let is_covered = serde_json::from_slice(line).is_ok_and(|kind: Kind| kind.is_covered());
    counts.covered += usize::from(is_covered);
    match outcome {
        Ok(Mapped::Row(row)) => {
            // Reading every AdditionalFields again would double the time of the test.
            if counts.lines.is_multiple_of(8) {
                assert_valid(&row);
            }
            counts.covered_rows += usize::from(is_covered);
            let action = row.text("ActionType");
            *counts.rows.entry(format!("{} {action}", row.table.name)).or_default() += 1;
        }
        Ok(Mapped::Unmapped { kind }) => {
            assert!(!is_covered, "{kind} is covered");
            *counts.unmapped.entry(kind).or_default() += 1;
        }
        Ok(Mapped::Merged) => panic!("a line is an event of its own"),
        Err(refusal) => *counts.refused.entry(refusal.code()).or_default() += 1,
    }
}

/// What says whether a record is covered, in the shapes that hold it at the top.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "Channel", alias = "log_name")]
    channel: Option<String>,
    #[serde(rename = "EventID", alias = "event_id")]
    event_id: Option<i64>,
}

impl Kind {
    fn is_covered(&self) -> bool {
        self.channel.as_deref().zip(self.event_id).is_some_and(|(channel, id)| covers(channel, id))
    }
}

fn report(counts: &Counts, archives: usize) {
    let seconds = counts.mapping.as_secs_f64();
    eprintln!("{} lines, {} MB of {archives} archives", counts.lines, counts.bytes >> 20);
    eprintln!("{:.0} lines/s in the mapper", counts.lines as f64 / seconds);
    eprintln!("covered: {} of {} became rows", counts.covered_rows, counts.covered);
    eprintln!("refused: {:?}", counts.refused);
    for (title, kinds) in [("rows", &counts.rows), ("unmapped", &counts.unmapped)] {
        eprintln!("{title}: {}", kinds.values().sum::<usize>());
        let mut kinds: Vec<_> = kinds.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (kind, count) in kinds {
            eprintln!("  {count:>7} {kind}");
        }
    }
}

fn find_archives(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.to_string_lossy().to_lowercase();
        if path.is_dir() {
            find_archives(&path, found);
        } else if name.ends_with(".zip") || name.ends_with(".tar.gz") {
            found.push(path);
        }
    }
}

/// The files in an archive. Padding after a gzip member is not read, and what macOS adds to zips is left out.
pub(crate) fn members(archive: &Path) -> Vec<Vec<u8>> {
    let file = BufReader::new(File::open(archive).unwrap());
    let mut members = Vec::new();
    if archive.extension().is_some_and(|extension| extension == "gz") {
        let mut tar = tar::Archive::new(GzDecoder::new(file));
        for mut entry in
            tar.entries().unwrap().flatten().filter(|entry| entry.header().entry_type().is_file())
        {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            members.push(bytes);
        }
        return members;
    }
    let mut zip = zip::ZipArchive::new(file).unwrap();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).unwrap();
        if entry.is_file() && entry.name().is_ok_and(|name| !name.contains("__MACOSX")) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            members.push(bytes);
        }
    }
    members
}
