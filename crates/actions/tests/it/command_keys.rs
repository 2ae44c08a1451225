//! The key that signs commands is followed by another, and devices go on.

use model::Clock;
use model::machine_action::ActionStatus;
use sensor_proto::{Outcome, PollAnswer, Purpose};

use crate::world::{ONE, PC, isolate, open, world};

#[tokio::test]
async fn a_device_that_was_away_while_keys_changed_carries_out_what_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (before, mut device) = world(folder.path()).await;
    let id = before.submit(isolate()).await.unwrap();
    // Given, and signed by the key that is about to be the old one.
    let given = device.ask(&before).await.commands.remove(0);
    for _ in 0..PollAnswer::KEYS_MAX + 3 {
        before.actions.rotate_command_key(60).await.unwrap();
    }
    // Killed in between: what was not on the disk would be lost.
    let clock = before.clock.clone();
    before.store.close().await;
    drop(before);
    let after = open(folder.path(), clock).await;
    let command = device.poll(&after).await.remove(0);
    assert_eq!(command.id, id.0);
    let signing = after.actions.command_keys().last().unwrap().name();
    let keys = device.command_keys.get_mut().unwrap().clone();
    assert_eq!(keys.name().unwrap(), signing);
    assert_ne!(given.key, signing);
    // It has followed further than one key: the first is none that it takes commands by.
    assert!(keys.open::<sensor_proto::Command>(&given, Purpose::Command, after.clock.now()).is_err());
    device.say(&after, &command, Outcome::succeeded("done")).await.unwrap();
    assert_eq!(after.status(id).await, ActionStatus::Succeeded);
    assert!(device.ask(&after).await.keys.is_empty());
}

#[tokio::test]
async fn a_device_that_waits_is_told_of_the_next_key_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (world, device) = world(folder.path()).await;
    let first = world.actions.command_keys();
    assert_eq!((first.len(), first[0].created, first[0].accepted_until), (1, None, None));
    let id = world.submit(isolate()).await.unwrap();
    let given = device.poll(&world).await.remove(0);
    let made = world.actions.rotate_command_key(60).await.unwrap();
    let rows = world.actions.command_keys();
    let until = world.clock.now().plus_seconds(60);
    assert_eq!((rows[0].accepted_until, rows[1].name()), (Some(until), made.name()));
    // A command on its way when the key changed is good, and the same one comes again under the new key.
    let again = device.poll(&world).await.remove(0);
    assert_eq!((again.id, again.sequence), (given.id, given.sequence));
    device.say(&world, &given, Outcome::succeeded("done")).await.unwrap();
    assert_eq!(world.status(id).await, ActionStatus::Succeeded);
    // Who enrols now knows the new key from the start.
    let tokens =
        world.actions.tenant(ONE).make_tokens(1, 60, Some(&world.machine.id), "admin").await.unwrap();
    let (key, _) = sensor_proto::PrivateKey::generate().unwrap();
    let enrolled = world.enrol(&tokens[0], key).await.unwrap();
    assert_eq!(enrolled.command_keys.lock().unwrap().name().unwrap(), made.name(), "{PC}");
}
