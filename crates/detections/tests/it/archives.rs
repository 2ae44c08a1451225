//! Public rules over public recordings of attacks, against the matches other engines found there.
//!
//! The rules and recordings are not part of this repository: the test looks for them in the folder that
//! `BARTIZAN_SHARED` names, or beside the workspace, and says so when they are absent. It reads the smaller
//! archives; with `BARTIZAN_ALL_ARCHIVES` set it reads them all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use adapters::{Mapped, Mapper};
use detections::RuleSet;
use flate2::read::GzDecoder;
use serde_json::Value;

const SMALL_ARCHIVE_BYTES: u64 = 250_000;
const DISTINCT_RULES_MIN: usize = 25;
const RECALL_MIN: f64 = 0.95;

fn shared() -> Option<PathBuf> {
    let beside = PathBuf::from("../../../shared");
    let folder = std::env::var_os("BARTIZAN_SHARED").map_or(beside, PathBuf::from);
    folder.join("data/sigma/sigma-visible.tar.gz").is_file().then_some(folder)
}

/// What one archive gave.
#[derive(Default)]
struct Outcome {
    /// Lines on which a rule hit, by rule id.
    hits: HashMap<String, BTreeSet<usize>>,
    /// Lines that no row was made of, and their kind.
    unmapped: BTreeMap<usize, String>,
    rows: usize,
    evaluating: Duration,
}

fn evaluate(rules: &RuleSet, lines: &[u8]) -> Outcome {
    let mut mapper = Mapper::default();
    let mut outcome = Outcome::default();
    for (at, line) in lines.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let row = match mapper.map(line) {
            Ok(Mapped::Row(row)) => row,
            Ok(Mapped::Unmapped { kind }) => {
                outcome.unmapped.insert(at + 1, kind);
                continue;
            }
            Ok(Mapped::Merged) => panic!("a line is an event of its own"),
            Err(refusal) => {
                outcome.unmapped.insert(at + 1, refusal.to_string());
                continue;
            }
        };
        let start = Instant::now();
        let hits = rules.evaluate(&row);
        outcome.evaluating += start.elapsed();
        outcome.rows += 1;
        for meta in hits {
            outcome.hits.entry(meta.id.clone()).or_default().insert(at + 1);
        }
    }
    outcome
}

/// The JSON lines of an archive: its one member that holds some.
fn read_lines(path: &Path) -> Vec<u8> {
    let is_json = |name: &str| name.ends_with(".json") && !name.contains("__MACOSX");
    let mut lines = Vec::new();
    let file = File::open(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "zip") {
        let mut archive = zip::ZipArchive::new(file).unwrap();
        for at in 0..archive.len() {
            let mut member = archive.by_index(at).unwrap();
            if is_json(&member.name().unwrap()) {
                member.read_to_end(&mut lines).unwrap();
            }
        }
    } else {
        let mut archive = tar::Archive::new(GzDecoder::new(file));
        // Some of these files end in padding, after the members.
        for mut member in archive.entries().unwrap().map_while(Result::ok) {
            if is_json(&member.path().unwrap().to_string_lossy()) {
                member.read_to_end(&mut lines).unwrap();
            }
        }
    }
    lines
}

fn list_archives(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            list_archives(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "zip" || extension == "gz") {
            found.push(path);
        }
    }
}

