//! The catalog of the lake.

use model::ErrorKind;
use store::{FlushCommit, LakeFile, LakeState, LogPosition, ProducerMark};

use crate::{ONE, TWO, on_each_database, on_each_store};

fn file(path: &str, first_sequence: i64) -> LakeFile {
    LakeFile {
        tenant: ONE,
        table: "DeviceProcessEvents".to_owned(),
        day: 738_000,
        path: path.to_owned(),
        rows: 10,
        bytes: 1_000,
        first_time: Some(5),
        last_time: None,
        first_sequence,
        last_sequence: first_sequence + 9,
        schema_version: 1,
    }
}

fn mark(producer: &str, sequence: i64) -> ProducerMark {
    ProducerMark { tenant: ONE, producer: producer.to_owned(), sequence }
}

fn flush(path: &str, first_sequence: i64) -> FlushCommit {
    FlushCommit {
        files: vec![file(path, first_sequence)],
        log_position: LogPosition { segment: 1, offset: first_sequence },
        producers: vec![mark("sensor", first_sequence)],
        sequences: vec![(ONE, first_sequence + 9)],
    }
}

#[tokio::test]
async fn a_flush_is_there_after_opening_again() {
    on_each_database(async |database| {
        let store = database.open().await;
        assert_eq!(store.lake_state().await.unwrap(), LakeState::default());
        store.commit_flush(&flush("b", 11)).await.unwrap();
        store.commit_flush(&FlushCommit { sequences: vec![(TWO, 3)], ..flush("a", 21) }).await.unwrap();
        store.close().await;

        let store = database.open().await;
        assert_eq!(store.lake_files().await.unwrap(), [file("b", 11), file("a", 21)]);
        let state = LakeState {
            log_position: LogPosition { segment: 1, offset: 21 },
            producers: vec![mark("sensor", 21)],
            sequences: vec![(ONE, 20), (TWO, 3)],
        };
        assert_eq!(store.lake_state().await.unwrap(), state);
    })
    .await;
}

#[tokio::test]
async fn a_flush_with_a_file_recorded_before_has_no_effect() {
    on_each_store(async |store| {
        store.commit_flush(&flush("a", 11)).await.unwrap();
        let before = (store.lake_files().await.unwrap(), store.lake_state().await.unwrap());
        let mut again = flush("b", 21);
        again.files.push(file("a", 31));
        assert_eq!(store.commit_flush(&again).await.unwrap_err().kind(), ErrorKind::Conflict);
        assert_eq!((store.lake_files().await.unwrap(), store.lake_state().await.unwrap()), before);
    })
    .await;
}

#[tokio::test]
async fn marks_only_rise() {
    on_each_store(async |store| {
        store.commit_flush(&flush("a", 21)).await.unwrap();
        let state = store.lake_state().await.unwrap();
        store.commit_flush(&flush("b", 11)).await.unwrap();
        assert_eq!(store.lake_state().await.unwrap(), state);
    })
    .await;
}
