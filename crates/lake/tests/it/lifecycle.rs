//! Append, read, flush, restart, refuse.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use futures::TryStreamExt;
use lake::{Catalog, Files, LakeConfig, LakeError};

use crate::harness::{World, numbers, rows, tenant};

#[tokio::test]
async fn acknowledged_rows_are_visible_at_once_and_after_flush_and_restart() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    let appended = lake.tenant(tenant(1)).append(rows(0..100), None).await.unwrap();
    assert_eq!((appended.first_sequence, appended.last_sequence, appended.duplicate), (1, 100, false));
    let all: Vec<i64> = (0..100).collect();
    assert_eq!(numbers(&lake, tenant(1)).await, all);

    assert_eq!(lake.flush().await.unwrap(), 100);
    assert_eq!(lake.stats().hot_rows, 0);
    assert_eq!(numbers(&lake, tenant(1)).await, all);

    let appended = lake.tenant(tenant(1)).append(rows(100..150), None).await.unwrap();
    assert_eq!(appended.first_sequence, 101);
    drop(lake);
    let again = world.open().await.unwrap();
    assert_eq!(numbers(&again, tenant(1)).await, (0..150).collect::<Vec<_>>());
    again.close().await.unwrap();
    let again = world.open().await.unwrap();
    assert_eq!(again.stats().hot_rows, 0, "closing flushes");
    assert_eq!(numbers(&again, tenant(1)).await, (0..150).collect::<Vec<_>>());
}

#[tokio::test]
async fn tenants_do_not_see_each_other() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    lake.tenant(tenant(1)).append(rows(0..10), None).await.unwrap();
    lake.tenant(tenant(2)).append(rows(10..15), None).await.unwrap();
    for flushed in [false, true] {
        assert_eq!(numbers(&lake, tenant(1)).await, (0..10).collect::<Vec<_>>(), "flushed: {flushed}");
        assert_eq!(numbers(&lake, tenant(2)).await, (10..15).collect::<Vec<_>>());
        assert_eq!(numbers(&lake, tenant(3)).await, Vec::<i64>::new());
        lake.flush().await.unwrap();
    }
}

