//! What lies on the disk: as long as something names it, and not longer.

use std::path::PathBuf;

use actions::{ActionError, AskedCommand, KnownDevice, NewFile};
use bytes::Bytes;
use futures::stream;
use model::ActionId;
use sensor_proto::{LiveCommand, Order, Outcome, digest_hex};

use crate::world::{Device, ONE, World, open, world};

const SWEEP: i64 = 600;

fn script(content: &str) -> NewFile {
    NewFile {
        name: "a.ps1".to_owned(),
        content: Bytes::copy_from_slice(content.as_bytes()),
        description: None,
        has_parameters: false,
        parameters_description: None,
        may_replace: true,
        by: "analyst".to_owned(),
    }
}

fn kept(folder: &tempfile::TempDir, of: &str) -> Vec<String> {
    let folder: PathBuf = folder.path().join("actions").join(of).join(ONE.to_string());
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = files.map(|file| file.file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

async fn upload(world: &World, device: &Device, id: ActionId, content: &'static [u8]) {
    let known = KnownDevice { tenant: ONE, key: device.of.clone(), digest: digest_hex(content) };
    let parts = stream::iter([Ok::<_, String>(Bytes::from_static(content))]);
    world.actions.tenant(ONE).upload(&known, id, None, "a.zip", parts).await.unwrap();
}

async fn live_response(world: &World) -> Order {
    let asked = vec![AskedCommand::RunScript { script_name: "a.ps1".to_owned(), arguments: String::new() }];
    let commands = world.actions.tenant(ONE).live_commands(asked).await.unwrap();
    Order::LiveResponse { commands, result_bytes_max: 100 }
}

#[tokio::test]
async fn a_queued_live_response_keeps_its_script_when_the_library_changes() {
    let folder = tempfile::tempdir().unwrap();
    let (world, device) = world(folder.path()).await;
    let actions = world.actions.tenant(ONE);
    let first = actions.add_file(script("one")).await.unwrap().sha256;
    world.submit(live_response(&world).await).await.unwrap();
    let second = actions.add_file(script("two")).await.unwrap().sha256;
    let third = actions.add_file(script("three")).await.unwrap().sha256;
    let mut expected = vec![first.clone(), third.clone()];
    expected.sort_unstable();
    assert_eq!(kept(&folder, "library"), expected, "nothing names {second}");
    actions.delete_file("a.ps1").await.unwrap();
    world.clock.advance(SWEEP);
    world.actions.tick().await.unwrap();
    assert_eq!(kept(&folder, "library"), std::slice::from_ref(&first));

    let command = device.poll(&world).await.remove(0);
    let Order::LiveResponse { commands, .. } = &command.order else { panic!("{command:?}") };
    assert!(matches!(&commands[..], [LiveCommand::RunScript { sha256, .. }] if *sha256 == first));
    actions.library_content(&world.machine.id, &first).await.unwrap();
    device.say(&world, &command, Outcome::succeeded("done")).await.unwrap();
    world.clock.advance(SWEEP);
    world.actions.tick().await.unwrap();
    assert!(kept(&folder, "library").is_empty());
}

#[tokio::test]
async fn an_order_for_a_script_that_is_gone_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _device) = world(folder.path()).await;
    let actions = world.actions.tenant(ONE);
    actions.add_file(script("one")).await.unwrap();
    let order = live_response(&world).await;
    actions.add_file(script("two")).await.unwrap();
    let refused = world.submit(order).await;
    assert!(matches!(refused, Err(ActionError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn one_package_of_an_action_is_kept_and_nothing_that_was_left_unfinished() {
    let folder = tempfile::tempdir().unwrap();
    let (world, device) = world(folder.path()).await;
    let id = world.submit(Order::CollectPackage { bytes_max: 100 }).await.unwrap();
    device.poll(&world).await;
    for content in [b"one".as_slice(), b"two", b"three"] {
        upload(&world, &device, id, content).await;
        assert_eq!(kept(&folder, "packages"), [digest_hex(content)]);
    }
    let of_tenant = folder.path().join("actions/packages").join(ONE.to_string());
    std::fs::write(of_tenant.join("cut-off.part"), "x").unwrap();
    std::fs::write(of_tenant.join(digest_hex(b"unnamed")), "unnamed").unwrap();
    world.store.close().await;
    let world = open(folder.path(), world.clock.clone()).await;
    world.actions.tick().await.unwrap();
    assert_eq!(kept(&folder, "packages"), [digest_hex(b"three")]);
}
