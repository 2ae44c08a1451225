//! Deleting the rows of one device.

use lake::{Deleted, DeletedRows, Lake, LakeError};
use model::lake::{LegalHold, Policies};
use model::{DeviceId, Ticks};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use crate::harness::{World, numbers, rows, tenant};

/// The device of the rows whose number leaves that rest when divided by three.
fn device(rest: u8) -> DeviceId {
    DeviceId::parse(&format!("{rest:040x}")).unwrap()
}

async fn flush(lake: &Lake, numbers: &[i64]) {
    lake.tenant(tenant(1)).append(rows(numbers.iter().copied()), None).await.unwrap();
    lake.flush().await.unwrap();
}

fn paths(world: &World) -> Vec<String> {
    let files = world.catalog.files().into_iter().filter(|file| file.removed.is_none());
    files.map(|file| file.path).collect()
}

fn hold(table: Option<&str>) -> Policies {
    let (name, reason) = ("case".to_owned(), "a court asked".to_owned());
    let table = table.map(str::to_owned);
    let hold = LegalHold { tenant: tenant(1), name, table, reason, created: Ticks(0) };
    Policies { retention: vec![], holds: vec![hold] }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_files_with_rows_of_the_device_are_replaced() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    // Even numbers are of one table. The first and the last file hold devices below and above the one that goes.
    for numbers in [&[0, 2, 6, 8][..], &[4, 10, 12], &[14, 18]] {
        flush(&lake, numbers).await;
    }
    lake.tenant(tenant(1)).append(rows([16, 1]), None).await.unwrap();
    lake.tenant(tenant(2)).append(rows([4]), None).await.unwrap();
    let before = paths(&world);
    let deleted = lake.tenant(tenant(1)).delete_device(&device(1)).await.unwrap();
    let table = |table, rows, files| DeletedRows { table, rows, files };
    let expected = vec![table("DeviceNetworkEvents", 1, 1), table("DeviceProcessEvents", 3, 2)];
    assert_eq!(deleted, Deleted { tables: expected, files_kept: 2 });
    assert_eq!((deleted.rows(), deleted.files()), (4, 3));
    let after = paths(&world);
    assert!(after.contains(&before[0]) && !after.contains(&before[1]) && after.contains(&before[2]));
    assert_eq!(numbers(&lake, tenant(1)).await, [0, 2, 6, 8, 12, 14, 18]);
    assert_eq!(numbers(&lake, tenant(2)).await, [4]);

    let again = lake.tenant(tenant(1)).delete_device(&device(1)).await.unwrap();
    assert_eq!(again, Deleted { tables: vec![], files_kept: 3 });
    assert_eq!(paths(&world), after);
    drop(lake);
    let lake = world.open().await.unwrap();
    world.clock.advance(3_601);
    lake.upkeep().await.unwrap();
    for path in &before {
        let is_there = world.files.get(&Path::from(path.as_str())).await.is_ok();
        assert_eq!(is_there, after.contains(path), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merged_file_without_the_device_is_not_even_opened() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    for at in 0..8 {
        flush(&lake, &[6 * at, 6 * at + 2]).await;
    }
    lake.upkeep().await.unwrap();
    let [path] = &paths(&world)[..] else { panic!("{:?}", paths(&world)) };
    let file = Path::from(path.as_str());
    let bytes = world.files.get(&file).await.unwrap().bytes().await.unwrap();
    world.files.delete(&file).await.unwrap();
    let deleted = lake.tenant(tenant(1)).delete_device(&device(1)).await.unwrap();
    assert_eq!(deleted, Deleted { tables: vec![], files_kept: 1 });
    assert!(lake.tenant(tenant(1)).delete_device(&device(0)).await.is_err(), "this one has to be read");
    world.files.put(&file, bytes.into()).await.unwrap();
    assert_eq!(lake.tenant(tenant(1)).delete_device(&device(0)).await.unwrap().rows(), 8);
    assert_eq!(numbers(&lake, tenant(1)).await, (0..8).map(|at| 6 * at + 2).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_on_rows_of_the_device_keeps_all_of_them() {
    let world = World::new();
    let lake = world.open().await.unwrap();
    flush(&lake, &[0, 1, 2, 3, 4, 6]).await;
    let before = paths(&world);
    for table in [Some("DeviceNetworkEvents"), None] {
        world.catalog.set_policies(hold(table));
        let refused = lake.tenant(tenant(1)).delete_device(&device(0)).await;
        let Err(LakeError::Held { hold, table }) = refused else { panic!("{refused:?}") };
        assert_eq!((hold.as_str(), table), ("case", "DeviceNetworkEvents"));
        assert_eq!(paths(&world), before, "nothing is deleted in part");
    }
    // What is held has nothing of this device.
    world.catalog.set_policies(hold(Some("DeviceNetworkEvents")));
    assert_eq!(lake.tenant(tenant(1)).delete_device(&device(2)).await.unwrap().rows(), 1);
    assert_eq!(numbers(&lake, tenant(1)).await, [0, 1, 3, 4, 6]);
}