#[tokio::test]
async fn a_repeated_sequence_of_a_producer_adds_nothing_even_after_flush_and_restart() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    let producer = |sequence| Some(("shipper".to_owned(), sequence));
    lake.tenant(tenant(1)).append(rows(0..10), producer(1)).await.unwrap();
    assert!(lake.tenant(tenant(1)).append(rows(0..10), producer(1)).await.unwrap().duplicate);
    // Another tenant's producer of the same name is another producer.
    assert!(!lake.tenant(tenant(2)).append(rows(0..1), producer(1)).await.unwrap().duplicate);
    lake.flush().await.unwrap();
    assert!(lake.tenant(tenant(1)).append(rows(0..10), producer(1)).await.unwrap().duplicate);
    lake.tenant(tenant(1)).append(rows(10..20), producer(2)).await.unwrap();
    drop(lake);
    let again = world.open().await.unwrap();
    assert!(again.tenant(tenant(1)).append(rows(0..10), producer(1)).await.unwrap().duplicate);
    assert!(again.tenant(tenant(1)).append(rows(10..20), producer(2)).await.unwrap().duplicate);
    assert_eq!(numbers(&again, tenant(1)).await, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_disk_refuses_without_effect_and_recovers_alone() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    lake.tenant(tenant(1)).append(rows(0..10), None).await.unwrap();
    world.disk.fail_writes(Some(ErrorKind::StorageFull));
    let refused = lake.tenant(tenant(1)).append(rows(10..20), None).await;
    assert!(matches!(refused, Err(LakeError::NoSpace)), "{refused:?}");
    assert_eq!(numbers(&lake, tenant(1)).await, (0..10).collect::<Vec<_>>());
    world.disk.fail_writes(None);
    let appended = lake.tenant(tenant(1)).append(rows(20..30), None).await.unwrap();
    assert_eq!(appended.first_sequence, 11, "a refusal uses up no sequence");
    drop(lake);
    let again = world.open().await.unwrap();
    assert_eq!(numbers(&again, tenant(1)).await, (0..10).chain(20..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn too_many_hot_rows_are_refused_until_a_flush() {
    let world = World::new();
    let lake = world.open_with(LakeConfig { hot_bytes_max: 1, ..LakeConfig::default() }).await.unwrap();
    lake.tenant(tenant(1)).append(rows(0..10), None).await.unwrap();
    assert!(matches!(lake.tenant(tenant(1)).append(rows(10..20), None).await, Err(LakeError::Busy)));
    lake.flush().await.unwrap();
    lake.tenant(tenant(1)).append(rows(10..20), None).await.unwrap();
    assert_eq!(numbers(&lake, tenant(1)).await, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn damage_before_the_last_segment_is_reported_not_skipped() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    lake.tenant(tenant(1)).append(rows(0..10), None).await.unwrap();
    drop(lake);
    // A second segment behind the first one, as a flush that was cut off after its rotation leaves.
    use lake::Disk;
    drop(world.disk.create("000000000002.log").unwrap());
    world.disk.damage("000000000001.log", 40);
    match world.open().await {
        Err(LakeError::Damaged { segment: 1, offset: 0, .. }) => {}
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test]
async fn rows_are_refused_while_the_disk_has_little_left() {
    let world = World::new();
    let config = LakeConfig { reserve_bytes: 1000, ..LakeConfig::default() };
    let lake = world.open_with(config.clone()).await.unwrap();
    lake.tenant(tenant(1)).append(rows(0..10), None).await.unwrap();
    world.disk.set_free(999);
    let lake = match lake.is_full() {
        true => lake,
        // What was seen of the disk is believed for a moment.
        false => {
            drop(lake);
            world.open_with(config).await.unwrap()
        }
    };
    let refused = lake.tenant(tenant(1)).append(rows(10..20), None).await;
    assert!(matches!(refused, Err(LakeError::NoSpace)), "{refused:?}");
    assert_eq!(lake.flush().await.unwrap(), 10, "a flush makes room and is not refused");
    assert_eq!(numbers(&lake, tenant(1)).await, (0..10).collect::<Vec<_>>());
    world.disk.set_free(2000);
    let appended = async || lake.tenant(tenant(1)).append(rows(20..30), None).await.is_ok();
    while !appended().await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(numbers(&lake, tenant(1)).await, (0..10).chain(20..30).collect::<Vec<_>>());
}

#[tokio::test]
async fn files_of_a_folder_that_were_never_committed_are_removed() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let open = async || {
        let files = Files::local(folder.path().to_owned()).unwrap();
        world.open_over(LakeConfig::default(), files).await.unwrap()
    };
    // One that was written, and others in the middle of it; what else is in the folder is not of the lake.
    let day = folder.path().join("tenant/DeviceEvents/1");
    std::fs::create_dir_all(&day).unwrap();
    let left = [folder.path().join("orphan.parquet"), day.join("a.parquet#0"), day.join("a.terms#17")];
    let others = ["1#", "a#b", "notes"].map(|name| day.join(name));
    left.iter().chain(&others).for_each(|file| std::fs::write(file, "x").unwrap());
    let lake = open().await;
    assert!(left.iter().all(|file| !file.exists()));
    assert!(others.iter().all(|file| file.exists()));
    lake.tenant(tenant(1)).append(rows(0..10), None).await.unwrap();
    lake.flush().await.unwrap();
    drop(lake);
    let again = open().await;
    assert_eq!(numbers(&again, tenant(1)).await, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_flush_that_cannot_be_committed_leaves_no_files_in_a_folder() {
    let (world, folder) = (World::new(), tempfile::tempdir().unwrap());
    let files = Files::local(folder.path().to_owned()).unwrap();
    let lake = world.open_over(LakeConfig::default(), files.clone()).await.unwrap();
    lake.tenant(tenant(1)).append(rows(0..10), None).await.unwrap();
    let count = async || files.store().list(None).try_collect::<Vec<_>>().await.unwrap().len();
    world.catalog.fail_commits(true);
    for _ in 0..3 {
        assert!(matches!(lake.flush().await, Err(LakeError::Catalog { .. })));
        assert_eq!(count().await, 0);
    }
    world.catalog.fail_commits(false);
    assert_eq!(lake.flush().await.unwrap(), 10);
    assert!(count().await > 0);
    assert_eq!(numbers(&lake, tenant(1)).await, (0..10).collect::<Vec<_>>());
}

/// While rows keep coming, a flush begins where the one before it is not committed yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushes_that_overlap_take_effect_in_their_order_or_not_at_all() {
    const ROWS: i64 = 1_000;
    let world = World::new();
    let lake = world.open_with(LakeConfig { flush_bytes: 1, ..LakeConfig::default() }).await.unwrap();
    let accepted = Arc::new(AtomicI64::new(0));
    let appending = {
        let (lake, accepted) = (lake.tenant(tenant(1)), accepted.clone());
        tokio::spawn(async move {
            for number in 0..ROWS {
                lake.append(rows([number]), Some(("shipper".to_owned(), number))).await.unwrap();
                accepted.store(number + 1, Ordering::SeqCst);
            }
        })
    };
    let (mut failed, mut longest) = (0, 0);
    for round in 0.. {
        let is_over = appending.is_finished();
        world.catalog.fail_one_commit_after(if is_over { -1 } else { round % 4 });
        let segment = world.catalog.load().await.unwrap().log_segment;
        let sure = accepted.load(Ordering::SeqCst);
        let flushed = lake.flush().await;
        failed += usize::from(flushed.is_err());
        longest = longest.max(world.catalog.load().await.unwrap().log_segment - segment);
        let seen = numbers(&lake, tenant(1)).await;
        assert!(seen.len() as i64 >= sure, "{} of {sure}", seen.len());
        assert_eq!(seen, (0..seen.len() as i64).collect::<Vec<_>>());
        if is_over {
            flushed.unwrap();
            break;
        }
    }
    appending.await.unwrap();
    assert!(failed > 0 && longest > 1, "{failed} flushes failed, and at most {longest} were in one stretch");
    // Announcements of files that no commit listed stay until they are swept.
    let segments = world.disk.segments().into_iter().filter(|name| name.ends_with(".log")).count();
    assert_eq!((lake.stats().hot_rows, segments), (0, 1));
    let filed: i64 = world.catalog.files().iter().map(|file| file.rows).sum();
    assert_eq!(filed, ROWS);
    drop(lake);
    let again = world.open().await.unwrap();
    assert_eq!(numbers(&again, tenant(1)).await, (0..ROWS).collect::<Vec<_>>());
    let last =
        again.tenant(tenant(1)).append(rows([0]), Some(("shipper".to_owned(), ROWS - 1))).await.unwrap();
    assert!(last.duplicate);
}
