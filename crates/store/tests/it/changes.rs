//! The change feed: every change, in order, for each tenant by itself.

use model::alert::Severity;
use store::{ChangeKind, IndicatorOwner};

use crate::indicators::{submission, submit};
use crate::{ONE, TWO, add_alerts, add_machines, alert, machine, on_each_database, on_each_store};

const KINDS: [&str; 4] = ["machine", "alert", "incident", "indicator"];

#[tokio::test]
async fn every_change_is_written_down_once_and_in_order() {
    on_each_database(async |database| {
        let store = database.open().await;
        let tenant = store.tenant(ONE);
        assert_eq!(tenant.change_bounds().await.unwrap(), (0, 1));
        add_machines(&store, &[machine("pc1")]).await;
        add_machines(&store, &[machine("pc1")]).await;
        add_alerts(&store, [alert("a", "pc1", Severity::High, 1)]).await;
        let id = submit(&tenant, submission("203.0.113.9")).await.id;
        tenant.remove_indicators(&IndicatorOwner::Anyone, std::slice::from_ref(&id)).await.unwrap();
        store.close().await;

        let tenant = database.open().await.tenant(ONE);
        let changes = tenant.changes_after(0, &KINDS, 100).await.unwrap();
        let told: Vec<_> = changes.iter().map(|c| (c.sequence, c.kind.as_str(), c.change)).collect();
        let expected = [
            (1, "machine", ChangeKind::Created),
            (2, "alert", ChangeKind::Created),
            (3, "machine", ChangeKind::Updated),
            (4, "indicator", ChangeKind::Created),
            (5, "indicator", ChangeKind::Deleted),
        ];
        assert_eq!(told, expected);
        assert_eq!((changes[3].id.as_str(), changes[4].id.as_str()), (id.as_str(), id.as_str()));
        assert_eq!(tenant.change_bounds().await.unwrap(), (5, 1));
        let machines = tenant.changes_after(1, &["machine"], 1).await.unwrap();
        assert_eq!(machines, [changes[2].clone()]);
    })
    .await;
}

#[tokio::test]
async fn changes_of_another_tenant_are_not_seen() {
    on_each_store(async |store| {
        add_machines(&store, &[machine("pc1")]).await;
        assert!(store.tenant(TWO).changes_after(0, &KINDS, 10).await.unwrap().is_empty());
        assert_eq!(store.tenant(TWO).change_bounds().await.unwrap(), (0, 1));
    })
    .await;
}

/// Whoever reads on from the last number that he saw misses none, though many write at once, as several processes would.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_that_goes_on_from_the_last_number_misses_none() {
    const EACH: usize = 40;
    on_each_database(async |database| {
        let stores = [database.open().await, database.open().await];
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let store = stores[writer % 2].clone();
                tokio::spawn(async move {
                    for at in 0..EACH {
                        add_machines(&store, &[machine(&format!("pc{writer}-{at}"))]).await;
                    }
                })
            })
            .collect();
        let (tenant, mut seen) = (stores[0].tenant(ONE), 0);
        while seen < 4 * EACH as i64 {
            let is_over = writers.iter().all(|writer| writer.is_finished());
            let changes = tenant.changes_after(seen, &KINDS, 7).await.unwrap();
            for change in &changes {
                assert_eq!(change.sequence, seen + 1, "a change was passed over");
                seen = change.sequence;
            }
            assert!(!changes.is_empty() || !is_over, "{seen} changes are not all there are");
        }
        for writer in writers {
            writer.await.unwrap();
        }
        for store in stores {
            store.close().await;
        }
    })
    .await;
}
