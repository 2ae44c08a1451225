//! What rows make of a profile, in any order.

use model::tables;
use serde_json::json;

use super::*;

const ID: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn row(table: &str, json: Value) -> Row {
    let Value::Object(mut object) = json else { panic!("an object") };
    object.insert("DeviceId".to_owned(), ID.into());
    Row::from_json(tables::find(table).unwrap(), object).unwrap()
}

fn rows() -> Vec<Row> {
    let info = |minute: u32, version: &str, tags: Value| {
        row(
            "DeviceInfo",
            json!({ "Timestamp": format!("2024-05-06T07:{minute:02}:00Z"), "DeviceName": "PC1.corp.example",
                "OSPlatform": "Windows11", "OSVersionInfo": version, "OSBuild": 22631,
                "OSArchitecture": "64-bit", "PublicIP": "203.0.113.9", "ClientVersion": version,
                "DeviceManualTags": tags, "RegistryDeviceTag": "Desk", "IsAzureADJoined": false,
                "AssetValue": "High", "OnboardingStatus": "Onboarded" }),
        )
    };
    let adapter = |minute: u32, mac: &str, ip: &str| {
        row(
            "DeviceNetworkInfo",
            json!({ "Timestamp": format!("2024-05-06T07:{minute:02}:00Z"), "MacAddress": mac,
                "NetworkAdapterType": "Ethernet", "NetworkAdapterStatus": "Up",
                "IPAddresses": [{ "IPAddress": ip, "SubnetPrefix": 24 }, { "IPAddress": "fe80::1" }] }),
        )
    };
    vec![
        info(10, "22H2", json!(["a", "b"])),
        info(20, "23H2", json!(["c"])),
        info(20, "23H1", json!(["d"])),
        adapter(10, "02-AA", "10.0.0.5"),
        adapter(15, "02-AA", "10.0.0.6"),
        adapter(12, "02-BB", "10.1.0.5"),
        row(
            "DeviceNetworkEvents",
            json!({ "Timestamp": "2024-05-06T07:30:00Z", "DeviceName": "pc1", "LocalIP": "10.0.0.7" }),
        ),
        row(
            "DeviceNetworkEvents",
            json!({ "Timestamp": "2024-05-06T07:40:00Z", "DeviceName": "pc1", "LocalIP": "127.0.0.1" }),
        ),
        row(
            "DeviceProcessEvents",
            json!({ "Timestamp": "2024-05-06T06:00:00Z", "DeviceName": "pc1",
                "FolderPath": "C:\\Windows\\System32\\cmd.exe" }),
        ),
    ]
}

fn fold<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Machine {
    let mut profile: Option<Profile> = None;
    for row in rows {
        let time = row.timestamp().unwrap();
        let id = DeviceId::parse(ID).unwrap();
        profile.get_or_insert_with(|| Profile::new(id, time)).fold(row, time);
    }
    profile.unwrap().machine()
}

#[test]
fn rows_make_a_machine() {
    let machine = fold(&rows());
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    assert_eq!(text(&machine.computer_dns_name), "pc1.corp.example");
    assert_eq!(machine.first_seen, Ticks::parse("2024-05-06T06:00:00Z").unwrap());
    assert_eq!(machine.last_seen, Ticks::parse("2024-05-06T07:40:00Z").unwrap());
    assert_eq!((machine.os_platform.as_str(), text(&machine.version).as_str()), ("Windows11", "23H2"));
    assert_eq!((machine.os_build, text(&machine.os_processor).as_str()), (Some(22_631), "x64"));
    assert_eq!(text(&machine.last_ip_address), "10.0.0.7");
    assert_eq!(text(&machine.last_external_ip_address), "203.0.113.9");
    assert_eq!((machine.device_value, machine.is_aad_joined), (DeviceValue::High, Some(false)));
    assert_eq!(machine.machine_tags, ["Desk", "d"]);
    let ips: Vec<&str> = machine.ip_addresses.iter().map(|address| address.ip_address.as_str()).collect();
    assert_eq!(ips, ["10.0.0.6", "fe80::1", "10.1.0.5", "fe80::1"]);
}

