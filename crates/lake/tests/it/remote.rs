//! Files in an object store: out of reach, with lost answers, newer than the catalog, and read again and again.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, lit};
use datafusion::prelude::SessionContext;
use lake::{Files, Lake, LakeConfig, LakeError};
use proptest::prelude::*;

use crate::faulty::FaultyStore;
use crate::harness::{CACHE_BYTES, World, numbers, rows, tenant};

async fn open(world: &World, store: &FaultyStore) -> Lake {
    let files = Files::remote(Arc::new(store.clone()), CACHE_BYTES);
    world.open_over(LakeConfig::default(), files).await.unwrap()
}

/// Data files and indexes that are stored, and those that the catalog lists.
async fn stored_and_listed(world: &World, store: &FaultyStore) -> (BTreeSet<String>, BTreeSet<String>) {
    let is_data =
        |path: &String| path.ends_with(".terms") || path.ends_with(".parquet") && !path.contains("/_");
    let stored = store.paths().await.into_iter().filter(is_data).collect();
    let listed = world.catalog.files().into_iter();
    let listed = listed.flat_map(|file| [file.index_bytes.map(|_| file.index_path()), Some(file.path)]);
    (stored, listed.flatten().collect())
}

async fn append(lake: &Lake, numbers: std::ops::Range<i64>) {
    lake.tenant(tenant(1)).append(rows(numbers), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_accepted_while_the_store_is_out_of_reach_and_written_when_it_is_back() {
    let (world, store) = (World::new(), FaultyStore::default());
    let lake = open(&world, &store).await;
    append(&lake, 0..20).await;
    // The first file of the flush is written, the second is not.
    store.go_down_after(1);
    assert!(matches!(lake.flush().await, Err(LakeError::File { .. })));
    append(&lake, 20..40).await;
    lake.flush().await.unwrap_err();
    lake.upkeep().await.unwrap();
    assert_eq!(numbers(&lake, tenant(1)).await, (0..40).collect::<Vec<_>>());
    assert_eq!(world.catalog.files().len(), 0);

    store.set_down(false);
    assert_eq!(lake.flush().await.unwrap(), 40);
    lake.upkeep().await.unwrap();
    let (stored, listed) = stored_and_listed(&world, &store).await;
    assert_eq!(stored, listed, "what was given up is removed");
    assert_eq!(numbers(&lake, tenant(1)).await, (0..40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_does_not_wait_for_what_an_earlier_one_left() {
    let (world, store) = (World::new(), FaultyStore::default());
    let lake = open(&world, &store).await;
    append(&lake, 0..20).await;
    store.go_down_after(1);
    lake.flush().await.unwrap_err();
    drop(lake);
    let lake = open(&world, &store).await;
    assert_eq!(numbers(&lake, tenant(1)).await, (0..20).collect::<Vec<_>>());
    store.set_down(false);
    lake.flush().await.unwrap();
    lake.upkeep().await.unwrap();
    let (stored, listed) = stored_and_listed(&world, &store).await;
    assert_eq!(stored, listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_newer_than_the_catalog_keeps_everything() {
    let (world, store) = (World::new(), FaultyStore::default());
    let lake = open(&world, &store).await;
    append(&lake, 0..20).await;
    lake.flush().await.unwrap();
    let restored = World {
        catalog: world.catalog.backup(),
        disk: world.disk.after_power_loss(|all| all),
        ..world.clone()
    };
    append(&lake, 20..40).await;
    lake.close().await.unwrap();
    let before = store.paths().await;

    let lake = open(&restored, &store).await;
    assert_eq!(numbers(&lake, tenant(1)).await, (0..20).collect::<Vec<_>>());
    lake.close().await.unwrap();
    let after = store.paths().await;
    assert!(before.iter().all(|path| after.contains(path)), "{before:?} {after:?}");
    let lake = open(&world, &store).await;
    assert_eq!(numbers(&lake, tenant(1)).await, (0..40).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_the_published_log_whose_answer_was_lost_is_found_again() {
    let (world, store) = (World::new(), FaultyStore::default());
    let lake = open(&world, &store).await;
    append(&lake, 0..20).await;
    lake.flush().await.unwrap();
    store.lose_answers(true);
    assert!(lake.upkeep().await.is_err());
    lake.upkeep().await.unwrap();
    let commits =
        async || store.paths().await.into_iter().filter(|path| path.ends_with(".json")).collect::<Vec<_>>();
    let published = commits().await;
    assert_eq!(published.len(), 2, "one for each table: {published:?}");
    lake.upkeep().await.unwrap();
    assert_eq!(commits().await, published);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_asked_again_reads_nothing_again() {
    let (world, store) = (World::new(), FaultyStore::default());
    let lake = open(&world, &store).await;
    for flush in 0..8 {
        append(&lake, flush * 10..flush * 10 + 10).await;
        lake.flush().await.unwrap();
    }
    lake.upkeep().await.unwrap();
    let engine = || {
        let context = SessionContext::new();
        context.runtime_env().register_object_store(lake::object_store_url().as_ref(), lake.object_store());
        context
    };
    let ask = async |context: &SessionContext| {
        let table = model::tables::find("DeviceProcessEvents").unwrap();
        let column = Expr::Column(Column::new_unqualified("InitiatingProcessFileName"));
        let frame = context.read_table(lake.tenant(tenant(1)).table(table)).unwrap();
        let found = frame.filter(column.eq(lit("tool8.exe"))).unwrap().collect().await.unwrap();
        assert_eq!(found.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
        store.take_reads()
    };
    let first_engine = engine();
    let first = ask(&first_engine).await;
    assert!(first.iter().any(|path| path.ends_with(".terms")), "{first:?}");
    assert!(first.iter().any(|path| path.ends_with(".parquet")), "{first:?}");
    assert_eq!(ask(&first_engine).await, [] as [String; 0]);
    assert_eq!(ask(&engine()).await, [] as [String; 0], "nor by an engine that knows no footers");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_files_of_another_lake_are_not_touched() {
    let (world, store) = (World::new(), FaultyStore::default());
    let files = |lake: &str| Files::remote(Arc::new(store.clone()), 0).of_lake(lake.to_owned());
    let lake = world.open_over(LakeConfig::default(), files("a")).await.unwrap();
    append(&lake, 0..20).await;
    lake.close().await.unwrap();
    let paths = store.paths().await;
    for (other, name) in [(World::new(), "b"), (world.clone(), "b")] {
        let refused = other.open_over(LakeConfig::default(), files(name)).await.err().unwrap().to_string();
        assert!(refused.contains("cannot be used") && refused.contains("the lake a"), "{refused}");
    }
    assert_eq!(store.paths().await, paths);
    let lake = world.open_over(LakeConfig::default(), files("a")).await.unwrap();
    assert_eq!(numbers(&lake, tenant(1)).await, (0..20).collect::<Vec<_>>());
}

#[derive(Clone, Debug)]
enum Step {
    Append,
    Flush,
    Upkeep,
    Down { writes: usize },
    Up,
    LoseAnswer,
    FailCommits { fail: bool },
    PowerLoss,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::Append),
        4 => Just(Step::Flush),
        3 => Just(Step::Upkeep),
        2 => (0usize..6).prop_map(|writes| Step::Down { writes }),
        3 => Just(Step::Up),
        1 => Just(Step::LoseAnswer),
        1 => any::<bool>().prop_map(|fail| Step::FailCommits { fail }),
        2 => Just(Step::PowerLoss),
    ]
}

/// Whatever fails when: every acknowledged row is there once, and in the end no file is there that is not listed.
async fn play(steps: Vec<Step>) {
    let (mut world, store) = (World::new(), FaultyStore::default());
    let mut lake = open(&world, &store).await;
    let mut next = 0;
    for step in steps {
        match step {
            Step::Append => {
                append(&lake, next..next + 10).await;
                next += 10;
            }
            // What fails is tried again.
            Step::Flush => drop(lake.flush().await),
            Step::Upkeep => {
                world.clock.advance(7 * 3600);
                let _ = lake.upkeep().await;
            }
            Step::Down { writes } => store.go_down_after(writes),
            Step::Up => store.set_down(false),
            Step::LoseAnswer => store.lose_answers(true),
            Step::FailCommits { fail } => world.catalog.fail_commits(fail),
            Step::PowerLoss => {
                drop(lake);
                world.disk = world.disk.after_power_loss(|_| 0);
                lake = open(&world, &store).await;
            }
        }
    }
    store.set_down(false);
    store.lose_answers(false);
    world.catalog.fail_commits(false);
    lake.flush().await.unwrap();
    lake.upkeep().await.unwrap();
    assert_eq!(numbers(&lake, tenant(1)).await, (0..next).collect::<Vec<_>>());
    let (stored, listed) = stored_and_listed(&world, &store).await;
    assert_eq!(stored, listed);
    let names = world.disk.segments();
    assert!(names.iter().all(|name| name.ends_with(".log")), "{names:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn faults_of_the_store_lose_and_leave_nothing(steps in proptest::collection::vec(step(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}
