//! Merging, retention, holds, deletion, and the lake as it was.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, lit};
use datafusion::physical_plan::displayable;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use lake::{Files, Lake, LakeError, Parts, Rows, Upkeep};
use model::lake::{AsOf, DataFile, LegalHold, Policies, Retention};
use model::{Clock, DeviceId, Row, Ticks};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use uuid::Uuid;

use crate::harness::{CACHE_BYTES, World, numbers, numbers_in, rows, tenant};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A lake with so many flushes of ten rows, numbered from 0.
async fn flushed(world: &World, flushes: i64) -> Lake {
    let lake = world.open().await.unwrap();
    for flush in 0..flushes {
        lake.tenant(tenant(1)).append(rows(flush * 10..flush * 10 + 10), None).await.unwrap();
        lake.flush().await.unwrap();
    }
    lake
}

fn listed(world: &World) -> Vec<DataFile> {
    world.catalog.files().into_iter().filter(|file| file.removed.is_none()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_files_hold_the_same_rows_sorted() {
    let world = World::new();
    let lake = flushed(&world, 8).await;
    let all: Vec<i64> = (0..80).collect();
    let before = listed(&world);
    let done = lake.upkeep().await.unwrap();
    assert!(done.merged >= 16 && done.made < done.merged, "{done:?}");
    let after = listed(&world);
    assert!(after.len() < before.len());
    assert_eq!(after.iter().map(|file| file.rows).sum::<i64>(), 80);
    assert!(after.iter().all(|file| file.level == 1 && file.first_sequence < file.last_sequence));
    let spans = |files: &[DataFile]| {
        let first = files.iter().map(|file| (file.first_sequence, file.first_time)).min();
        (first, files.iter().map(|file| (file.last_sequence, file.last_time)).max())
    };
    assert_eq!(spans(&after), spans(&before));
    assert_eq!(numbers(&lake, tenant(1)).await, all);
    assert_eq!(lake.upkeep().await.unwrap(), Upkeep::default(), "there is nothing more to do");

    drop(lake);
    let again = world.open().await.unwrap();
    assert_eq!(numbers(&again, tenant(1)).await, all);
    world.clock.advance(2 * HOUR);
    let done = again.upkeep().await.unwrap();
    assert_eq!(done.purged, before.len());
    assert_eq!(world.catalog.files(), listed(&world));
    assert_eq!(numbers(&again, tenant(1)).await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_fails_keeps_no_other_one_waiting() {
    for table in ["DeviceProcessEvents", "DeviceNetworkEvents"] {
        let world = World::new();
        drop(flushed(&world, 8).await);
        let damaged = listed(&world).into_iter().find(|file| file.table == table).unwrap();
        let location = Path::from(damaged.path.as_str());
        let whole = world.files.get(&location).await.unwrap().bytes().await.unwrap();
        let mut bytes = whole.to_vec();
        bytes[whole.len() / 2] ^= 1;
        world.files.put(&location, bytes.into()).await.unwrap();

        let lake = world.open().await.unwrap();
        let error = lake.upkeep().await.unwrap_err();
        assert!(error.to_string().contains(&damaged.path), "{error}");
        assert!(listed(&world).iter().all(|file| (file.level == 0) == (file.table == table)), "{table}");
        world.files.put(&location, whole.into()).await.unwrap();
        lake.upkeep().await.unwrap();
        assert!(listed(&world).iter().all(|file| file.level == 1));
        assert_eq!(numbers(&lake, tenant(1)).await, (0..80).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_ends_after_a_minute_and_the_next_one_goes_on() {
    let world = World::new();
    drop(flushed(&world, 8).await);
    let clock = world.clock.clone();
    let new_name = move || {
        clock.advance(61);
        Uuid::new_v4().to_string()
    };
    let parts = world.parts(Files::remote(world.files.clone(), CACHE_BYTES));
    let lake = Lake::open(Parts { new_name: Box::new(new_name), ..parts }).await.unwrap();
    let done = lake.upkeep().await.unwrap();
    assert_eq!((done.made, done.left), (1, 1));
    let done = lake.upkeep().await.unwrap();
    assert_eq!((done.made, done.left), (1, 0));
    assert_eq!(numbers(&lake, tenant(1)).await, (0..80).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_began_before_a_merge_reads_on() {
    let world = World::new();
    let lake = flushed(&world, 8).await;
    let snapshot = lake.tenant(tenant(1)).snapshot();
    lake.upkeep().await.unwrap();
    assert_eq!(numbers_in(&lake, snapshot).await.len(), 80);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_retired_by_the_rule_of_their_table_and_tenant() {
    let world = World::new();
    let lake = flushed(&world, 1).await;
    lake.tenant(tenant(2)).append(rows(0..4), None).await.unwrap();
    lake.flush().await.unwrap();
    // Numbers are of 5 and 6 May; odd ones are of DeviceNetworkEvents.
    let rule = |table: &str, days| Retention { tenant: tenant(1), table: Some(table.to_owned()), days };
    let hold = LegalHold {
        tenant: tenant(1),
        name: "case".to_owned(),
        table: Some("DeviceNetworkEvents".to_owned()),
        reason: "a court asked".to_owned(),
        created: Ticks(0),
    };
    let retention = vec![rule("DeviceProcessEvents", 1), rule("DeviceNetworkEvents", 1)];
    world.catalog.set_policies(Policies { retention: retention.clone(), holds: vec![hold] });
    lake.upkeep().await.unwrap();
    assert_eq!(numbers(&lake, tenant(1)).await.len(), 10, "5 May is within a day of 6 May");
    world.clock.advance(2 * DAY);
    assert!(lake.upkeep().await.unwrap().retired > 0);
    assert_eq!(numbers(&lake, tenant(1)).await, [1, 3, 5, 7, 9], "what is held stays");
    assert_eq!(numbers(&lake, tenant(2)).await.len(), 4);
    world.catalog.set_policies(Policies { retention, holds: vec![] });
    lake.upkeep().await.unwrap();
    assert_eq!(numbers(&lake, tenant(1)).await, [] as [i64; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_is_there_for_the_grace_period() {
    let world = World::new();
    let lake = flushed(&world, 8).await;
    let noon = world.clock.now();
    world.clock.advance(600);
    lake.tenant(tenant(1)).append(rows(80..90), None).await.unwrap();
    lake.flush().await.unwrap();
    lake.upkeep().await.unwrap();
    lake.tenant(tenant(1)).append(rows(90..95), None).await.unwrap();
    let device = DeviceId::parse(&format!("{:040x}", 0)).unwrap();
    world.clock.advance(600);
    let before_deletion = world.clock.now();
    world.clock.advance(1);
    lake.tenant(tenant(1)).delete_device(&device).await.unwrap();
    let kept: Vec<i64> = (0..95).filter(|number| number % 3 != 0).collect();
    assert_eq!(numbers(&lake, tenant(1)).await, kept);

    let past = async |lake: &Lake, as_of| {
        numbers_in(lake, lake.tenant(tenant(1)).snapshot().as_of(as_of).unwrap()).await
    };
    assert_eq!(past(&lake, AsOf::Time(noon)).await, (0..80).collect::<Vec<_>>());
    assert_eq!(past(&lake, AsOf::Time(before_deletion)).await, (0..95).collect::<Vec<_>>());
    assert_eq!(past(&lake, AsOf::Time(world.clock.now())).await, kept);
    let until: Vec<i64> = (0..20).filter(|number| number % 3 != 0).collect();
    assert_eq!(past(&lake, AsOf::Sequence(20)).await, until);

    drop(lake);
    let again = world.open().await.unwrap();
    assert_eq!(past(&again, AsOf::Time(noon)).await, (0..80).collect::<Vec<_>>());
    world.clock.advance(HOUR);
    let refused = again.tenant(tenant(1)).snapshot().as_of(AsOf::Time(noon));
    assert!(matches!(refused.err(), Some(LakeError::TooEarly { .. })));
    again.upkeep().await.unwrap();
    assert_eq!(numbers(&again, tenant(1)).await, kept);
}

/// The plan of a search for a file name, and the numbers of the rows it finds.
async fn search(lake: &Lake, name: &str) -> (String, Vec<i64>) {
    let context = SessionContext::new();
    context.runtime_env().register_object_store(lake::object_store_url().as_ref(), lake.object_store());
    let table = model::tables::find("DeviceProcessEvents").unwrap();
    let provider = lake.tenant(tenant(1)).table(table);
    let column = Expr::Column(Column::new_unqualified("InitiatingProcessFileName"));
    let report_id = Expr::Column(Column::new_unqualified("ReportId"));
    let frame = context.read_table(provider).unwrap().filter(column.eq(lit(name))).unwrap();
    let frame = frame.select(vec![report_id]).unwrap();
    let plan = frame.clone().create_physical_plan().await.unwrap();
    let plan = displayable(plan.as_ref()).indent(false).to_string();
    let batches = frame.collect().await.unwrap();
    let numbers =
        batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().iter().flatten());
    (plan, numbers.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_files_are_left_out_by_their_index() {
    let world = World::new();
    let lake = flushed(&world, 8).await;
    assert!(search(&lake, "tool900.exe").await.0.contains(".parquet"), "flushed files have no index");
    lake.upkeep().await.unwrap();
    world.clock.advance(2 * HOUR);
    lake.upkeep().await.unwrap();
    assert!(listed(&world).iter().all(|file| file.index_bytes.is_some_and(|bytes| bytes > 0)));
    let (plan, found) = search(&lake, "tool900.exe").await;
    assert!(!plan.contains(".parquet") && found.is_empty(), "{plan}");
    for number in [0, 8, 78] {
        assert_eq!(search(&lake, &format!("tool{number}.exe")).await.1, [number]);
    }

    // A damaged index is as good as none.
    let store = lake.object_store();
    for file in listed(&world) {
        let path = Path::from(file.index_path());
        let mut bytes = store.get(&path).await.unwrap().bytes().await.unwrap().to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        store.put(&path, bytes.into()).await.unwrap();
    }
    drop(lake);
    let again = world.open().await.unwrap();
    for number in [0, 8, 78] {
        assert_eq!(search(&again, &format!("tool{number}.exe")).await.1, [number]);
    }
}

/// A row whose command line is like no other and hard to compress.
fn unlike(number: u64) -> Row {
    let mut row = Row::new(model::tables::find("DeviceProcessEvents").unwrap());
    row.set("Timestamp", Ticks::parse("2024-05-06T07:08:09Z"));
    row.set("DeviceId", format!("{:040x}", number % 3));
    row.set("ReportId", number as i64);
    row.set("ProcessCommandLine", line(number));
    row
}

fn line(number: u64) -> String {
    let digits = |part: u64| {
        let mixed = (number * 4 + part + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    };
    (0..4).map(|part| format!("{:016x}", digits(part))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_up_reads_the_pages_that_may_hold_it() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    for flush in 0..8 {
        let some: Vec<Row> = (flush * 8_192..(flush + 1) * 8_192).map(unlike).collect();
        lake.tenant(tenant(1)).append(Rows::of(&some).unwrap(), None).await.unwrap();
        lake.flush().await.unwrap();
    }
    lake.upkeep().await.unwrap();
    let [file] = &listed(&world)[..] else { panic!("one file") };
    assert_eq!(file.rows, 16 * i64::from(lake::ROWS_PER_BLOCK));

    let context = SessionContext::new();
    context.runtime_env().register_object_store(lake::object_store_url().as_ref(), lake.object_store());
    let table = model::tables::find("DeviceProcessEvents").unwrap();
    let provider = lake.tenant(tenant(1)).snapshot().table(table);
    let column = Expr::Column(Column::new_unqualified("ProcessCommandLine"));
    let frame = context.read_table(provider).unwrap().filter(column.eq(lit(line(40_000)))).unwrap();
    let plan = frame.select_columns(&["ReportId"]).unwrap().create_physical_plan().await.unwrap();
    let found = datafusion::physical_plan::collect(plan.clone(), context.task_ctx()).await.unwrap();
    let numbers = found.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().iter().flatten());
    assert_eq!(numbers.collect::<Vec<_>>(), [40_000]);
    let (mut read, mut plans) = (0, vec![plan]);
    while let Some(plan) = plans.pop() {
        let bytes = plan.metrics().and_then(|metrics| metrics.sum_by_name("bytes_scanned"));
        read += bytes.map_or(0, |bytes| bytes.as_usize());
        plans.extend(plan.children().into_iter().cloned());
    }
    assert!(read > 0 && read * 8 < file.bytes as usize, "{read} of {} bytes", file.bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_is_removed_and_what_others_read_is_not() {
    let world = World::new();
    let lake = flushed(&world, 8).await;
    lake.upkeep().await.unwrap();
    let paths = async |store: &InMemory| {
        let found: Vec<_> = store.list(None).try_collect().await.unwrap();
        found.into_iter().map(|meta| meta.location.to_string()).collect::<Vec<_>>()
    };
    let before = paths(&world.files).await;
    assert!(before.iter().any(|path| path.contains("/_delta_log/")), "{before:?}");
    // The process ends between the writing of files and their commit.
    lake.tenant(tenant(1)).append(rows(80..100), None).await.unwrap();
    world.catalog.fail_commits(true);
    lake.flush().await.unwrap_err();
    let left = paths(&world.files).await;
    assert!(left.len() > before.len(), "{left:?}");
    // Nobody announced these: they may be evidence that an older catalog does not know.
    let folder = format!("{}/DeviceProcessEvents/739011", tenant(1));
    let unknown = [format!("{folder}/_unknown.terms"), format!("{folder}/unknown.parquet")];
    for path in &unknown {
        world.files.put(&Path::from(path.as_str()), "x".into()).await.unwrap();
    }
    drop(lake);
    world.catalog.fail_commits(false);
    let again = world.open().await.unwrap();
    let mut expected = [before, unknown.to_vec()].concat();
    expected.sort_unstable();
    let mut found = paths(&world.files).await;
    found.sort_unstable();
    assert_eq!(found, expected);
    assert!(world.disk.segments().iter().all(|name| name.ends_with(".log")), "{:?}", world.disk.segments());
    assert_eq!(numbers(&again, tenant(1)).await, (0..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_file_is_named_and_never_served() {
    let world = World::new();
    let lake = flushed(&world, 8).await;
    lake.upkeep().await.unwrap();
    world.clock.advance(2 * HOUR);
    lake.upkeep().await.unwrap();
    lake.tenant(tenant(1)).append(rows(80..90), None).await.unwrap();
    lake.flush().await.unwrap();
    let verified = lake.verify().await.unwrap();
    assert_eq!((verified.rows, verified.unchecked, verified.findings.len()), (90, 0, 0));
    let right = numbers(&lake, tenant(1)).await;

    let mut paths: Vec<String> = listed(&world).into_iter().map(|file| file.path).collect();
    paths.extend(listed(&world).iter().filter(|file| file.index_bytes.is_some()).map(DataFile::index_path));
    for path in paths {
        let location = Path::from(path.as_str());
        let whole = world.files.get(&location).await.unwrap().bytes().await.unwrap();
        for at in (0..whole.len()).step_by(whole.len() / 23 + 1).chain([whole.len() - 1]) {
            let mut damaged = whole.to_vec();
            damaged[at] ^= 1 << (at % 8);
            world.files.put(&location, damaged.into()).await.unwrap();
            let found = lake.verify().await.unwrap().findings;
            assert!(found.iter().any(|finding| finding.path == path), "{path} at {at}: {found:?}");
            // Read anew, as after a restart: nothing, or what is right.
            let again = world.open().await.unwrap();
            if let Some(numbers) = numbers_if_readable(&again).await {
                assert_eq!(numbers, right, "{path} at {at}");
            }
        }
        world.files.put(&location, whole.into()).await.unwrap();
    }
    assert!(lake.verify().await.unwrap().findings.is_empty());
}

/// The numbers of all rows of both tables, if they can be read.
async fn numbers_if_readable(lake: &Lake) -> Option<Vec<i64>> {
    let context = SessionContext::new();
    context.runtime_env().register_object_store(lake::object_store_url().as_ref(), lake.object_store());
    let mut numbers = Vec::new();
    for table in ["DeviceProcessEvents", "DeviceNetworkEvents"] {
        let provider = lake.tenant(tenant(1)).table(model::tables::find(table).unwrap());
        for batch in context.read_table(provider).ok()?.collect().await.ok()? {
            let report_ids = batch.column_by_name("ReportId")?.as_primitive::<Int64Type>();
            numbers.extend(report_ids.iter().flatten());
        }
    }
    numbers.sort_unstable();
    Some(numbers)
}