#[test]
fn any_order_and_any_repeat_make_the_same_machine() {
    let rows = rows();
    let expected = fold(&rows);
    // A small generator is enough to go through many orders.
    let mut state = 7u64;
    let mut draw = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..2_000 {
        let mut order: Vec<&Row> = rows.iter().collect();
        for _ in 0..draw(5) {
            order.push(&rows[draw(rows.len())]);
        }
        for at in (1..order.len()).rev() {
            order.swap(at, draw(at + 1));
        }
        assert_eq!(fold(order), expected);
    }
}

#[test]
fn profiles_of_parts_make_the_profile_of_the_whole() {
    let rows = rows();
    let of = |rows: &[Row]| {
        let mut profile = Profile::new(DeviceId::parse(ID).unwrap(), rows[0].timestamp().unwrap());
        rows.iter().for_each(|row| profile.fold(row, row.timestamp().unwrap()));
        profile
    };
    for at in 1..rows.len() {
        let (mut one, two) = (of(&rows[..at]), of(&rows[at..]));
        one.merge(two.clone());
        one.merge(two);
        assert_eq!(one, of(&rows), "{at}");
    }
}

#[test]
fn a_stored_machine_is_taken_up_again() {
    let rows = rows();
    let machine = fold(&rows);
    let stored = Profile::of_stored(&machine);
    assert_eq!(stored.machine(), machine);
    let mut again = stored.clone();
    rows.iter().for_each(|row| again.fold(row, row.timestamp().unwrap()));
    assert_eq!(again.machine(), machine, "rows that are in it already change nothing");

    let mut later = stored;
    let time = Ticks::parse("2024-05-07").unwrap();
    let info = json!({ "Timestamp": "2024-05-07T00:00:00Z", "OSPlatform": "Windows12" });
    later.fold(&row("DeviceInfo", info), time);
    assert_eq!(later.machine().os_platform, "Windows12");
    assert_eq!(later.machine().last_seen, time);
}

#[test]
fn the_platform_is_inferred_until_a_record_says_it() {
    let event = |path: &str| {
        let json = json!({ "Timestamp": "2024-05-06T07:00:00Z", "InitiatingProcessFolderPath": path });
        row("DeviceFileEvents", json)
    };
    for (path, platform) in [
        ("C:\\a.exe", "Windows"),
        ("\\\\server\\share", "Windows"),
        ("/usr/bin/cat", "Linux"),
        ("/Applications/a", "macOS"),
        ("a.exe", "Unknown"),
    ] {
        assert_eq!(fold(&[event(path)]).os_platform, platform, "{path}");
    }
    let machine = fold(&[event("/usr/bin/cat")]);
    let mut profile = Profile::of_stored(&machine);
    let info = row("DeviceInfo", json!({ "Timestamp": "2024-05-06T06:00:00Z", "OSPlatform": "Ubuntu" }));
    profile.fold(&info, info.timestamp().unwrap());
    assert_eq!(profile.machine().os_platform, "Ubuntu", "an earlier record beats what was inferred");
}

#[test]
fn an_address_of_an_event_stands_in_for_adapters() {
    let event =
        |ip: &str| row("DeviceNetworkEvents", json!({ "Timestamp": "2024-05-06T07:00:00Z", "LocalIP": ip }));
    let machine = fold(&[event("::ffff:10.0.0.9"), event("2001:db8::1"), event("0.0.0.0")]);
    assert_eq!(machine.last_ip_address.as_deref(), Some("10.0.0.9"));
    assert_eq!(machine.ip_addresses.len(), 1);
    assert_eq!(Profile::of_stored(&machine).machine(), machine);
}
