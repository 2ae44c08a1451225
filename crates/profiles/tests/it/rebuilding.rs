//! A rebuild makes the profiles that following made.

use model::Row;
use proptest::prelude::*;
use serde_json::json;
use store::{Generation, ProfileKind};

use crate::batches::any_rows;
use crate::world::{World, batches};
use crate::{device, dump, row};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// What happens between two appends.
#[derive(Clone, Copy, Debug)]
enum Step {
    Follow,
    Flush,
    Rebuild,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_rebuild_at_any_time_makes_the_same_profiles(
        rows in any_rows(),
        steps in prop::collection::vec(
            prop::sample::select(vec![Step::Follow, Step::Flush, Step::Rebuild]), 1..6),
    ) {
        runtime().block_on(async {
            let world = World::new().await;
            for (part, step) in rows.chunks(rows.len().div_ceil(steps.len())).zip(&steps) {
                world.append(part).await;
                match step {
                    Step::Follow => world.follow().await,
                    Step::Flush => drop(world.lake.flush().await.unwrap()),
                    Step::Rebuild => drop(profiles::rebuild(&world.events(), &world.store).await.unwrap()),
                }
            }
            world.follow().await;
            let followed = dump(&world.store).await;
            let last = world.events().last_sequence();
            assert_eq!(profiles::position(&world.store).await.unwrap().sequence, last);

            let rebuilt = profiles::rebuild(&world.events(), &world.store).await.unwrap();
            assert_eq!((rebuilt.rows, rebuilt.position), (rows.len() as u64, last));
            assert_eq!(dump(&world.store).await, followed);
            assert_eq!(profiles::position(&world.store).await.unwrap().sequence, last);
        });
    }
}

fn seen(number: u8) -> Row {
    row("DeviceInfo", number, "07:00:00", json!({ "DeviceName": format!("pc{number}") }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_mends_what_is_wrong_and_forgets_what_no_event_says() {
    let world = World::new().await;
    world.append(&[seen(1), seen(2)]).await;
    world.follow().await;
    let right = dump(&world.store).await;
    // A device of which no event is left, and a profile that cannot be read.
    crate::fold(&world.store, &[seen(9)]).await;
    let (mut wrong, _) = dump(&world.store).await;
    wrong.iter_mut().for_each(|row| row.state = vec![0]);
    world.store.add_profiles(0, &wrong).await.unwrap();
    let position = profiles::position(&world.store).await.unwrap();
    world.append(&[seen(1)]).await;
    let mut read = world.events().read_after(position.sequence - 1, 16, usize::MAX);
    let batches = batches(&mut read).await;
    let error = profiles::follow(&world.store, batches, position, read.position()).await.unwrap_err();
    assert!(error.to_string().contains("bartizan lake rebuild-profiles"), "{error}");

    profiles::rebuild(&world.events(), &world.store).await.unwrap();
    assert_eq!(dump(&world.store).await, right);
    assert_eq!(world.store.machine(&device(9)).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_unfinished_rebuild_left_is_removed() {
    let world = World::new().await;
    world.append(&[seen(1)]).await;
    world.follow().await;
    let before = dump(&world.store).await;
    let left = world.store.new_profile_generation().await.unwrap();
    world.store.add_profiles(left, &before.0).await.unwrap();
    assert_eq!(dump(&world.store).await, before, "it is not in use");

    profiles::rebuild(&world.events(), &world.store).await.unwrap();
    assert_eq!(dump(&world.store).await, before);
    let of = Generation::Of(left);
    let rest = world.store.profiles_between(of, ProfileKind::Machine, "", None, 10).await.unwrap();
    assert_eq!(rest, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_arrive_during_a_rebuild_are_followed_after_it() {
    let world = World::new().await;
    world.append(&(1..=50).map(seen).collect::<Vec<_>>()).await;
    let (events, store) = (world.events(), world.store.clone());
    let rebuilding = tokio::spawn(async move { profiles::rebuild(&events, &store).await });
    for number in 51..=60 {
        world.append(&[seen(number)]).await;
        world.lake.flush().await.unwrap();
    }
    let rebuilt = rebuilding.await.unwrap().unwrap();
    assert!(rebuilt.position >= 50);
    world.follow().await;
    assert_eq!(dump(&world.store).await.1.len(), 60);
}
