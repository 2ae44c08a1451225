//! The published log: what a reader that knows the format and nothing else makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use expect_test::{Expect, expect};
use futures::TryStreamExt;
use lake::{DeltaConfig, DeltaTable, Files, stored_schema};
use model::Ticks;
use model::lake::DataFile;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use proptest::prelude::*;
use serde_json::Value;

use crate::harness::tenant;

const TABLE: &str = "DeviceProcessEvents";
const NOW: &str = "2026-11-20T10:00:00Z";

fn now() -> Ticks {
    Ticks::parse(NOW).unwrap()
}

fn root() -> String {
    format!("{}/{TABLE}", tenant(1))
}

fn in_memory() -> Files {
    Files::remote(Arc::new(InMemory::new()), 0)
}

/// A file of a day with the rows of some sequences.
fn file(name: &str, day: i64, first_sequence: i64, last_sequence: i64, rows: i64) -> Arc<DataFile> {
    let time = Ticks::parse("2026-11-20T09:15:43.1234567Z").map(|time| time.0).filter(|_| day > 0);
    Arc::new(DataFile {
        tenant: tenant(1),
        table: TABLE.to_owned(),
        day,
        path: format!("{}/{day}/{name}.parquet", root()),
        rows,
        bytes: 1000 + rows,
        first_time: time,
        last_time: time.map(|ticks| ticks + 15),
        first_sequence,
        last_sequence,
        schema_version: 1,
        checksums: Vec::new(),
        index_bytes: None,
        level: 0,
        added: Ticks(0),
        removed: None,
    })
}

fn config(checkpoint_commits: u64) -> DeltaConfig {
    DeltaConfig { checkpoint_commits, ..DeltaConfig::default() }
}

async fn open(files: &Files, config: DeltaConfig) -> DeltaTable {
    let schema = stored_schema(model::tables::find(TABLE).unwrap());
    DeltaTable::open(files.clone(), &root(), &schema, config).await.unwrap()
}

async fn publish(table: &mut DeltaTable, live: &[Arc<DataFile>]) -> Option<u64> {
    table.publish(live, &|| "5fba94ed-9794-4965-ba6e-6ee3c0d22af9".to_owned(), now()).await.unwrap()
}

async fn names(files: &Files) -> Vec<String> {
    let folder = Path::from(format!("{}/_delta_log", root()));
    let found: Vec<_> = files.store().list(Some(&folder)).try_collect().await.unwrap();
    let mut names: Vec<String> =
        found.iter().map(|meta| meta.location.filename().unwrap().to_owned()).collect();
    names.sort();
    names
}

