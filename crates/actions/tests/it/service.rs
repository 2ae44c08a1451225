//! Actions over a database: what is asked for, given, answered and kept, also when the server is killed in between.

use std::time::Duration;

use actions::{ActionError, AskedCommand, JobCaller, NewFile, Policy};
use bytes::Bytes;
use futures::stream;
use model::DeviceId;
use model::machine_action::{ActionKind, ActionStatus};
use odata::{Limits as ODataLimits, Query};
use sensor_proto::{Command, Order, Outcome, ScanMode, digest_hex};
use store::{MACHINE_ACTION_TYPE, PageRequest};

use crate::world::{ONE, TWO, isolate, open, request, world};

#[tokio::test]
async fn an_action_survives_restarts_between_all_of_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let (mut world, mut device) = world(folder.path()).await;
    let id = world.submit(isolate()).await.unwrap();
    for step in 0..3 {
        world.store.close().await;
        world = open(folder.path(), world.clock.clone()).await;
        match step {
            0 => assert_eq!(device.poll(&world).await.len(), 1),
            1 => assert_eq!(device.work(&world).await, 1, "it is given again"),
            _ => assert_eq!(world.status(id).await, ActionStatus::Succeeded),
        }
    }
    assert_eq!(device.poll(&world).await, []);
    let receipts = world.store.tenant(ONE).receipts(id).await.unwrap();
    assert_eq!(receipts.len(), 1);
}

#[tokio::test]
async fn a_repeated_receipt_is_kept_once_and_a_foreign_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (world, device) = world(folder.path()).await;
    let id = world.submit(isolate()).await.unwrap();
    let command = device.poll(&world).await.remove(0);
    for _ in 0..3 {
        device.say(&world, &command, Outcome::succeeded("")).await.unwrap();
    }
    assert_eq!(world.status(id).await, ActionStatus::Succeeded);
    assert_eq!(world.store.tenant(ONE).receipts(id).await.unwrap().len(), 1);
    let foreign = Command { device_id: DeviceId::from_name(ONE, "other"), ..command.clone() };
    assert!(matches!(
        device.say(&world, &foreign, Outcome::succeeded("")).await,
        Err(ActionError::Invalid(_))
    ));
    let foreign = Command { tenant_id: TWO, ..command };
    assert!(device.say(&world, &foreign, Outcome::succeeded("")).await.is_err());
}

#[tokio::test]
async fn a_waiting_device_is_woken() {
    let folder = tempfile::tempdir().unwrap();
    let (world, device) = world(folder.path()).await;
    let poll = device.poll(&world);
    let submit = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        world.submit(isolate()).await.unwrap();
    };
    let (commands, ()) = tokio::join!(poll, submit);
    assert_eq!(commands.len(), 1);
    world.actions.stop();
    let began = std::time::Instant::now();
    assert_eq!(device.poll(&world).await.len(), 1);
    assert!(began.elapsed() < Duration::from_millis(150));
}

#[tokio::test]
async fn late_actions_end_and_tenants_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (world, device) = world(folder.path()).await;
    let (isolation, scan) = (
        world.submit(isolate()).await.unwrap(),
        world.submit(Order::Scan { mode: ScanMode::Quick }).await.unwrap(),
    );
    assert_eq!(device.poll(&world).await.len(), 2);
    world.clock.advance(3 * 86_400 - 1);
    world.actions.tick().await.unwrap();
    assert_eq!(world.status(isolation).await, ActionStatus::InProgress);
    world.clock.advance(1);
    world.actions.tick().await.unwrap();
    for id in [isolation, scan] {
        assert_eq!(world.status(id).await, ActionStatus::TimeOut);
        assert!(world.store.tenant(TWO).action(id).await.unwrap().is_none());
        let stranger = world.actions.tenant(TWO).cancel(id, "x", "").await;
        assert!(matches!(stranger, Err(ActionError::NotFound { .. })), "{stranger:?}");
    }
    let late = world.actions.tenant(ONE).cancel(scan, "x", "").await;
    assert!(matches!(late, Err(ActionError::Final { status: ActionStatus::TimeOut })), "{late:?}");
}

