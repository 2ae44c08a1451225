//! The same events make the same profiles, byte by byte, however they come.

use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use model::{ErrorKind, Row};
use proptest::prelude::*;
use serde_json::json;
use store::{Store, TenantStore};

use crate::batches::any_rows;
use crate::{Dump, ONE, TWO, batches, dump, fold, row, store};

/// What the rows make when they come at once.
async fn expected(rows: &[Row]) -> Dump {
    let store = store().await.tenant(ONE);
    fold(&store, rows).await;
    dump(&store).await
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A step that ends early, as with the process: after so many polls nothing more is done.
async fn cut_off(work: impl Future<Output = ()>, mut polls: usize) {
    let mut work = pin!(work);
    std::future::poll_fn(move |context| match polls {
        0 => Poll::Ready(()),
        _ => {
            polls -= 1;
            work.as_mut().poll(context)
        }
    })
    .await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_order_repeat_and_cut_makes_the_same_profiles(
        rows in any_rows(),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        shuffled in any::<u64>(),
        part in 1usize..20,
    ) {
        runtime().block_on(async {
            let expected = expected(&rows).await;
            // Every row at least once, in an order of its own, with some rows again.
            let mut again: Vec<Row> = order.iter().map(|index| index.get(&rows).clone()).collect();
            again.extend(rows.iter().cloned());
            let length = again.len();
            (0..length).for_each(|at| again.swap(at, (shuffled as usize).wrapping_mul(at + 1) % length));
            let store = store().await.tenant(ONE);
            for part in again.chunks(part) {
                fold(&store, part).await;
            }
            assert_eq!(dump(&store).await, expected);
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_step_that_is_cut_off_and_repeated_makes_the_same_profiles(
        rows in any_rows(),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..30), 0..8),
    ) {
        runtime().block_on(async {
            let expected = expected(&rows).await;
            // In a file: a connection that is left in the middle of a statement is closed.
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open(&folder.path().join("state.db")).await.unwrap().tenant(ONE);
            for (end, polls) in cuts {
                // The part that is done is not always the same, and the follower stays where it was.
                let step = &rows[..=end.index(rows.len())];
                cut_off(async { drop(follow_in_place(&store, step).await) }, polls).await;
            }
            fold(&store, &rows).await;
            assert_eq!(dump(&store).await, expected);
        });
    }
}

async fn follow_in_place(store: &TenantStore, rows: &[Row]) -> profiles::Result<profiles::Position> {
    let from = profiles::position(store).await?;
    profiles::follow(store, batches(rows), from, from.sequence).await
}

#[tokio::test]
async fn a_part_of_a_step_does_not_move_the_follower_and_the_last_one_does() {
    let store = store().await.tenant(ONE);
    let hash = |number: usize| format!("{number:040x}");
    // More files than are held in memory, so that the step is written in parts.
    let rows: Vec<Row> = (0..60_000)
        .map(|number| row("DeviceFileEvents", 1, "07:00:00", json!({ "SHA1": hash(number) })))
        .collect();
    let parts: Vec<_> = rows.chunks(10_000).flat_map(batches).collect();
    let from = profiles::position(&store).await.unwrap();
    let reached = profiles::follow(&store, parts, from, 60_000).await.unwrap();
    assert_eq!((from.sequence, reached.sequence), (0, 60_000));
    assert_eq!(profiles::position(&store).await.unwrap(), reached);
    let reader = profiles::Reader::new(&store);
    for number in [0, 49_999, 50_000, 59_999] {
        assert!(reader.file(&hash(number)).await.unwrap().is_some(), "{number}");
    }
}

#[tokio::test]
async fn what_was_folded_before_a_rebuild_took_its_place_is_refused() {
    let store = store().await.tenant(ONE);
    let rows = [row("DeviceInfo", 1, "07:00:00", json!({ "DeviceName": "pc1" }))];
    let before = profiles::position(&store).await.unwrap();
    store.use_profile_generation(7, (profiles::FOLLOWER, 0), |_| None).await.unwrap();
    let error = profiles::follow(&store, batches(&rows), before, 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(dump(&store).await, (Vec::new(), Vec::new()));
    fold(&store, &rows).await;
    assert_eq!(dump(&store).await.1.len(), 1);
}

#[tokio::test]
async fn tenants_have_profiles_of_their_own() {
    let store = store().await;
    let (one, two) = (store.tenant(ONE), store.tenant(TWO));
    let event = |time, name| {
        row(
            "DeviceFileEvents",
            1,
            time,
            json!({ "SHA1": "a".repeat(40), "FileName": name, "InitiatingProcessAccountName": name }),
        )
    };
    fold(&one, &[event("07:00:00", "one")]).await;
    fold(&two, &[event("09:00:00", "two")]).await;
    for (tenant, own, other) in [(&one, "one", "two"), (&two, "two", "one")] {
        let reader = profiles::Reader::new(tenant);
        assert_eq!(reader.tenant(), tenant.id());
        let (_, file) = reader.file(&"a".repeat(40)).await.unwrap().unwrap();
        assert_eq!(file.profile.top_names(5), [own]);
        assert!(reader.user(own).await.unwrap().is_some());
        assert_eq!(reader.user(other).await.unwrap(), None);
        assert_eq!(reader.users_named(other, 5).await.unwrap(), []);
        assert_eq!(reader.device_count_of(other).await.unwrap(), 0);
    }
    let before = dump(&two).await;
    one.use_profile_generation(3, (profiles::FOLLOWER, 0), |_| None).await.unwrap();
    one.remove_profiles_except(&[3]).await.unwrap();
    assert_eq!(dump(&two).await, before);
    assert_eq!(dump(&one).await, (Vec::new(), Vec::new()));
}