async fn text_of(files: &Files, name: &str) -> String {
    let path = Path::from(format!("{}/_delta_log/{name}", root()));
    let bytes = files.store().get(&path).await.unwrap().bytes().await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn commit(files: &Files, version: u64) -> Vec<Value> {
    let text = text_of(files, &format!("{version:020}.json")).await;
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a reader sees at each version, by the commits alone: paths and their rows.
async fn replay(files: &Files, versions: u64) -> BTreeMap<String, i64> {
    let mut live = BTreeMap::new();
    for version in 0..versions {
        for action in commit(files, version).await {
            if let Some(path) = action["remove"]["path"].as_str() {
                assert!(live.remove(path).is_some(), "{path} was not there");
            }
            if let Some(path) = action["add"]["path"].as_str() {
                let stats: Value = serde_json::from_str(action["add"]["stats"].as_str().unwrap()).unwrap();
                let added = live.insert(path.to_owned(), stats["numRecords"].as_i64().unwrap());
                assert!(added.is_none(), "{path} was there");
            }
        }
    }
    live
}

/// The commits after publishing one list of files after the other, without what never differs.
async fn check(steps: &[&[Arc<DataFile>]], expected: Expect) {
    let files = in_memory();
    let mut table = open(&files, config(1000)).await;
    let mut shown = String::new();
    for live in steps {
        let Some(version) = publish(&mut table, live).await else {
            shown.push_str("nothing\n");
            continue;
        };
        for action in commit(&files, version).await {
            if let Some(operation) = action["commitInfo"]["operation"].as_str() {
                shown.push_str(&format!("{version} {operation}\n"));
            }
            for (kind, sign) in [("add", "+"), ("remove", "-")] {
                if let Some(path) = action[kind]["path"].as_str() {
                    shown.push_str(&format!("  {sign} {path} dataChange {}\n", action[kind]["dataChange"]));
                }
            }
        }
    }
    expected.assert_eq(&shown);
}

#[tokio::test]
async fn the_first_commit_describes_the_table() {
    let files = in_memory();
    let mut table = open(&files, config(20)).await;
    assert_eq!(table.version(), None);
    assert_eq!(publish(&mut table, &[file("a", 739_939, 1, 5, 5), file("b", 0, 6, 7, 2)]).await, Some(0));
    let mut text = text_of(&files, "00000000000000000000.json").await;
    let start = text.find(r#""schemaString":"#).unwrap();
    let end = start + text[start..].find(r#"","partitionColumns""#).unwrap();
    text.replace_range(start..end, r#""schemaString":"..."#);
    let version = env!("CARGO_PKG_VERSION");
    let text = text.replace(&format!("bartizan/{version}"), "bartizan/VERSION");
    expect![[r#"
        {"commitInfo":{"timestamp":1795168800000,"operation":"CREATE TABLE","operationParameters":{},"engineInfo":"bartizan/VERSION"}}
        {"protocol":{"minReaderVersion":1,"minWriterVersion":2}}
        {"metaData":{"id":"5fba94ed-9794-4965-ba6e-6ee3c0d22af9","format":{"provider":"parquet","options":{}},"schemaString":"...","partitionColumns":[],"configuration":{"delta.dataSkippingStatsColumns":"Timestamp,_sequence"},"createdTime":1795168800000}}
        {"add":{"path":"0/b.parquet","partitionValues":{},"size":1002,"modificationTime":1795168800000,"dataChange":true,"stats":"{\"numRecords\":2,\"minValues\":{\"_sequence\":6},\"maxValues\":{\"_sequence\":7},\"nullCount\":{\"Timestamp\":2,\"_sequence\":0}}"}}
        {"add":{"path":"739939/a.parquet","partitionValues":{},"size":1005,"modificationTime":1795168800000,"dataChange":true,"stats":"{\"numRecords\":5,\"minValues\":{\"Timestamp\":\"2026-11-20T09:15:43.123456Z\",\"_sequence\":1},\"maxValues\":{\"Timestamp\":\"2026-11-20T09:15:43.123458Z\",\"_sequence\":5},\"nullCount\":{\"Timestamp\":0,\"_sequence\":0}}"}}
    "#]].assert_eq(&text);
}

#[tokio::test]
async fn files_come_and_go() {
    let a = || file("a", 1, 1, 5, 5);
    let b = || file("b", 1, 6, 9, 4);
    let other_day = || file("c", 2, 2, 8, 3);
    let merged = || file("ab", 1, 1, 9, 9);
    check(
        &[&[a()], &[a()], &[a(), b(), other_day()], &[other_day(), merged()], &[merged()], &[]],
        expect![[r#"
            0 CREATE TABLE
              + 1/a.parquet dataChange true
            nothing
            1 WRITE
              + 1/b.parquet dataChange true
              + 2/c.parquet dataChange true
            2 OPTIMIZE
              + 1/ab.parquet dataChange false
              - 1/a.parquet dataChange false
              - 1/b.parquet dataChange false
            3 DELETE
              - 2/c.parquet dataChange true
            4 DELETE
              - 1/ab.parquet dataChange true
        "#]],
    )
    .await;
}

#[tokio::test]
async fn rows_that_are_new_are_never_called_old() {
    let a = || file("a", 1, 1, 5, 5);
    // A rewrite together with rows of its day, and of another day, that were never published.
    let mixed = file("mixed", 1, 1, 9, 9);
    check(
        &[&[a()], &[mixed, file("n", 2, 10, 11, 2)]],
        expect![[r#"
            0 CREATE TABLE
              + 1/a.parquet dataChange true
            1 WRITE
              + 1/mixed.parquet dataChange true
              + 2/n.parquet dataChange true
              - 1/a.parquet dataChange true
        "#]],
    )
    .await;
    // A rewrite beside new rows.
    let moved = file("moved", 1, 1, 5, 5);
    check(
        &[&[a()], &[moved, file("n", 1, 6, 7, 2)]],
        expect![[r#"
        0 CREATE TABLE
          + 1/a.parquet dataChange true
        1 OPTIMIZE
          + 1/moved.parquet dataChange false
          + 1/n.parquet dataChange true
          - 1/a.parquet dataChange false
    "#]],
    )
    .await;
    // Rows that were left out on the way.
    check(
        &[&[a()], &[file("fewer", 1, 1, 5, 4)]],
        expect![[r#"
            0 CREATE TABLE
              + 1/a.parquet dataChange true
            1 WRITE
              + 1/fewer.parquet dataChange true
              - 1/a.parquet dataChange true
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_new_column_is_a_new_schema_of_the_same_table() {
    let files = in_memory();
    let schema = stored_schema(model::tables::find(TABLE).unwrap());
    let fewer = schema.project(&[0, 1, 2]).unwrap();
    let mut table = DeltaTable::open(files.clone(), &root(), &fewer, config(20)).await.unwrap();
    publish(&mut table, &[file("a", 1, 1, 5, 5)]).await;

    let mut table = open(&files, config(20)).await;
    let new_id = || unreachable!("the table has its id");
    let version = table.publish(&[file("a", 1, 1, 5, 5)], &new_id, now()).await.unwrap();
    assert_eq!(version, Some(1));
    let (before, after) = (commit(&files, 0).await, commit(&files, 1).await);
    let meta = |actions: &[Value]| actions.iter().find_map(|a| a.get("metaData").cloned()).unwrap();
    assert_eq!(meta(&before)["id"], meta(&after)["id"]);
    assert_eq!(after.len(), 2, "commitInfo and metaData");
    assert!(meta(&after)["schemaString"].as_str().unwrap().contains("ProcessCommandLine"));
}

#[tokio::test]
async fn another_writer_may_be_ahead() {
    let files = in_memory();
    let (mut first, mut second) = (open(&files, config(20)).await, open(&files, config(20)).await);
    let live = [file("a", 1, 1, 5, 5)];
    assert_eq!(publish(&mut first, &live).await, Some(0));
    assert_eq!(publish(&mut second, &live).await, None, "it is published already");
    assert_eq!(publish(&mut second, &[file("b", 1, 6, 9, 4)]).await, Some(1));
    assert_eq!(publish(&mut first, &[file("c", 1, 10, 12, 3)]).await, Some(2));
    assert_eq!(replay(&files, 3).await.into_keys().collect::<Vec<_>>(), ["1/c.parquet"]);
}

#[tokio::test]
async fn a_folder_holds_whole_files_only() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::local(folder.path().to_owned()).unwrap();
    let mut table = open(&files, config(2)).await;
    let log = folder.path().join(root()).join("_delta_log");
    assert_eq!(publish(&mut table, &[file("a", 1, 1, 5, 5)]).await, Some(0));
    // What a power loss leaves of the next commit.
    std::fs::write(log.join("00000000000000000001.json#0"), "{\"add\"").unwrap();
    let mut table = open(&files, config(2)).await;
    assert_eq!(table.version(), Some(0));
    for version in 1..4 {
        let live = file("b", 1, 6 + version, 9 + version, 4 + version);
        let live = DataFile { path: live.path.replace("/b.", &format!("/b{version}.")), ..(*live).clone() };
        assert_eq!(publish(&mut table, &[Arc::new(live)]).await, Some(version as u64));
    }
    let mut found: Vec<String> = std::fs::read_dir(&log)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    expect![[r#"
        00000000000000000000.json
        00000000000000000001.checkpoint.parquet
        00000000000000000001.json
        00000000000000000002.json
        00000000000000000003.checkpoint.parquet
        00000000000000000003.json
        _last_checkpoint"#]]
    .assert_eq(&found.join("\n"));
}

#[tokio::test]
async fn the_log_stays_short() {
    let files = in_memory();
    let mut table = open(&files, config(3)).await;
    // Everything written now is old a year from now.
    let later = now().plus_seconds(365 * 86_400 * 10);
    for at in 0..8 {
        let live = [file(&format!("f{at}"), 1, at * 10, at * 10 + 9, 10)];
        table.publish(&live, &|| "id".to_owned(), later).await.unwrap();
    }
    expect![[r#"
        00000000000000000005.checkpoint.parquet
        00000000000000000005.json
        00000000000000000006.json
        00000000000000000007.json
        _last_checkpoint"#]]
    .assert_eq(&names(&files).await.join("\n"));
    let last: Value = serde_json::from_str(&text_of(&files, "_last_checkpoint").await).unwrap();
    assert_eq!(last["version"], 5);

    let mut read = open(&files, config(3)).await;
    assert_eq!(read.version(), Some(7));
    assert_eq!(publish(&mut read, &[file("f7", 1, 70, 79, 10)]).await, None);
}

#[tokio::test]
async fn a_damaged_log_is_named() {
    let damage = async |name: &str, content: Option<&'static str>| {
        let files = in_memory();
        let mut table = open(&files, config(2)).await;
        for at in 0..4 {
            publish(&mut table, &[file(&format!("f{at}"), 1, at * 10 + 1, at * 10 + 9, 9)]).await;
        }
        let path = Path::from(format!("{}/_delta_log/{name}", root()));
        match content {
            Some(content) => drop(files.store().put(&path, Bytes::from(content).into()).await.unwrap()),
            None => files.store().delete(&path).await.unwrap(),
        }
        let schema = stored_schema(model::tables::find(TABLE).unwrap());
        let opened = DeltaTable::open(files, &root(), &schema, config(2)).await;
        opened.err().map_or("no error".to_owned(), |error| error.to_string().replace(&root(), "ROOT"))
    };
    let (commit, checkpoint) = ("00000000000000000004.json", "00000000000000000003.checkpoint.parquet");
    let newer = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7}}"#;
    let shown = [
        damage(commit, Some("{\"add\":{}}")).await,
        damage(commit, Some(newer)).await,
        damage("00000000000000000005.json", Some("")).await,
        damage(checkpoint, Some("PAR1")).await,
        // The older checkpoint and the commits behind it still tell everything.
        damage(checkpoint, None).await,
    ];
    expect![[r#"
        the published log of ROOT/_delta_log/00000000000000000004.json cannot be used: missing field `path` at line 1 column 9
        the published log of ROOT/_delta_log/00000000000000000004.json cannot be used: the log asks for reader version 3 and writer version 7; 1 and 2 are known
        the published log of ROOT/_delta_log/00000000000000000004.json cannot be used: the commit is missing
        the published log of ROOT/_delta_log/00000000000000000003.checkpoint.parquet cannot be used: cannot write or read Parquet: EOF: Parquet file too small. Size is 4 but need 8
        no error"#]].assert_eq(&shown.join("\n"));
}

#[tokio::test]
async fn files_of_another_table_are_refused() {
    let mut table = open(&in_memory(), config(20)).await;
    let mut stray = (*file("a", 1, 1, 5, 5)).clone();
    stray.path = "elsewhere/1/a.parquet".to_owned();
    let error = table.publish(&[Arc::new(stray)], &String::new, now()).await.unwrap_err();
    assert!(error.to_string().contains("elsewhere/1/a.parquet"), "{error}");
}

/// What happens to a table between two publications.
#[derive(Clone, Debug)]
enum Step {
    /// Rows come in, on each of these days.
    Flush(Vec<i64>),
    /// All files of a day become one.
    Compact(i64),
    /// A day is over.
    Drop(i64),
    Publish,
    /// The process ends and starts again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => proptest::collection::vec(1i64..4, 1..4).prop_map(Step::Flush),
        2 => (1i64..4).prop_map(Step::Compact),
        1 => (1i64..4).prop_map(Step::Drop),
        4 => Just(Step::Publish),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..60)
}

/// Plays steps; after each publication a reader sees the live files, and one that follows changes only has seen
/// every row that was ever published.
async fn play(steps: Vec<Step>, checkpoint_commits: u64) {
    let files = in_memory();
    let mut table = open(&files, config(checkpoint_commits)).await;
    // Path to the sequences in it.
    let mut live: BTreeMap<String, (Arc<DataFile>, BTreeSet<i64>)> = BTreeMap::new();
    let mut contents: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
    let (mut next, mut named, mut versions) = (1, 0, 0);
    let mut followed: BTreeSet<i64> = BTreeSet::new();
    let mut add = |live: &mut BTreeMap<_, _>, contents: &mut BTreeMap<_, _>, day, rows: BTreeSet<i64>| {
        named += 1;
        let (first, last) = (*rows.first().unwrap(), *rows.last().unwrap());
        let added = file(&format!("f{named}"), day, first, last, rows.len() as i64);
        let path = format!("{day}/f{named}.parquet");
        contents.insert(path.clone(), rows.clone());
        live.insert(path, (added, rows));
    };
    for step in steps.into_iter().chain([Step::Publish]) {
        match step {
            Step::Flush(days) => {
                // Days share a flush's sequences, one row each, round and round.
                let mut rows: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
                for _ in 0..2 {
                    for day in &days {
                        rows.entry(*day).or_default().insert(next);
                        next += 1;
                    }
                }
                rows.into_iter().for_each(|(day, rows)| add(&mut live, &mut contents, day, rows));
            }
            Step::Compact(day) => {
                let of_day: Vec<String> =
                    live.iter().filter(|(_, (file, _))| file.day == day).map(|(p, _)| p.clone()).collect();
                let rows: BTreeSet<i64> =
                    of_day.iter().filter_map(|path| live.remove(path)).flat_map(|(_, rows)| rows).collect();
                if !rows.is_empty() {
                    add(&mut live, &mut contents, day, rows);
                }
            }
            Step::Drop(day) => live.retain(|_, (file, _)| file.day != day),
            Step::Restart => table = open(&files, config(checkpoint_commits)).await,
            Step::Publish => {
                let wanted: Vec<_> = live.values().map(|(file, _)| file.clone()).collect();
                let published = publish(&mut table, &wanted).await;
                if let Some(version) = published {
                    assert_eq!(version, versions);
                    versions += 1;
                    for action in commit(&files, version).await {
                        if action["add"]["dataChange"] == true {
                            followed.extend(&contents[action["add"]["path"].as_str().unwrap()]);
                        }
                    }
                }
                let seen = replay(&files, versions).await;
                let expected: BTreeMap<String, i64> =
                    live.iter().map(|(path, (file, _))| (path.clone(), file.rows)).collect();
                assert_eq!(seen, expected);
                let rows = live.values().flat_map(|(_, rows)| rows);
                assert!(rows.clone().all(|row| followed.contains(row)), "a follower of changes misses rows");
                assert_eq!(publish(&mut table, &wanted).await, None, "nothing changed");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn readers_see_the_live_files(steps in steps(), checkpoint_commits in 1u64..6) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(play(steps, checkpoint_commits));
    }
}

#[tokio::test]
async fn old_versions_stay_readable_for_the_retention() {
    let files = in_memory();
    let keep = DeltaConfig { log_retention: Duration::from_secs(86_400 * 36_500), ..config(2) };
    let mut table = open(&files, keep).await;
    for at in 0..6 {
        publish(&mut table, &[file(&format!("f{at}"), 1, at * 10 + 1, at * 10 + 9, 9)]).await;
    }
    let commits = names(&files).await.iter().filter(|name| name.ends_with(".json")).count();
    assert_eq!(commits, 6);
}
