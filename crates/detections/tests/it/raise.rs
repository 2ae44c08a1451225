//! From a hit to the alert's JSON.

use detections::{RuleSet, raise};
use expect_test::{Expect, expect};
use model::{DeviceId, TenantId, Ticks};
use serde_json::{Value, json};

use crate::row;

const RULE: &str = r#"title: Something Bad
id: 5d0b7a0e-7c55-4b0c-9a52-000000000001
description: |
  It is bad.
author: Ada Example, Bob Example
license: DRL 1.1
level: high
tags:
    - attack.credential-access
    - attack.t1003.001
logsource:
    product: windows
detection:
    selection:
        DeviceName: pc1.corp.example
    condition: selection
"#;

/// Alerts leave out nulls here, to be read.
#[track_caller]
fn check(table: &str, mut columns: Value, expected: Expect) {
    columns["DeviceName"] = json!("pc1.corp.example");
    columns["ReportId"] = json!(42);
    let loaded = RuleSet::from_yaml(&[("t.yml", RULE)]);
    let row = row(table, columns);
    let hits = loaded.rules.evaluate(&row);
    let tenant = TenantId("11111111-2222-4333-8444-555555555555".parse().unwrap());
    let device = DeviceId::parse(&"ab".repeat(20)).unwrap();
    let created = Ticks::parse("2024-05-06T07:10:00Z").unwrap();
    let alert = raise(hits[0], &row, tenant, &device, created);
    let later = raise(hits[0], &row, tenant, &device, created.plus_seconds(60));
    assert_eq!(alert.id, later.id);
    let mut json = serde_json::to_value(&alert).unwrap();
    drop_nulls(&mut json);
    expected.assert_eq(&serde_json::to_string_pretty(&json).unwrap());
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, value| !value.is_null());
            object.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