#[test]
fn public_rules_hit_where_other_engines_hit() {
    let Some(shared) = shared() else {
        eprintln!("skipped: no folder of shared rules and recordings (BARTIZAN_SHARED)");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let rules = File::open(shared.join("data/sigma/sigma-visible.tar.gz")).unwrap();
    tar::Archive::new(GzDecoder::new(rules)).unpack(folder.path()).unwrap();
    let loading = Instant::now();
    let loaded = RuleSet::load(&[folder.path().to_owned()]);
    println!("{} rules in {:?}", loaded.rules.len(), loading.elapsed());
    for problem in &loaded.problems {
        println!("  problem {}: {}", problem.path.display(), problem.message);
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for skipped in &loaded.skipped {
        *reasons.entry(skipped.message.rsplit("': ").next().unwrap()).or_default() += 1;
    }
    println!("  {} skipped: {reasons:#?}", loaded.skipped.len());
    assert_eq!(loaded.problems, []);
    assert!(loaded.rules.len() + loaded.skipped.len() >= 2_400);

    let telemetry = shared.join("data/telemetry");
    let mut archives = Vec::new();
    list_archives(&telemetry.join("otrf-security-datasets"), &mut archives);
    if std::env::var_os("BARTIZAN_ALL_ARCHIVES").is_none() {
        archives.retain(|path| path.metadata().unwrap().len() <= SMALL_ARCHIVE_BYTES);
    }
    let mut outcomes = BTreeMap::new();
    for archive in &archives {
        let name = archive.strip_prefix(&telemetry).unwrap().to_string_lossy().into_owned();
        outcomes.insert(name, evaluate(&loaded.rules, &read_lines(archive)));
    }
    let rows: usize = outcomes.values().map(|outcome| outcome.rows).sum();
    let evaluating: Duration = outcomes.values().map(|outcome| outcome.evaluating).sum();
    let rate = rows as f64 / evaluating.as_secs_f64();
    println!("{} archives, {rows} rows, {evaluating:?} ({rate:.0} rows/s)", archives.len());

    let distinct: BTreeSet<&String> = outcomes.values().flat_map(|outcome| outcome.hits.keys()).collect();
    println!("{} different rules hit", distinct.len());
    let recall = compare(&shared, &outcomes);
    assert!(distinct.len() >= DISTINCT_RULES_MIN);
    assert!(recall >= RECALL_MIN, "recall {recall}");
}

/// The share of rule and file pairs of the reference that were found, where rows exist for them.
fn compare(shared: &Path, outcomes: &BTreeMap<String, Outcome>) -> f64 {
    let text = fs::read_to_string(shared.join("data/sigma/reference-matches-visible.json")).unwrap();
    let reference: Value = serde_json::from_str(&text).unwrap();
    let (mut pairs, mut found, mut exact, mut without_rows) = (0_u32, 0_u32, 0_u32, 0);
    for rule in reference["rules"].as_array().unwrap() {
        let (id, path) = (rule["id"].as_str().unwrap(), rule["path"].as_str().unwrap());
        if rule["status"] != "agree" {
            continue;
        }
        for (file, matches) in rule["matches"].as_object().unwrap() {
            let Some(outcome) = outcomes.get(file) else { continue };
            let refs = matches["refs"].as_array().unwrap().iter();
            let lines: Vec<usize> = refs.map(|line| line.as_u64().unwrap() as usize).collect();
            let hits = outcome.hits.get(id);
            let missed: Vec<&usize> =
                lines.iter().filter(|line| !hits.is_some_and(|hits| hits.contains(line))).collect();
            if hits.is_none() && lines.iter().all(|line| outcome.unmapped.contains_key(line)) {
                without_rows += 1;
                println!("no row: {path} in {file}: {}", outcome.unmapped[&lines[0]]);
                continue;
            }
            pairs += 1;
            found += u32::from(missed.len() < lines.len());
            let count = hits.map_or(0, BTreeSet::len) as u64;
            exact += u32::from(missed.is_empty() && Some(count) == matches["n"].as_u64());
            if !missed.is_empty() {
                println!("missed: {path} in {file}: lines {missed:?} of {}", matches["n"]);
            } else if Some(count) != matches["n"].as_u64() {
                println!("differs: {path} in {file}: {count} instead of {}", matches["n"]);
            }
        }
    }
    print_others(&reference, outcomes);
    let recall = f64::from(found) / f64::from(pairs);
    println!("recall {found} of {pairs} ({recall:.3}), {exact} exact; {without_rows} without rows");
    recall
}

/// Hits that the reference has nothing of, in any of its ways to compute them.
fn print_others(reference: &Value, outcomes: &BTreeMap<String, Outcome>) {
    let mut known: BTreeSet<(&str, &str)> = BTreeSet::new();
    for rule in reference["rules"].as_array().unwrap() {
        let files = ["matches", "win4688"].iter().filter_map(|kind| rule[*kind].as_object());
        known.extend(
            files.flat_map(|files| files.keys()).map(|file| (rule["id"].as_str().unwrap(), file.as_str())),
        );
    }
    for (file, outcome) in outcomes {
        for (id, lines) in
            outcome.hits.iter().filter(|(id, _)| !known.contains(&(id.as_str(), file.as_str())))
        {
            println!("other: {id} in {file}: {} lines, first {:?}", lines.len(), lines.first());
        }
    }
}
