//! What events make of users, files, addresses and domains.

use model::Ticks;
use model::time::TICKS_PER_DAY;
use profiles::{Reader, Span};
use serde_json::json;

use crate::{ONE, at, device, fold, row, store};

fn span(first: &str, last: &str) -> Span {
    Span { first: at(first).0, last: at(last).0 }
}

#[tokio::test]
async fn a_file_is_known_by_its_hashes_with_its_names_and_devices() {
    let store = store().await.tenant(ONE);
    let (sha1, sha256, md5) = ("0f".repeat(20), "a1".repeat(32), "c2".repeat(16));
    let created = |number, time, name| {
        row(
            "DeviceFileEvents",
            number,
            time,
            json!({ "SHA1": sha1.to_uppercase(), "SHA256": sha256, "MD5": md5, "FileName": name, "FileSize": 7 }),
        )
    };
    let ran = row(
        "DeviceProcessEvents",
        3,
        "09:00:00",
        json!({ "SHA1": sha1, "FileName": "a.exe", "ProcessVersionInfoCompanyName": "Fabrikam",
            "ProcessVersionInfoProductName": "Updater" }),
    );
    let started_others = row(
        "DeviceProcessEvents",
        4,
        "06:00:00",
        json!({ "InitiatingProcessSHA1": sha1, "InitiatingProcessFileName": "b.exe" }),
    );
    let signed = row(
        "DeviceFileCertificateInfo",
        1,
        "05:00:00",
        json!({ "SHA1": sha1, "Signer": "Fabrikam Ltd", "Issuer": "CA 2", "IsTrusted": true }),
    );
    let only_sha256 =
        row("DeviceFileEvents", 5, "10:00:00", json!({ "SHA256": sha256, "FileName": "a.exe" }));
    let rows =
        [created(1, "07:00:00", "b.exe"), created(2, "08:00:00", "a.exe"), ran, started_others, signed];
    fold(&store, &rows).await;
    fold(&store, &[only_sha256]).await;

    let reader = Reader::new(&store);
    let (id, file) = reader.file(&sha1).await.unwrap().unwrap();
    assert_eq!((&id, file.span), (&sha1, span("05:00:00", "10:00:00")));
    assert_eq!((file.profile.sha256.as_ref(), file.profile.md5.as_ref()), (Some(&sha256), Some(&md5)));
    assert_eq!((file.profile.size, file.profile.publisher.as_deref()), (Some(7), Some("Fabrikam")));
    assert_eq!(file.profile.product.as_deref(), Some("Updater"));
    let certificate = file.profile.certificate.as_ref().unwrap();
    assert_eq!(
        (certificate.value.signer.as_str(), certificate.value.is_trusted),
        ("Fabrikam Ltd", Some(true))
    );
    assert_eq!(file.profile.top_names(5), ["a.exe", "b.exe"]);
    assert_eq!(file.profile.top_names(1), ["a.exe"]);
    assert_eq!(file.profile.devices.device_count(None), 5);
    assert_eq!(file.profile.devices.device_count(Some(at("09:30:00"))), 2, "by the hour");
    let mut devices: Vec<_> = file.profile.devices.devices().map(|seen| seen.device()).collect();
    devices.sort_unstable();
    assert_eq!(devices, [1, 2, 3, 4, 5].map(device));

    assert_eq!(reader.file(&sha256.to_uppercase()).await.unwrap(), Some((id, file)), "by either hash");
    for unknown in ["ab".repeat(20), "ab".repeat(32), md5, "no hash".to_owned()] {
        assert_eq!(reader.file(&unknown).await.unwrap(), None, "{unknown}");
    }
}

#[tokio::test]
async fn an_address_is_known_by_its_canonical_text() {
    let store = store().await.tenant(ONE);
    let to = |number, time, ip| row("DeviceNetworkEvents", number, time, json!({ "RemoteIP": ip }));
    fold(
        &store,
        &[
            to(1, "07:00:00", "203.0.113.9"),
            to(2, "08:00:00", "::ffff:203.0.113.9"),
            to(1, "09:00:00", "10.0.0.1"),
            to(1, "09:00:00", "127.0.0.1"),
        ],
    )
    .await;
    let reader = Reader::new(&store);
    let public = reader.address("203.0.113.9").await.unwrap().unwrap();
    assert_eq!((public.span, public.profile.is_private), (span("07:00:00", "08:00:00"), false));
    assert_eq!(public.profile.devices.device_count(None), 2);
    assert_eq!(reader.address("::FFFF:203.0.113.9").await.unwrap(), Some(public));
    assert!(reader.address("10.0.0.1").await.unwrap().is_some_and(|known| known.profile.is_private));
    for unknown in ["127.0.0.1", "203.0.113.10", "host"] {
        assert_eq!(reader.address(unknown).await.unwrap(), None, "{unknown}");
    }
}