#[tokio::test]
async fn actions_are_found_by_filters() {
    let folder = tempfile::tempdir().unwrap();
    let (world, mut device) = world(folder.path()).await;
    world.submit(isolate()).await.unwrap();
    device.work(&world).await;
    world.clock.advance(1);
    world.submit(Order::Scan { mode: ScanMode::Full }).await.unwrap();
    let store = world.store.tenant(ONE);
    for (filter, expected) in [
        ("status in ('Pending','InProgress') AND type eq 'RunAntiVirusScan'", 1),
        ("type eq 'Isolate' and status eq 'Succeeded'", 1),
        ("contains(requestorComment,'BECAUSE')", 2),
        ("cancellationComment eq null", 2),
        ("scope eq 'Full' and errorHResult eq 0", 2),
        ("lastUpdateDateTimeUtc gt 2026-03-03T07:00:00Z", 1),
    ] {
        let query: Query = odata::parse(
            &MACHINE_ACTION_TYPE,
            &[("$filter", filter), ("$count", "true")],
            ODataLimits::new(100),
        )
        .unwrap();
        let page = store.list_actions(&query, PageRequest { limit: 10, cursor: None }).await.unwrap();
        assert_eq!((page.items.len(), page.count), (expected, Some(expected as u64)), "{filter}");
        assert_eq!(store.action_count(query.filter.as_ref()).await.unwrap(), expected as u64, "{filter}");
    }
}

#[tokio::test]
async fn uploads_are_bounded_and_only_for_orders_that_were_given() {
    let folder = tempfile::tempdir().unwrap();
    let (world, device) = world(folder.path()).await;
    let actions = world.actions.tenant(ONE);
    let id = world.submit(Order::CollectPackage { bytes_max: 1_000 }).await.unwrap();
    let known = |content: &[u8]| actions::KnownDevice {
        tenant: ONE,
        key: device.of.clone(),
        digest: digest_hex(content),
    };
    let parts = |content: &[u8]| stream::iter([Ok::<_, String>(Bytes::copy_from_slice(content))]);
    let small = b"archive".as_slice();
    let early = actions.upload(&known(small), id, None, "a.zip", parts(small)).await;
    assert!(matches!(early, Err(ActionError::NotFound { .. })), "not before it is given: {early:?}");
    let command = device.poll(&world).await.remove(0);
    let large = vec![7; 1_001];
    let refused = actions.upload(&known(&large), id, None, "a.zip", parts(&large)).await;
    assert!(matches!(refused, Err(ActionError::TooLarge { .. })), "{refused:?}");
    let other = actions.upload(&known(b"other"), id, None, "a.zip", parts(small)).await;
    assert!(matches!(other, Err(ActionError::Unauthorized(_))), "{other:?}");
    let cut = stream::iter([Ok(Bytes::from_static(b"arc")), Err("gone".to_owned())]);
    assert!(matches!(actions.upload(&known(small), id, None, "a", cut).await, Err(ActionError::Invalid(_))));
    let left =
        std::fs::read_dir(folder.path().join("actions/packages").join(ONE.to_string())).unwrap().count();
    assert_eq!(left, 0, "nothing is left of what was refused");
    for _ in 0..2 {
        let package = actions.upload(&known(small), id, None, "a.zip", parts(small)).await.unwrap();
        assert_eq!((package.bytes, package.sha256), (7, digest_hex(small)));
    }
    assert!(actions.link(id, None).await.is_err(), "it has not succeeded");
    let upload = sensor_proto::Upload { name: "a.zip".to_owned(), sha256: digest_hex(small), bytes: 7 };
    let outcome = Outcome::Succeeded { detail: String::new(), package: Some(upload), findings: Vec::new() };
    device.say(&world, &command, outcome).await.unwrap();
    let token = actions.link(id, None).await.unwrap();
    assert!(world.actions.follow_link(&token).await.unwrap().is_some());
    assert!(world.actions.follow_link(&format!("{token}x")).await.unwrap().is_none());
    world.clock.advance(1_801);
    assert!(world.actions.follow_link(&token).await.unwrap().is_none());
    let kept = folder.path().join("actions/packages").join(ONE.to_string()).join(digest_hex(small));
    world.clock.advance(29 * 86_400);
    world.actions.tick().await.unwrap();
    assert!(kept.exists() && world.store.tenant(ONE).package(id, None).await.unwrap().is_some());
    world.clock.advance(86_400);
    world.actions.tick().await.unwrap();
    assert!(!kept.exists() && world.store.tenant(ONE).package(id, None).await.unwrap().is_none());
}

