//! Devices that leave for good, and those that come back.

use actions::ActionError;
use model::machine::Machine;
use model::machine_action::ActionStatus;
use sensor_proto::{Order, PrivateKey};

use crate::world::{ONE, isolate, request, world};

#[tokio::test]
async fn only_a_machine_that_runs_windows_can_be_offboarded_whoever_asks() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _device) = world(folder.path()).await;
    let actions = world.actions.tenant(ONE);
    let linux = Machine { os_platform: "Linux".to_owned(), ..world.machine.clone() };
    let planned = actions.plan(&linux, &request(Order::Offboard)).await;
    assert!(matches!(planned, Err(ActionError::OsNotSupported { .. })), "{planned:?}");
    let asked = actions.submit(&linux, &request(Order::Offboard)).await;
    assert!(matches!(asked, Err(ActionError::OsNotSupported { .. })), "{asked:?}");
    actions.plan(&linux, &request(isolate())).await.unwrap();
    actions.plan(&world.machine, &request(Order::Offboard)).await.unwrap();
}

#[tokio::test]
async fn an_offboarded_machine_that_enrols_with_a_new_key_takes_actions_again() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut device) = world(folder.path()).await;
    let offboarded = world.submit(Order::Offboard).await.unwrap();
    device.work(&world).await;
    assert_eq!(world.status(offboarded).await, ActionStatus::Succeeded);
    assert!(matches!(world.submit(isolate()).await, Err(ActionError::Offboarded)));

    let actions = world.actions.tenant(ONE);
    let bound = Some(&world.machine.id);
    let token = actions.make_tokens(1, 60, bound, "admin").await.unwrap().remove(0);
    let old = world.enrol(&token, device.key).await.err();
    assert!(matches!(old, Some(ActionError::Unauthorized(_))), "the key was revoked: {old:?}");
    assert!(matches!(world.submit(isolate()).await, Err(ActionError::Offboarded)));

    let (key, _) = PrivateKey::generate().unwrap();
    let mut device = world.enrol(&token, key).await.unwrap();
    let id = world.submit(isolate()).await.unwrap();
    assert_eq!(device.work(&world).await, 1);
    assert_eq!(world.status(id).await, ActionStatus::Succeeded);
}
