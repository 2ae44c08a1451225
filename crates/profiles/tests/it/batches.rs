//! Events of a small company, drawn at random: few different values, so that they meet each other often.

use model::Row;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::row;

/// A hash in either case, or what is none.
fn hash(digits: usize) -> impl Strategy<Value = String> {
    let text = prop_oneof![8 => select(vec!["a", "b", "c", "C"]), 1 => Just(""), 1 => Just("g")];
    text.prop_map(move |digit| digit.repeat(digits))
}

fn text(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    select(choices)
}

const NAMES: &[&str] = &["a.exe", "B.exe", "b.exe", "c.dll", "d", "e.exe", ""];
const USERS: &[&str] = &["ada", "Ada", "bob", "root", "PC1$", ""];
const DOMAINS: &[&str] = &["CORP", "corp", "", "NT AUTHORITY"];
const SIDS: &[&str] = &["", "S-1-5-21-1", "S-1-5-21-2", "S-1-5-18"];
const IPS: &[&str] = &["203.0.113.9", "::ffff:203.0.113.9", "10.0.0.1", "10.0.0.2", "127.0.0.1", "no", ""];
const URLS: &[&str] = &["https://a.b.example/x", "B.example", "c.b.example:443", "203.0.113.9", ""];
const PATHS: &[&str] = &["C:\\a", "/usr/bin", "/Users/ada", "a", ""];

fn logon() -> impl Strategy<Value = Value> {
    let account = (text(USERS), text(DOMAINS), text(SIDS), text(&["LogonSuccess", "LogonFailed"]), 0..3u8);
    account.prop_map(|(user, domain, sid, action, kind)| {
        json!({ "AccountName": user, "AccountDomain": domain, "AccountSid": sid, "ActionType": action,
            "LogonType": format!("Type{kind}") })
    })
}

/// The cells of a table that profiles look at.
fn cells() -> impl Strategy<Value = (&'static str, Value)> {
    let initiating = (hash(40), text(NAMES), text(USERS), text(DOMAINS), text(SIDS), text(PATHS));
    let initiating = initiating.prop_map(|(sha1, file, user, domain, sid, path)| {
        json!({ "InitiatingProcessSHA1": sha1, "InitiatingProcessFileName": file,
            "InitiatingProcessAccountName": user, "InitiatingProcessAccountDomain": domain,
            "InitiatingProcessAccountSid": sid, "InitiatingProcessFolderPath": path })
    });
    let file = (hash(40), hash(64), hash(32), text(NAMES), 0..4i64);
    let file = file.prop_map(|(sha1, sha256, md5, name, size)| {
        json!({ "SHA1": sha1, "SHA256": sha256, "MD5": md5, "FileName": name, "FileSize": size })
    });
    let info = (text(&["Windows10", "Windows11", ""]), text(&["22H2", "23H2"]), 0..3i64, text(USERS));
    let info = info.prop_map(|(platform, version, build, user)| {
        json!({ "OSPlatform": platform, "OSVersionInfo": version, "OSBuild": build,
            "DeviceManualTags": [version], "LoggedOnUsers": [{ "UserName": user, "DomainName": "CORP" }] })
    });
    let network = (text(IPS), text(IPS), text(URLS));
    let network = network
        .prop_map(|(local, remote, url)| json!({ "LocalIP": local, "RemoteIP": remote, "RemoteUrl": url }));
    let adapter = (text(IPS), text(&["02-AA", "02-BB", ""]), text(&["Up", "Down"]));
    let adapter = adapter.prop_map(|(ip, mac, status)| {
        json!({ "MacAddress": mac, "IPAddresses": [{ "IPAddress": ip }], "NetworkAdapterStatus": status })
    });
    let dns = text(URLS).prop_map(|name| {
        json!({ "ActionType": "DnsQueryResponse",
            "AdditionalFields": json!({ "DnsQueryString": name }).to_string() })
    });
    let signed = (hash(40), text(&["Fabrikam", "Contoso"]), any::<bool>())
        .prop_map(|(sha1, signer, trusted)| json!({ "SHA1": sha1, "Signer": signer, "IsTrusted": trusted }));
    prop_oneof![
        3 => (file, initiating).prop_map(|(file, initiating)| ("DeviceFileEvents", joined(file, initiating))),
        2 => logon().prop_map(|cells| ("DeviceLogonEvents", cells)),
        1 => logon().prop_map(|cells| ("DeviceProcessEvents", without(cells, "LogonType"))),
        1 => info.prop_map(|cells| ("DeviceInfo", cells)),
        2 => network.prop_map(|cells| ("DeviceNetworkEvents", cells)),
        1 => adapter.prop_map(|cells| ("DeviceNetworkInfo", cells)),
        1 => dns.prop_map(|cells| ("DeviceEvents", cells)),
        1 => signed.prop_map(|cells| ("DeviceFileCertificateInfo", cells)),
    ]
}

pub fn any_row() -> impl Strategy<Value = Row> {
    // Few times, so that many rows have the same one; some a day or a quarter apart.
    let time = (select(vec!["2024-05-06", "2024-05-07", "2024-08-01"]), 0..3u8, 0..2u8);
    let name = text(&["pc1", "pc1.corp.example", "PC1.corp.example.", "10.0.0.9", ""]);
    (cells(), 1..4u8, time, name).prop_map(|((table, mut cells), device, (day, hour, second), name)| {
        cells["DeviceName"] = name.into();
        row(table, device, &format!("{day}T0{hour}:00:0{second}Z"), cells)
    })
}

pub fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(any_row(), 1..60)
}

fn joined(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn without(mut cells: Value, name: &str) -> Value {
    cells.as_object_mut().unwrap().remove(name);
    cells
}