#[tokio::test]
async fn the_library_holds_files_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _device) = world(folder.path()).await;
    let actions = world.actions.tenant(ONE);
    let file = |name: &str, content: &str, may_replace: bool| NewFile {
        name: name.to_owned(),
        content: Bytes::copy_from_slice(content.as_bytes()),
        description: None,
        has_parameters: false,
        parameters_description: None,
        may_replace,
        by: "analyst".to_owned(),
    };
    let first = actions.add_file(file("A.ps1", "one", false)).await.unwrap();
    assert!(matches!(actions.add_file(file("a.PS1", "two", false)).await, Err(ActionError::Invalid(_))));
    world.clock.advance(5);
    let second = actions.add_file(file("a.PS1", "two", true)).await.unwrap();
    assert_eq!((&second.file_name, second.creation_time), (&first.file_name, first.creation_time));
    assert_ne!(second.last_updated_time, first.last_updated_time);
    let contents = folder.path().join("actions/library").join(ONE.to_string());
    assert!(contents.join(&second.sha256).exists() && !contents.join(&first.sha256).exists());
    for name in ["", "..", "a/b", "a\\b", "C:x", "a\0"] {
        assert!(
            matches!(actions.add_file(file(name, "x", false)).await, Err(ActionError::Invalid(_))),
            "{name}"
        );
    }
    let large = "x".repeat(101);
    assert!(matches!(actions.add_file(file("b", &large, false)).await, Err(ActionError::TooLarge { .. })));
    let asked = vec![AskedCommand::RunScript { script_name: "a.ps1".to_owned(), arguments: String::new() }];
    assert_eq!(actions.live_commands(asked.clone()).await.unwrap().len(), 1);
    assert!(world.actions.tenant(TWO).live_commands(asked).await.is_err());
    actions.delete_file("a.ps1").await.unwrap();
    assert!(matches!(actions.delete_file("a.ps1").await, Err(ActionError::NotFound { .. })));
    assert!(!contents.join(&second.sha256).exists());
}

#[tokio::test]
async fn a_job_goes_on_where_it_was_and_waits_for_its_quota() {
    let folder = tempfile::tempdir().unwrap();
    let (world, _device) = world(folder.path()).await;
    let actions = world.actions.tenant(ONE);
    let policy = Policy { actions_per_hour: 0, ..Policy::default() };
    actions.set_policy(&policy).await.unwrap();
    let devices = [world.machine.id.clone(), DeviceId::from_name(ONE, "unknown")];
    let job = actions.start_job(&request(isolate()), JobCaller::default(), None, &devices).await.unwrap();
    assert_eq!((job.kind, job.is_submitted), (ActionKind::Isolate, false));
    world.store.close().await;
    let world = open(folder.path(), world.clock.clone()).await;
    let actions = world.actions.tenant(ONE);
    actions.set_policy(&Policy::default()).await.unwrap();
    for _ in 0..3 {
        world.actions.tick().await.unwrap();
    }
    let job = actions.job(&job.id).await.unwrap();
    assert!(job.is_submitted);
    let made = job.devices.iter().filter(|of| of.status == Some(ActionStatus::Pending)).count();
    let refused = job.devices.iter().filter(|of| of.refusal.is_some()).count();
    assert_eq!((made, refused), (1, 1));
    assert!(matches!(world.actions.tenant(TWO).job(&job.id).await, Err(ActionError::NotFound { .. })));
    assert!(actions.start_job(&request(isolate()), JobCaller::default(), None, &[]).await.is_err());
}
