use profiles::Reader;
use serde_json::{Value, json};
use server::{Config, Offline};
use store::Store;

use crate::{eventually, process, send, start};

const DEVICES: [&str; 2] =
    ["bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccccccccccccccccccccccc"];
const SHA1: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f001122334";

fn connection(device: &str, second: u32) -> Value {
    json!({
        "Timestamp": format!("2024-05-06T07:09:{second:02}Z"), "DeviceId": device, "LocalIP": "10.0.0.7",
        "RemoteIP": "203.0.113.9", "RemoteUrl": "https://cdn.fabrikam.example/a",
        "InitiatingProcessSHA1": SHA1, "InitiatingProcessFileName": "updater.exe",
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn profiles_follow_events_and_are_the_same_after_a_rebuild() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (quickstart, client) = start(&data).await;
    send(&client, "DeviceProcessEvents", &[process(DEVICES[0], "pc1", 1, "calm")]).await;
    let connections = [connection(DEVICES[0], 2), connection(DEVICES[1], 3)];
    send(&client, "DeviceNetworkEvents", &connections).await;
    let all_seen = |list: &Value| {
        let machines = list["value"].as_array().into_iter().flatten();
        machines.filter(|machine| machine["lastIpAddress"] == "10.0.0.7").count() == DEVICES.len()
    };
    let machines = eventually(&client, "/api/machines", all_seen).await;

    let error = Offline::open(&Config::new(&data)).await.err().map(|error| format!("{error:#}"));
    let error = error.unwrap();
    assert!(error.contains("a server that is stopped") && error.contains("in use"), "{error}");
    quickstart.shutdown().await.unwrap();

    check_profiles(&data).await;
    let offline = Offline::open(&Config::new(&data)).await.unwrap();
    let rebuilt = offline.rebuild_profiles().await.unwrap();
    offline.close().await.unwrap();
    assert_eq!((rebuilt.len(), rebuilt[0].events, rebuilt[0].machines), (1, 3, 2));
    assert_eq!((rebuilt[0].users, rebuilt[0].files, rebuilt[0].addresses), (1, 1, 1));
    assert_eq!(rebuilt[0].domains, 2, "a host and the domain above it");
    check_profiles(&data).await;

    // The server goes on over what was rebuilt.
    let (again, client) = start(&data).await;
    assert_eq!(client.get_json::<Value>("/api/machines").await.unwrap()["value"], machines["value"]);
    send(&client, "DeviceNetworkEvents", &[connection(DEVICES[1], 30)]).await;
    let path = format!("/api/machines/{}", DEVICES[1]);
    let later = |machine: &Value| machine["lastSeen"].as_str().is_some_and(|seen| seen.contains("07:09:30"));
    eventually(&client, &path, later).await;
    again.shutdown().await.unwrap();
}

async fn check_profiles(data: &std::path::Path) {
    let store = Store::open(&data.join("state.db")).await.unwrap();
    let tenants = store.tenants().await.unwrap();
    let tenant = store.tenant(tenants[0].id);
    let reader = Reader::new(&tenant);
    let (_, file) = reader.file(SHA1).await.unwrap().unwrap();
    assert_eq!(file.profile.top_names(5), ["updater.exe"]);
    assert_eq!(file.profile.devices.device_count(None), 2);
    let address = reader.address("203.0.113.9").await.unwrap().unwrap();
    assert_eq!(address.profile.devices.device_count(None), 2);
    let domain = reader.domain("fabrikam.example").await.unwrap().unwrap();
    assert_eq!(domain.profile.devices.device_count(None), 2);
    assert_eq!(reader.device_count_of("corp\\ada").await.unwrap(), 1);
    store.close().await;
}