#[tokio::test]
async fn a_domain_is_known_by_connections_and_queries() {
    let store = store().await.tenant(ONE);
    let fields = json!({ "DnsQueryString": "Login.Fabrikam.example" }).to_string();
    let query = json!({ "ActionType": "DnsQueryResponse", "AdditionalFields": fields });
    fold(
        &store,
        &[
            row(
                "DeviceNetworkEvents",
                1,
                "07:00:00",
                json!({ "RemoteUrl": "https://cdn.fabrikam.example/a" }),
            ),
            row("DeviceEvents", 2, "08:00:00", query),
            row("DeviceEvents", 3, "08:00:00", json!({ "ActionType": "Other", "AdditionalFields": fields })),
        ],
    )
    .await;
    let reader = Reader::new(&store);
    for (name, expected) in [
        ("cdn.fabrikam.example", Some((true, 1))),
        ("login.fabrikam.example.", Some((true, 1))),
        ("FABRIKAM.example", Some((false, 2))),
        ("example", None),
        ("fabrikam.test", None),
    ] {
        let known = reader.domain(name).await.unwrap();
        let known = known.map(|known| (known.profile.is_host, known.profile.devices.device_count(None)));
        assert_eq!(known, expected, "{name}");
    }
}

#[tokio::test]
async fn a_user_is_known_at_devices_by_logons_processes_and_records() {
    let store = store().await.tenant(ONE);
    let logon = |number, time, action, kind| {
        row(
            "DeviceLogonEvents",
            number,
            time,
            json!({ "ActionType": action, "LogonType": kind, "AccountDomain": "CORP", "AccountName": "Ada",
                "AccountSid": "S-1-5-21-1-2-3-1001" }),
        )
    };
    let process = row(
        "DeviceFileEvents",
        3,
        "2024-05-07T07:00:00Z",
        json!({ "InitiatingProcessAccountDomain": "corp", "InitiatingProcessAccountName": "ada" }),
    );
    let users =
        json!([{ "UserName": "ada", "DomainName": "corp" }, { "UserName": "bob", "DomainName": "corp" }]);
    let rows = [
        logon(1, "07:00:00", "LogonSuccess", "Interactive"),
        logon(1, "2024-05-08T07:00:00Z", "LogonSuccess", "Network"),
        logon(2, "08:00:00", "LogonFailed", "Network"),
        process,
        row("DeviceInfo", 4, "06:00:00", json!({ "LoggedOnUsers": users })),
    ];
    fold(&store, &rows).await;

    let reader = Reader::new(&store);
    let ada = reader.user("Corp\\ADA").await.unwrap().unwrap();
    let last = at("07:00:00").0 + 2 * TICKS_PER_DAY;
    assert_eq!(ada.span, Span { first: at("06:00:00").0, last });
    assert_eq!(ada.profile.sid.as_ref().map(|sid| sid.value.as_str()), Some("S-1-5-21-1-2-3-1001"));
    assert_eq!(ada.profile.logon_types.iter().collect::<Vec<_>>(), ["Interactive", "Network"]);
    assert_eq!(reader.users_named("ADA", 5).await.unwrap(), [("corp\\ada".to_owned(), ada)]);

    let devices = reader.devices_of("CORP\\ada", 10).await.unwrap();
    let days: Vec<_> = devices.iter().map(|at| (at.device.clone(), at.logon.profile.days.count())).collect();
    assert_eq!(days, [(device(1), 2), (device(3), 1), (device(4), 1)]);
    assert_eq!(reader.device_count_of("corp\\ada").await.unwrap(), 3);

    let users_at = async |number| {
        let users = reader.users_at(&device(number), 10).await.unwrap();
        users.into_iter().map(|at| at.user).collect::<Vec<_>>()
    };
    assert_eq!(users_at(4).await, ["corp\\ada", "corp\\bob"]);
    assert_eq!(users_at(2).await, Vec::<String>::new(), "a logon that failed");
    let at_first = &reader.users_at(&device(1), 10).await.unwrap()[0];
    assert_eq!(at_first.logon.span, Span { first: at("07:00:00").0, last });
}

#[tokio::test]
async fn what_cannot_be_a_profile_is_passed_over() {
    let store = store().await.tenant(ONE);
    let long = "a".repeat(2_000);
    fold(
        &store,
        &[
            row(
                "DeviceProcessEvents",
                1,
                "07:00:00",
                json!({ "SHA1": "N/A", "MD5": "a".repeat(32), "FileName": long, "AccountName": long,
                    "ProcessVersionInfoCompanyName": long, "DeviceName": long, "AdditionalFields": "{" }),
            ),
            row("DeviceNetworkEvents", 1, "07:00:00", json!({ "RemoteUrl": long, "RemoteIP": long })),
            row("DeviceInfo", 1, "07:00:00", json!({ "LoggedOnUsers": "[[[", "DeviceManualTags": long })),
        ],
    )
    .await;
    let (profiles, machines) = crate::dump(&store).await;
    assert_eq!(profiles.len(), 1, "the device alone: {profiles:?}");
    assert_eq!(machines[0]["computerDnsName"], serde_json::Value::Null);
    assert_eq!(machines[0]["firstSeen"], serde_json::to_value(Ticks(at("07:00:00").0)).unwrap());
}
