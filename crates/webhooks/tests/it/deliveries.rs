//! What receivers get: everything, in order, signed; whatever dies in between.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use store::ChangeKind;
use webhooks::{Creator, Format, Limits, Subscription, WebhookChange, WebhookError};

use crate::receiver::Receiver;
use crate::world::{ONE, TWO, World, of_machines};

/// A receiver and the webhook that leads to it.
async fn with_webhook(world: &World, change: impl FnOnce(&mut Subscription)) -> (Receiver, String) {
    let receiver = Receiver::new().await;
    let mut subscription = of_machines(receiver.url());
    change(&mut subscription);
    let made = world.webhooks.tenant(ONE).create(subscription).await.unwrap();
    receiver.kept.lock().unwrap().secret = made.secret;
    (receiver, made.webhook.id)
}

#[tokio::test]
async fn changes_arrive_in_order_and_in_the_form_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path()).await;
    world.change(&["before"], 1).await;
    let filters = BTreeMap::from([("machine".to_owned(), "startswith(computerDnsName,'a')".to_owned())]);
    let (all, id) = with_webhook(&world, |_| {}).await;
    let (some, _) = with_webhook(&world, |of| of.filters = filters).await;
    let (slack, _) = with_webhook(&world, |of| of.format = Format::Slack).await;
    let (_one, _two, _three) = (all.listen().await, some.listen().await, slack.listen().await);
    world.change(&["a1", "b1"], 2).await;
    world.change(&["a1"], 3).await;
    world.webhooks.tick().await.unwrap();
    let told: Vec<_> = all.taken().into_iter().map(|taken| taken.message).collect();
    let types: Vec<_> = told.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["machine.created", "machine.created", "machine.updated"]);
    let sequences: Vec<_> =
        told.iter().map(|message| message["data"]["sequence"].as_i64().unwrap()).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
    assert_eq!(told[0]["data"]["entity"]["computerDnsName"], "a1");
    assert_eq!(some.taken().len(), 2, "of a1 alone");
    assert!(slack.taken()[0].message["text"].as_str().unwrap().contains("a1"));
    // Nothing comes twice, and what did not change does not come.
    world.webhooks.tick().await.unwrap();
    assert_eq!(all.taken().len(), 3);
    let webhook = world.webhooks.tenant(ONE).get(&id).await.unwrap();
    assert_eq!((webhook.progress.attempts, webhook.dead_letters), (0, 0));
    assert!(webhook.progress.last_success.is_some());
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_and_then_given_up_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { attempts_max: 3, refusals_max: 2, letters_max: 2, ..Limits::default() };
    let world = World::open_with(folder.path(), limits).await;
    let (receiver, id) = with_webhook(&world, |_| {}).await;
    let webhooks = world.webhooks.tenant(ONE);
    let _listening = receiver.listen().await;
    world.change(&["a"], 1).await;
    world.change(&["b"], 2).await;
    receiver.kept.lock().unwrap().answers = vec![500, 503, 500];
    for (attempts, wait) in [(1, 1), (2, 2)] {
        world.webhooks.tick().await.unwrap();
        let progress = webhooks.get(&id).await.unwrap().progress;
        assert_eq!(progress.attempts, attempts);
        // Not before its time.
        world.webhooks.tick().await.unwrap();
        assert_eq!(webhooks.get(&id).await.unwrap().progress.attempts, attempts);
        world.clock.advance(wait);
    }
    world.webhooks.tick().await.unwrap();
    let letters = webhooks.dead_letters(&id, 0).await.unwrap();
    assert_eq!((letters.len(), letters[0].attempts), (1, 3));
    assert!(letters[0].error.contains("500"), "{letters:?}");
    assert!(receiver.taken().is_empty());
    world.clock.advance(10);
    world.webhooks.tick().await.unwrap();
    assert_eq!(receiver.taken().len(), 1, "the one after it");

    receiver.kept.lock().unwrap().answers = vec![500];
    assert_eq!(webhooks.replay(&id, Some(&[letters[0].sequence, 999])).await.unwrap(), 1);
    world.webhooks.tick().await.unwrap();
    let kept = webhooks.dead_letters(&id, 0).await.unwrap();
    assert_eq!((kept.len(), kept[0].attempts, kept[0].is_replayed), (1, 4, false), "it stays");
    assert_eq!(webhooks.replay(&id, None).await.unwrap(), 1);
    world.webhooks.tick().await.unwrap();
    assert!(webhooks.dead_letters(&id, 0).await.unwrap().is_empty());
    let taken = receiver.taken();
    assert_eq!(taken[1].message["data"]["entity"]["computerDnsName"], "a");
    assert_ne!(taken[0].id, taken[1].id);

    // A refusal of one message lets the next follow; too many that could not be sent stop the webhook.
    receiver.kept.lock().unwrap().answers = vec![422; 6];
    for at in 3..6 {
        world.change(&["c"], at).await;
    }
    for _ in 0..8 {
        world.webhooks.tick().await.unwrap();
        world.clock.advance(10);
    }
    let stopped = webhooks.get(&id).await.unwrap();
    assert_eq!((stopped.is_enabled, stopped.dead_letters), (false, 2));
    let change = WebhookChange { is_enabled: Some(true), ..WebhookChange::default() };
    webhooks.put(webhooks.changed(&id, change, Creator::default()).await.unwrap()).await.unwrap();
    webhooks.replay(&id, None).await.unwrap();
    world.webhooks.tick().await.unwrap();
    assert_eq!(receiver.taken().len(), 5, "nothing is lost");
}