#[test]
fn a_process_start() {
    let columns = json!({
        "ActionType": "ProcessCreated", "FileName": "rundll32.exe",
        "FolderPath": r"C:\Windows\System32\rundll32.exe", "SHA1": "aa11", "SHA256": "bb22",
        "ProcessId": 4711, "ProcessCommandLine": "rundll32.exe comsvcs.dll, MiniDump 700 a full",
        "ProcessCreationTime": "2024-05-06T07:08:09.1Z", "AccountDomain": "corp", "AccountName": "alice",
        "AccountSid": "S-1-5-21-1", "InitiatingProcessId": 100, "InitiatingProcessFileName": "cmd.exe",
        "InitiatingProcessFolderPath": r"c:\windows\system32\cmd.exe",
    });
    check(
        "DeviceProcessEvents",
        columns,
        expect![[r#"
        {
          "id": "da638505760891234567_1464433698",
          "severity": "High",
          "status": "New",
          "investigationState": "UnsupportedAlertType",
          "detectionSource": "CustomDetection",
          "detectorId": "5d0b7a0e-7c55-4b0c-9a52-000000000001",
          "category": "CredentialAccess",
          "title": "Something Bad",
          "description": "It is bad.\n\nSigma rule by Ada Example, Bob Example (5d0b7a0e-7c55-4b0c-9a52-000000000001), licence DRL 1.1",
          "alertCreationTime": "2024-05-06T07:10:00.0000000Z",
          "firstEventTime": "2024-05-06T07:08:09.1234567Z",
          "lastEventTime": "2024-05-06T07:08:09.1234567Z",
          "lastUpdateTime": "2024-05-06T07:10:00.0000000Z",
          "machineId": "abababababababababababababababababababab",
          "computerDnsName": "pc1.corp.example",
          "aadTenantId": "11111111-2222-4333-8444-555555555555",
          "mitreTechniques": [
            "T1003.001"
          ],
          "relatedUser": {
            "userName": "alice",
            "domainName": "corp"
          },
          "comments": [],
          "evidence": [
            {
              "entityType": "Process",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "sha1": "aa11",
              "sha256": "bb22",
              "fileName": "rundll32.exe",
              "filePath": "C:\\Windows\\System32\\rundll32.exe",
              "processId": 4711,
              "processCommandLine": "rundll32.exe comsvcs.dll, MiniDump 700 a full",
              "processCreationTime": "2024-05-06T07:08:09.1000000Z",
              "parentProcessId": 100,
              "parentProcessFileName": "cmd.exe",
              "parentProcessFilePath": "c:\\windows\\system32\\cmd.exe",
              "accountName": "alice",
              "domainName": "corp",
              "userSid": "S-1-5-21-1",
              "detectionStatus": "Detected"
            },
            {
              "entityType": "User",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "accountName": "alice",
              "domainName": "corp",
              "userSid": "S-1-5-21-1",
              "detectionStatus": "Detected"
            }
          ]
        }"#]],
    );
}

#[test]
fn a_connection() {
    let columns = json!({
        "ActionType": "ConnectionSuccess", "RemoteIP": "203.0.113.7", "RemotePort": 443, "RemoteUrl": "c2.example",
        "InitiatingProcessId": 100, "InitiatingProcessFileName": "x.exe",
        "InitiatingProcessFolderPath": r"c:\users\alice\x.exe", "InitiatingProcessAccountName": "alice",
    });
    check(
        "DeviceNetworkEvents",
        columns,
        expect![[r#"
        {
          "id": "da638505760891234567_1464433698",
          "severity": "High",
          "status": "New",
          "investigationState": "UnsupportedAlertType",
          "detectionSource": "CustomDetection",
          "detectorId": "5d0b7a0e-7c55-4b0c-9a52-000000000001",
          "category": "CredentialAccess",
          "title": "Something Bad",
          "description": "It is bad.\n\nSigma rule by Ada Example, Bob Example (5d0b7a0e-7c55-4b0c-9a52-000000000001), licence DRL 1.1",
          "alertCreationTime": "2024-05-06T07:10:00.0000000Z",
          "firstEventTime": "2024-05-06T07:08:09.1234567Z",
          "lastEventTime": "2024-05-06T07:08:09.1234567Z",
          "lastUpdateTime": "2024-05-06T07:10:00.0000000Z",
          "machineId": "abababababababababababababababababababab",
          "computerDnsName": "pc1.corp.example",
          "aadTenantId": "11111111-2222-4333-8444-555555555555",
          "mitreTechniques": [
            "T1003.001"
          ],
          "relatedUser": {
            "userName": "alice"
          },
          "comments": [],
          "evidence": [
            {
              "entityType": "Process",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "fileName": "x.exe",
              "filePath": "c:\\users\\alice\\x.exe",
              "processId": 100,
              "accountName": "alice",
              "detectionStatus": "Detected"
            },
            {
              "entityType": "Ip",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "ipAddress": "203.0.113.7",
              "detectionStatus": "Detected"
            },
            {
              "entityType": "Url",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "url": "c2.example",
              "detectionStatus": "Detected"
            },
            {
              "entityType": "User",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "accountName": "alice",
              "detectionStatus": "Detected"
            }
          ]
        }"#]],
    );
}

#[test]
fn a_registry_value() {
    let columns = json!({
        "ActionType": "RegistryValueSet", "RegistryKey": r"HKEY_LOCAL_MACHINE\SOFTWARE\x", "RegistryValueName": "y",
        "RegistryValueType": "String", "RegistryValueData": "z",
        "InitiatingProcessId": 100, "InitiatingProcessFileName": "reg.exe",
    });
    check(
        "DeviceRegistryEvents",
        columns,
        expect![[r#"
        {
          "id": "da638505760891234567_1464433698",
          "severity": "High",
          "status": "New",
          "investigationState": "UnsupportedAlertType",
          "detectionSource": "CustomDetection",
          "detectorId": "5d0b7a0e-7c55-4b0c-9a52-000000000001",
          "category": "CredentialAccess",
          "title": "Something Bad",
          "description": "It is bad.\n\nSigma rule by Ada Example, Bob Example (5d0b7a0e-7c55-4b0c-9a52-000000000001), licence DRL 1.1",
          "alertCreationTime": "2024-05-06T07:10:00.0000000Z",
          "firstEventTime": "2024-05-06T07:08:09.1234567Z",
          "lastEventTime": "2024-05-06T07:08:09.1234567Z",
          "lastUpdateTime": "2024-05-06T07:10:00.0000000Z",
          "machineId": "abababababababababababababababababababab",
          "computerDnsName": "pc1.corp.example",
          "aadTenantId": "11111111-2222-4333-8444-555555555555",
          "mitreTechniques": [
            "T1003.001"
          ],
          "comments": [],
          "evidence": [
            {
              "entityType": "Process",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "fileName": "reg.exe",
              "processId": 100,
              "detectionStatus": "Detected"
            },
            {
              "entityType": "Registry",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "registryKey": "HKEY_LOCAL_MACHINE\\SOFTWARE\\x",
              "registryHive": "HKEY_LOCAL_MACHINE",
              "registryValueType": "String",
              "registryValue": "z",
              "detectionStatus": "Detected"
            }
          ]
        }"#]],
    );
}

#[test]
fn a_file_with_nothing_known_of_its_writer() {
    let columns = json!({
        "ActionType": "FileCreated", "FolderPath": r"C:\x\y.exe", "FileName": "y.exe", "SHA256": "bb22",
        "FileOriginUrl": "http://203.0.113.7/y.exe",
    });
    check(
        "DeviceFileEvents",
        columns,
        expect![[r#"
        {
          "id": "da638505760891234567_1464433698",
          "severity": "High",
          "status": "New",
          "investigationState": "UnsupportedAlertType",
          "detectionSource": "CustomDetection",
          "detectorId": "5d0b7a0e-7c55-4b0c-9a52-000000000001",
          "category": "CredentialAccess",
          "title": "Something Bad",
          "description": "It is bad.\n\nSigma rule by Ada Example, Bob Example (5d0b7a0e-7c55-4b0c-9a52-000000000001), licence DRL 1.1",
          "alertCreationTime": "2024-05-06T07:10:00.0000000Z",
          "firstEventTime": "2024-05-06T07:08:09.1234567Z",
          "lastEventTime": "2024-05-06T07:08:09.1234567Z",
          "lastUpdateTime": "2024-05-06T07:10:00.0000000Z",
          "machineId": "abababababababababababababababababababab",
          "computerDnsName": "pc1.corp.example",
          "aadTenantId": "11111111-2222-4333-8444-555555555555",
          "mitreTechniques": [
            "T1003.001"
          ],
          "comments": [],
          "evidence": [
            {
              "entityType": "File",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "sha256": "bb22",
              "fileName": "y.exe",
              "filePath": "C:\\x\\y.exe",
              "detectionStatus": "Detected"
            },
            {
              "entityType": "Url",
              "evidenceCreationTime": "2024-05-06T07:10:00.0000000Z",
              "url": "http://203.0.113.7/y.exe",
              "detectionStatus": "Detected"
            }
          ]
        }"#]],
    );
}
