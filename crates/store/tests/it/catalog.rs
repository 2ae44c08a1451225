//! The catalog of the lake.

use model::ErrorKind;
use model::lake::{CatalogChange, CatalogState, DataFile, LegalHold, ProducerMark};

use crate::{ONE, TWO, hour, on_each_database, on_each_store};

fn file(path: &str, first_sequence: i64) -> DataFile {
    DataFile {
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
        checksums: vec![first_sequence as u32, u32::MAX],
        index_bytes: (first_sequence > 11).then_some(7),
        level: first_sequence % 2,
        added: hour(1),
        removed: None,
    }
}

fn mark(producer: &str, sequence: i64) -> ProducerMark {
    ProducerMark { tenant: ONE, producer: producer.to_owned(), sequence }
}

fn flush(path: &str, first_sequence: i64) -> CatalogChange {
    CatalogChange {
        added: vec![file(path, first_sequence)],
        log_segment: Some(first_sequence),
        producers: vec![mark("sensor", first_sequence)],
        sequences: vec![(ONE, first_sequence + 9)],
        ..CatalogChange::default()
    }
}

#[tokio::test]
async fn a_change_is_there_after_opening_again() {
    on_each_database(async |database| {
        let store = database.open().await;
        assert_eq!(store.lake_state().await.unwrap(), CatalogState::default());
        store.commit_lake(&flush("b", 11)).await.unwrap();
        store.commit_lake(&CatalogChange { sequences: vec![(TWO, 3)], ..flush("a", 21) }).await.unwrap();
        store.close().await;

        let store = database.open().await;
        let state = CatalogState {
            files: vec![file("b", 11), file("a", 21)],
            log_segment: 21,
            producers: vec![mark("sensor", 21)],
            sequences: vec![(ONE, 20), (TWO, 3)],
        };
        assert_eq!(store.lake_state().await.unwrap(), state);
    })
    .await;
}

#[tokio::test]
async fn a_change_that_cannot_be_whole_has_no_effect() {
    on_each_store(async |store| {
        store.commit_lake(&flush("a", 11)).await.unwrap();
        store.commit_lake(&flush("gone", 11)).await.unwrap();
        let removed =
            CatalogChange { removed: vec![("gone".to_owned(), hour(2))], ..CatalogChange::default() };
        store.commit_lake(&removed).await.unwrap();
        let before = store.lake_state().await.unwrap();

        let mut again = flush("b", 21);
        again.added.push(file("a", 31));
        assert_eq!(store.commit_lake(&again).await.unwrap_err().kind(), ErrorKind::Conflict);
        for path in ["gone", "never"] {
            let mut merged = flush("c", 21);
            merged.removed = vec![("a".to_owned(), hour(2)), (path.to_owned(), hour(2))];
            assert_eq!(store.commit_lake(&merged).await.unwrap_err().kind(), ErrorKind::NotFound, "{path}");
        }
        assert_eq!(store.lake_state().await.unwrap(), before);
    })
    .await;
}

#[tokio::test]
async fn a_file_is_removed_and_then_purged() {
    on_each_store(async |store| {
        store.commit_lake(&flush("a", 11)).await.unwrap();
        let purged = CatalogChange { purged: vec!["a".to_owned()], ..CatalogChange::default() };
        store.commit_lake(&purged).await.unwrap();
        assert_eq!(store.lake_state().await.unwrap().files, [file("a", 11)], "what is listed is not purged");
        let merged = CatalogChange {
            added: vec![file("b", 11)],
            removed: vec![("a".to_owned(), hour(3))],
            ..CatalogChange::default()
        };
        store.commit_lake(&merged).await.unwrap();
        let removed = DataFile { removed: Some(hour(3)), ..file("a", 11) };
        assert_eq!(store.lake_state().await.unwrap().files, [removed, file("b", 11)]);
        store.commit_lake(&purged).await.unwrap();
        assert_eq!(store.lake_state().await.unwrap().files, [file("b", 11)]);
    })
    .await;
}

#[tokio::test]
async fn marks_only_rise() {
    on_each_store(async |store| {
        store.commit_lake(&flush("a", 21)).await.unwrap();
        let state = store.lake_state().await.unwrap();
        store.commit_lake(&CatalogChange { added: vec![], ..flush("b", 11) }).await.unwrap();
        assert_eq!(store.lake_state().await.unwrap(), state);
    })
    .await;
}

#[tokio::test]
async fn rules_and_holds_are_those_of_their_tenant_and_table() {
    on_each_store(async |store| {
        let (one, two) = (store.tenant(ONE), store.tenant(TWO));
        one.set_retention(None, Some(30)).await.unwrap();
        one.set_retention(Some("DeviceInfo"), Some(400)).await.unwrap();
        two.set_retention(Some("DeviceInfo"), Some(7)).await.unwrap();
        let hold = LegalHold {
            tenant: TWO,
            name: "case 7".to_owned(),
            table: Some("DeviceInfo".to_owned()),
            reason: "a court asked".to_owned(),
            created: hour(1),
        };
        two.add_hold(&hold).await.unwrap();
        assert_eq!(two.add_hold(&hold).await.unwrap_err().kind(), ErrorKind::Conflict);

        let policies = store.lake_policies().await.unwrap();
        let days = [(ONE, "DeviceInfo"), (ONE, "DeviceEvents"), (TWO, "DeviceInfo"), (TWO, "DeviceEvents")];
        let days = days.map(|(tenant, table)| policies.days(tenant, table));
        assert_eq!(days, [Some(400), Some(30), Some(7), None]);
        assert!(policies.is_held(TWO, "DeviceInfo"));
        assert!(!policies.is_held(TWO, "DeviceEvents") && !policies.is_held(ONE, "DeviceInfo"));

        one.set_retention(None, None).await.unwrap();
        two.release_hold("case 7").await.unwrap();
        assert_eq!(two.release_hold("case 7").await.unwrap_err().kind(), ErrorKind::NotFound);
        let policies = store.lake_policies().await.unwrap();
        assert_eq!(policies.days(ONE, "DeviceEvents"), None);
        assert_eq!(policies.holds, []);
        assert!(policies.retention.iter().all(|rule| rule.table.as_deref() == Some("DeviceInfo")));
    })
    .await;
}