#[tokio::test]
async fn a_receiver_that_is_gone_and_a_maker_without_rights_stop_a_webhook() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path()).await;
    let (gone, first) = with_webhook(&world, |_| {}).await;
    let _listening = gone.listen().await;
    gone.kept.lock().unwrap().answers = vec![410];
    world.change(&["a"], 1).await;
    world.webhooks.tick().await.unwrap();
    let webhooks = world.webhooks.tenant(ONE);
    let stopped = webhooks.get(&first).await.unwrap();
    assert!(!stopped.is_enabled && stopped.progress.last_error.contains("410"), "{stopped:?}");

    let (receiver, second) = with_webhook(&world, |_| {}).await;
    let _listening = receiver.listen().await;
    world.keeper.0.store(false, Ordering::SeqCst);
    world.change(&["a"], 2).await;
    world.webhooks.tick().await.unwrap();
    assert!(!webhooks.get(&second).await.unwrap().is_enabled);
    assert!(receiver.taken().is_empty());
}

#[tokio::test]
async fn webhooks_are_of_one_tenant_and_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open_with(folder.path(), Limits { webhooks_max: 2, ..Limits::default() }).await;
    let (_, id) = with_webhook(&world, |_| {}).await;
    let (one, two) = (world.webhooks.tenant(ONE), world.webhooks.tenant(TWO));
    let change = WebhookChange::default;
    assert!(matches!(two.get(&id).await, Err(WebhookError::NotFound(_))));
    assert!(matches!(two.delete(&id).await, Err(WebhookError::NotFound(_))));
    assert!(matches!(two.rotate(&id).await, Err(WebhookError::NotFound(_))));
    assert!(matches!(two.replay(&id, None).await, Err(WebhookError::NotFound(_))));
    assert!(matches!(two.changed(&id, change(), Creator::default()).await, Err(WebhookError::NotFound(_))));
    assert!(two.list().await.unwrap().is_empty());
    let elsewhere = of_machines("https://internal.example/".to_owned());
    assert!(matches!(one.create(elsewhere).await, Err(WebhookError::Invalid(_))));
    let here = || of_machines("http://127.0.0.1:9/".to_owned());
    one.create(here()).await.unwrap();
    assert!(matches!(one.create(here()).await, Err(WebhookError::Full(2))));
    two.create(here()).await.unwrap();
    let (before, after) = (one.list().await.unwrap().len(), one.rotate(&id).await.unwrap());
    assert!(before == 2 && after.starts_with("whsec_"));
    one.delete(&id).await.unwrap();
    assert_eq!(one.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_former_secret_is_good_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path()).await;
    let (receiver, id) = with_webhook(&world, |_| {}).await;
    let _listening = receiver.listen().await;
    let (webhooks, former) = (world.webhooks.tenant(ONE), receiver.kept.lock().unwrap().secret.clone());
    let secret = webhooks.rotate(&id).await.unwrap();
    for (at, known) in [&former, &secret].into_iter().enumerate() {
        receiver.kept.lock().unwrap().secret = known.clone();
        world.change(&["a"], at as i64 + 1).await;
        world.webhooks.tick().await.unwrap();
        assert_eq!(receiver.taken().len(), at + 1);
    }
    // After a day it is signed by the new one alone; a second change of it ends the first at once.
    world.clock.advance(86_400);
    world.change(&["a"], 3).await;
    world.webhooks.tick().await.unwrap();
    assert_eq!(receiver.taken().len(), 3);
    assert!(!receiver.kept.lock().unwrap().last_signature.contains(' '));
}

