//! Times to the last digit, in files of today and of before.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Schema, TimestampNanosecondType};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::prelude::{SessionConfig, SessionContext, col, lit};
use datafusion::scalar::ScalarValue;
use lake::{Catalog, Lake, Rows, stored_schema};
use model::lake::{CatalogChange, DataFile};
use model::{Row, Ticks};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::harness::{World, tenant};

const TABLE: &str = "DeviceFileEvents";

fn start() -> i64 {
    Ticks::parse("2024-05-05T10:00:00Z").unwrap().0
}

/// One row for each offset in ticks; the second time of every other row is missing.
fn rows(offsets: &[i64]) -> Vec<Rows> {
    let rows = offsets.iter().map(|offset| {
        let mut row = Row::new(model::tables::find(TABLE).unwrap());
        row.set("Timestamp", Ticks(start() + offset));
        row.set("DeviceId", "d".to_owned());
        row.set("FileName", format!("{offset}.exe"));
        if offset % 2 == 0 {
            row.set("InitiatingProcessCreationTime", Ticks(start() - offset));
        }
        row
    });
    Rows::of(&rows.collect::<Vec<_>>()).unwrap()
}

async fn batches(lake: &Lake, from: i64, to: i64) -> Vec<RecordBatch> {
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(1));
    context.runtime_env().register_object_store(lake::object_store_url().as_ref(), lake.object_store());
    let snapshot = lake.tenant(tenant(1)).snapshot();
    let is_empty = |name| snapshot.is_empty(model::tables::find(name).unwrap());
    assert!(!is_empty(TABLE) && is_empty("UrlClickEvents"));
    let table = context.read_table(snapshot.table(model::tables::find(TABLE).unwrap())).unwrap();
    let at = |offset: i64| {
        let nanos = Ticks(start() + offset).unix_nanos();
        lit(ScalarValue::TimestampNanosecond(nanos, Some("UTC".into())))
    };
    let within = col("\"Timestamp\"").gt_eq(at(from)).and(col("\"Timestamp\"").lt(at(to)));
    let columns = ["Timestamp", "InitiatingProcessCreationTime", "FileName", "InitiatingProcessFileName"];
    table.filter(within).unwrap().select_columns(&columns).unwrap().collect().await.unwrap()
}

/// Offsets of both times, and the name of each row between two offsets.
async fn found(lake: &Lake, from: i64, to: i64) -> Vec<(i64, Option<i64>, String)> {
    let mut found = Vec::new();
    for batch in batches(lake, from, to).await {
        let offset = |column: usize, row: usize| {
            let times = batch.column(column).as_primitive::<TimestampNanosecondType>();
            times.is_valid(row).then(|| Ticks::from_unix_nanos(times.value(row)).0 - start())
        };
        for row in 0..batch.num_rows() {
            let name = batch.column(2).as_string_view().value(row).to_owned();
            assert_eq!(batch.column(3).as_string_view().value(row), "", "what is missing reads as empty");
            assert!(batch.column(3).is_valid(row));
            found.push((offset(0, row).unwrap(), offset(1, row), name));
        }
    }
    found.sort();
    found
}

fn expected(offsets: impl IntoIterator<Item = i64>) -> Vec<(i64, Option<i64>, String)> {
    let row = |offset: i64| (offset, (offset % 2 == 0).then_some(-offset), format!("{offset}.exe"));
    offsets.into_iter().map(row).collect()
}

async fn check_all(lake: &Lake) {
    assert_eq!(found(lake, -100, 1_000).await, expected(0..30));
    // Bounds inside one microsecond, and at its ends.
    for (from, to) in [(3, 4), (7, 23), (10, 20), (9, 11), (12, 12), (29, 40), (30, 40)] {
        assert_eq!(found(lake, from, to).await, expected(from..to.min(30)), "{from} to {to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_digit_survives_files_and_merges() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    // More files than a merge takes.
    for part in 0..10 {
        let offsets: Vec<i64> = (part * 3..part * 3 + 3).collect();
        lake.tenant(tenant(1)).append(rows(&offsets), None).await.unwrap();
        if part == 4 {
            check_all_until(&lake, 15).await;
        }
        lake.flush().await.unwrap();
    }
    check_all(&lake).await;
    lake.upkeep().await.unwrap();
    assert!(world.catalog.files().iter().any(|file| file.level > 0), "nothing was merged");
    check_all(&lake).await;
    drop(lake);
    check_all(&world.open().await.unwrap()).await;
}

async fn check_all_until(lake: &Lake, end: i64) {
    assert_eq!(found(lake, -100, 1_000).await, expected(0..end));
}

/// A file as version 1 wrote it: times of nanoseconds, and none of the columns that were declared since.
async fn write_old_file(world: &World, offsets: &[i64]) {
    let lake = world.open().await.unwrap();
    lake.tenant(tenant(1)).append(rows(offsets), None).await.unwrap();
    let table = model::tables::find(TABLE).unwrap();
    let context = SessionContext::new();
    let hot = context.read_table(lake.tenant(tenant(1)).snapshot().table(table)).unwrap();
    let batch = hot.collect().await.unwrap().remove(0);
    let kept: Vec<usize> = (0..batch.num_columns())
        .filter(|at| batch.schema().field(*at).name() != "InitiatingProcessFileName")
        .collect();
    let batch = batch.project(&kept).unwrap();
    assert_eq!(batch.num_columns() + 1, stored_schema(table).fields().len());
    lake.flush().await.unwrap();
    drop(lake);

    let fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    let mut writer = ArrowWriter::try_new(Vec::new(), Arc::new(Schema::new(fields)), None).unwrap();
    writer.write(&batch).unwrap();
    let bytes = writer.into_inner().unwrap();
    let flushed = world.catalog.files().remove(0);
    let file = DataFile {
        path: flushed.path.replace(".parquet", "-old.parquet"),
        bytes: bytes.len() as i64,
        checksums: Vec::new(),
        schema_version: 1,
        ..flushed.clone()
    };
    world.files.put(&Path::from(file.path.as_str()), bytes.into()).await.unwrap();
    let change = CatalogChange {
        added: vec![file],
        removed: vec![(flushed.path, Ticks(0))],
        ..CatalogChange::default()
    };
    world.catalog.commit(change).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_before_stay_readable() {
    let world = World::new();
    write_old_file(&world, &(0..20).collect::<Vec<_>>()).await;
    let lake = world.open().await.unwrap();
    assert_eq!(found(&lake, 3, 4).await, expected(3..4));
    for offset in 20..30 {
        lake.tenant(tenant(1)).append(rows(&[offset]), None).await.unwrap();
        lake.flush().await.unwrap();
    }
    check_all(&lake).await;
    world.clock.advance(7 * 3_600);
    lake.upkeep().await.unwrap();
    let old_is_merged = |file: &DataFile| file.path.ends_with("-old.parquet") && file.removed.is_some();
    assert!(world.catalog.files().iter().any(old_is_merged), "{:?}", world.catalog.files());
    check_all(&lake).await;
}
