//! What rows make of a machine.

use model::Row;
use model::machine::{DeviceValue, Machine};
use serde_json::{Value, json};

use crate::{ONE, at, device, row, store};

async fn machine(parts: &[&[Row]]) -> Machine {
    let store = store().await.tenant(ONE);
    for rows in parts {
        crate::fold(&store, rows).await;
    }
    store.machine(&device(1)).await.unwrap().unwrap()
}

fn rows() -> Vec<Row> {
    let info = |minute: u32, version: &str, tags: Value| {
        row(
            "DeviceInfo",
            1,
            &format!("07:{minute:02}:00"),
            json!({ "DeviceName": "PC1.corp.example", "OSPlatform": "Windows11", "OSVersionInfo": version,
                "OSBuild": 22631, "OSArchitecture": "64-bit", "PublicIP": "203.0.113.9",
                "ClientVersion": version, "DeviceManualTags": tags, "RegistryDeviceTag": "Desk",
                "IsAzureADJoined": false, "AssetValue": "High", "OnboardingStatus": "Onboarded" }),
        )
    };
    let adapter = |minute: u32, mac: &str, ip: &str| {
        row(
            "DeviceNetworkInfo",
            1,
            &format!("07:{minute:02}:00"),
            json!({ "MacAddress": mac, "NetworkAdapterType": "Ethernet", "NetworkAdapterStatus": "Up",
                "IPAddresses": [{ "IPAddress": ip, "SubnetPrefix": 24 }, { "IPAddress": "fe80::1" }] }),
        )
    };
    let connected =
        |time, ip| row("DeviceNetworkEvents", 1, time, json!({ "DeviceName": "pc1", "LocalIP": ip }));
    vec![
        info(10, "22H2", json!(["a", "b"])),
        info(20, "23H2", json!(["c"])),
        info(20, "23H1", json!(["d"])),
        adapter(10, "02-AA", "10.0.0.5"),
        adapter(15, "02-AA", "10.0.0.6"),
        adapter(12, "02-BB", "10.1.0.5"),
        connected("07:30:00", "10.0.0.7"),
        connected("07:40:00", "127.0.0.1"),
        row(
            "DeviceProcessEvents",
            1,
            "06:00:00",
            json!({ "DeviceName": "pc1", "FolderPath": "C:\\Windows\\System32\\cmd.exe" }),
        ),
    ]
}

#[tokio::test]
async fn rows_make_a_machine() {
    let machine = machine(&[&rows()]).await;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    assert_eq!(text(&machine.computer_dns_name), "pc1.corp.example");
    assert_eq!((machine.first_seen, machine.last_seen), (at("06:00:00"), at("07:40:00")));
    assert_eq!((machine.os_platform.as_str(), text(&machine.version).as_str()), ("Windows11", "23H2"));
    assert_eq!((machine.os_build, text(&machine.os_processor).as_str()), (Some(22_631), "x64"));
    assert_eq!(text(&machine.last_ip_address), "10.0.0.7");
    assert_eq!(text(&machine.last_external_ip_address), "203.0.113.9");
    assert_eq!((machine.device_value, machine.is_aad_joined), (DeviceValue::High, Some(false)));
    assert_eq!(machine.machine_tags, ["Desk", "d"]);
    let ips: Vec<&str> = machine.ip_addresses.iter().map(|address| address.ip_address.as_str()).collect();
    assert_eq!(ips, ["10.0.0.6", "fe80::1", "10.1.0.5", "fe80::1"]);
}

#[tokio::test]
async fn a_value_gives_way_to_later_ones_and_not_to_late_ones() {
    let says = |time, version| row("DeviceInfo", 1, time, json!({ "OSVersionInfo": version }));
    let (early, middle, late) = (says("07:00:00", "1"), says("07:30:00", "2"), says("08:00:00", "3"));
    // The device was last seen long after it said its version.
    let seen = row("DeviceRegistryEvents", 1, "09:00:00", json!({}));
    for (order, version) in [
        (vec![&early, &seen, &middle], "2"),
        (vec![&middle, &seen, &early], "2"),
        (vec![&early, &seen, &late, &middle], "3"),
    ] {
        let parts: Vec<&[Row]> = order.into_iter().map(std::slice::from_ref).collect();
        let machine = machine(&parts).await;
        assert_eq!((machine.version.as_deref(), machine.last_seen), (Some(version), at("09:00:00")));
    }
}

#[tokio::test]
async fn the_platform_is_inferred_until_a_record_says_it() {
    let event =
        |path: &str| row("DeviceFileEvents", 1, "07:00:00", json!({ "InitiatingProcessFolderPath": path }));
    for (path, platform) in [
        ("C:\\a.exe", "Windows"),
        ("\\\\server\\share", "Windows"),
        ("/usr/bin/cat", "Linux"),
        ("/Applications/a", "macOS"),
        ("a.exe", "Unknown"),
    ] {
        assert_eq!(machine(&[&[event(path)]]).await.os_platform, platform, "{path}");
    }
    let registry = row("DeviceRegistryEvents", 1, "07:00:00", json!({ "RegistryKey": "HKLM" }));
    assert_eq!(machine(&[&[registry]]).await.os_platform, "Windows");
    let info = row("DeviceInfo", 1, "06:00:00", json!({ "OSPlatform": "Ubuntu" }));
    let machine = machine(&[&[event("/usr/bin/cat")], &[info]]).await;
    assert_eq!(machine.os_platform, "Ubuntu", "an earlier record beats what was inferred");
}

#[tokio::test]
async fn an_address_of_an_event_stands_in_for_adapters() {
    let event = |ip: &str| row("DeviceNetworkEvents", 1, "07:00:00", json!({ "LocalIP": ip }));
    let machine = machine(&[&[event("::ffff:10.0.0.9"), event("2001:db8::1"), event("0.0.0.0")]]).await;
    assert_eq!(machine.last_ip_address.as_deref(), Some("10.0.0.9"));
    assert_eq!(machine.ip_addresses.len(), 1);
}