#[tokio::test]
async fn nothing_is_lost_when_receiver_and_sender_are_killed_again_and_again() {
    const CHANGES: i64 = 1_500;
    let folder = tempfile::tempdir().unwrap();
    let world = World::open(folder.path()).await;
    let (receiver, _) = with_webhook(&world, |_| {}).await;
    let names: Vec<String> = (0..7).map(|at| format!("pc{at}")).collect();

    let (changing, clock) = (world.store.clone(), world.clock.clone());
    let writes = async {
        for at in 0..CHANGES {
            let name = names[at as usize % names.len()].as_str();
            world.change(&[name], at).await;
            if at % 50 == 0 {
                // Time goes on, so that waits end.
                clock.advance(5);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    };
    // Both are killed at odd times, which differ.
    let receives = async {
        let mut listening = receiver.listen().await;
        for round in 0u64.. {
            tokio::time::sleep(Duration::from_millis(60 + round * 37 % 190)).await;
            listening.kill().await;
            tokio::time::sleep(Duration::from_millis(round * 13 % 40)).await;
            listening = receiver.listen().await;
        }
    };
    let sends = async {
        for round in 0u64.. {
            let limit = Duration::from_millis(90 + round * 29 % 310);
            let _ = tokio::time::timeout(limit, world.webhooks.run()).await;
        }
    };
    let is_all_taken = async {
        writes.await;
        let expected = changing.tenant(ONE).change_bounds().await.unwrap().0;
        loop {
            clock.advance(1);
            tokio::time::sleep(Duration::from_millis(20)).await;
            let last = receiver.taken().last().map(|taken| taken.message["data"]["sequence"].clone());
            if last == Some(json!(expected)) {
                return;
            }
        }
    };
    tokio::select! {
        () = is_all_taken => {}
        () = receives => {}
        () = sends => {}
        () = tokio::time::sleep(Duration::from_secs(240)) => panic!("it takes too long"),
    }
    let changes = world.store.tenant(ONE).changes_after(0, &["machine"], 10_000).await.unwrap();
    assert_eq!(changes.len() as i64, CHANGES);
    // Without the repeats, which are known by their ids, the receiver has each change once and in order.
    let (mut seen, mut told) = (std::collections::HashSet::new(), Vec::new());
    let taken = receiver.taken();
    for taken in &taken {
        let data = &taken.message["data"];
        if seen.insert(taken.id.clone()) {
            told.push((data["sequence"].as_i64().unwrap(), data["change"].as_str().unwrap().to_owned()));
        }
    }
    let expected: Vec<_> =
        changes.iter().map(|change| (change.sequence, change.change.name().to_owned())).collect();
    assert_eq!(told, expected);
    assert!(taken.len() as i64 > CHANGES, "nothing was repeated, so nothing was killed at an odd time");
    assert!(changes.iter().all(|change| change.change != ChangeKind::Deleted));
}
