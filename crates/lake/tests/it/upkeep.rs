//! Merging, retention, holds, deletion, and the lake as it was.

use lake::{Lake, LakeError, Upkeep};
use model::lake::{AsOf, DataFile, LegalHold, Policies, Retention};
use model::{Clock, DeviceId, Ticks};

use crate::harness::{World, numbers, numbers_in, rows, tenant};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_held_table_keeps_the_rows_of_a_deleted_device() {
    let world = World::new();
    let lake = flushed(&world, 1).await;
    let hold = LegalHold {
        tenant: tenant(1),
        name: "case".to_owned(),
        table: Some("DeviceNetworkEvents".to_owned()),
        reason: "a court asked".to_owned(),
        created: Ticks(0),
    };
    world.catalog.set_policies(Policies { retention: vec![], holds: vec![hold] });
    let device = DeviceId::parse(&format!("{:040x}", 0)).unwrap();
    let held = lake.tenant(tenant(1)).delete_device(&device).await.unwrap();
    assert_eq!(held, ["DeviceNetworkEvents"]);
    assert_eq!(numbers(&lake, tenant(1)).await, [1, 2, 3, 4, 5, 7, 8, 9]);
}
