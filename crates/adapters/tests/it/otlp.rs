//! Log records of OpenTelemetry to outcomes, the same in both encodings.

use adapters::{Fault, Protocol, Said};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::shipped::{AUDIT_1, AUDIT_2, OCSF, SYSMON, XML, read};

/// Records of one resource: seconds when they happened and were seen, and bodies.
struct Logs {
    attributes: Value,
    records: Vec<(u64, u64, Value)>,
}

fn as_json(logs: &[Logs]) -> String {
    let resource = |logs: &Logs| {
        let records = logs.records.iter().map(|(at, observed, body)| {
            let nanos = |seconds: &u64| json!((seconds * 1_000_000_000).to_string());
            json!({ "timeUnixNano": nanos(at), "observedTimeUnixNano": nanos(observed), "body": any_json(body) })
        });
        let scope = json!({ "scope": {}, "logRecords": records.collect::<Vec<_>>() });
        json!({ "scopeLogs": [{ "logRecords": null }, scope], "resource": { "attributes": members_json(&logs.attributes) } })
    };
    json!({ "resourceLogs": logs.iter().map(resource).collect::<Vec<_>>() }).to_string()
}

fn any_json(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(value) => json!({ "boolValue": value }),
        Value::Number(number) if number.is_i64() => json!({ "intValue": number.to_string() }),
        Value::Number(number) => json!({ "doubleValue": number }),
        Value::String(text) => json!({ "stringValue": text }),
        Value::Array(items) => {
            json!({ "arrayValue": { "values": items.iter().map(any_json).collect::<Vec<_>>() } })
        }
        Value::Object(_) => json!({ "kvlistValue": { "values": members_json(value) } }),
    }
}

fn members_json(object: &Value) -> Value {
    let members = object.as_object().unwrap().iter();
    members.map(|(key, value)| json!({ "key": key, "value": any_json(value) })).collect()
}

fn as_protobuf(logs: &[Logs]) -> Vec<u8> {
    let resource = |logs: &Logs| {
        let record = |(at, observed, body): &(u64, u64, Value)| {
            let nanos = |field: u8, seconds: &u64| {
                [&[field << 3 | 1][..], &(seconds * 1_000_000_000).to_le_bytes()].concat()
            };
            // Severity, flags and a trace id, which mean nothing here.
            let others = [0x10, 9, 0x45, 1, 0, 0, 0, 0x4a, 2, 7, 7];
            [&others[..], &nanos(11, observed), &bytes(5, &any(body)), &nanos(1, at)].concat()
        };
        let scope: Vec<u8> = logs.records.iter().flat_map(|found| bytes(2, &record(found))).collect();
        [bytes(2, b""), bytes(2, &scope), bytes(1, &members(&logs.attributes))].concat()
    };
    logs.iter().flat_map(|logs| bytes(1, &resource(logs))).collect()
}

fn any(value: &Value) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::Bool(value) => vec![0x10, u8::from(*value)],
        Value::Number(number) => match number.as_i64() {
            Some(number) => [vec![0x18], varint(number as u64)].concat(),
            None => [&[0x21][..], &number.as_f64().unwrap().to_le_bytes()].concat(),
        },
        Value::String(text) => bytes(1, text.as_bytes()),
        Value::Array(items) => {
            bytes(5, &items.iter().flat_map(|item| bytes(1, &any(item))).collect::<Vec<_>>())
        }
        Value::Object(_) => bytes(6, &members(value)),
    }
}

fn members(object: &Value) -> Vec<u8> {
    let members = object.as_object().unwrap().iter();
    members
        .flat_map(|(key, value)| bytes(1, &[bytes(1, key.as_bytes()), bytes(2, &any(value))].concat()))
        .collect()
}

fn bytes(field: u8, content: &[u8]) -> Vec<u8> {
    [vec![field << 3 | 2], varint(content.len() as u64), content.to_vec()].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

fn read_both(logs: &[Logs]) -> Vec<(u64, String)> {
    let said = Said { device: "sender".into(), ..Said::default() };
    let (by_json, whole) = read(Protocol::OtlpJson, as_json(logs).as_bytes(), &said);
    assert_eq!(whole, Ok(()));
    let (by_protobuf, whole) = read(Protocol::OtlpProtobuf, &as_protobuf(logs), &said);
    assert_eq!(whole, Ok(()));
    assert_eq!(by_json, by_protobuf);
    by_json
}

#[track_caller]
fn check(logs: &[Logs], expected: Expect) {
    let outcomes = read_both(logs).into_iter();
    expected
        .assert_eq(&outcomes.map(|(number, outcome)| format!("{number} {outcome}\n")).collect::<String>());
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn both_encodings_give_the_same_outcomes() {
    let seconds = 1_714_975_689;
    let web = Logs {
        attributes: json!({ "host.name": "Web-1", "service.name": "agent", "n": 7, "list": [1, { "a": 2.5 }] }),
        records: vec![
            (seconds, 0, json!(AUDIT_1)),
            (0, seconds, json!(format!("May  6 06:08:09 web-1 sysmon: {XML}"))),
            (0, 0, json!(AUDIT_2)),
            (0, 0, json!("May  6 06:08:09 web-1 sshd[7]: Accepted")),
            (0, 0, json!("hello")),
            (0, 0, json!({ "log": "hello" })),
        ],
    };
    let windows = Logs {
        attributes: json!({}),
        records: vec![
            (0, 0, parsed(SYSMON)),
            (0, 0, json!(SYSMON)),
            (0, 0, json!(XML)),
            (0, 0, parsed(OCSF)),
            (0, seconds, json!({ "class_uid": 1007, "activity_id": 1, "process": { "name": "a" } })),
            (0, 0, json!({ "class_uid": 1007, "activity_id": 1, "process": { "name": "a" } })),
            (0, 0, json!(null)),
            (0, 0, json!(true)),
            (0, 0, json!(-7)),
            (0, 0, json!(2.5)),
            (0, 0, json!([1, "a", null])),
            (0, 0, json!("{")),
        ],
    };
    let rows = Logs {
        attributes: json!({ "com.splunk.sourcetype": "bartizan:DeviceEvents", "host.name": "pc1" }),
        records: vec![
            (seconds, 0, json!({ "ActionType": "Test" })),
            (seconds, 0, json!("{\"ActionType\":\"Test\"}")),
            (0, 0, json!({ "ActionType": "Test" })),
        ],
    };
    check(
        &[web, windows, rows],
        expect![[r#"
        1 DeviceProcessEvents web-1 2024-05-06T06:08:09.0010000Z
        2 DeviceFileEvents web-1 2024-05-06T07:00:00.0000000Z
        3 merged
        4 unmapped Syslog/sshd
        5 unmapped agent
        6 unmapped agent
        7 DeviceNetworkEvents ws6.corp 2024-05-06T07:00:00.1230000Z
        8 DeviceNetworkEvents ws6.corp 2024-05-06T07:00:00.1230000Z
        9 DeviceFileEvents web-1 2024-05-06T07:00:00.0000000Z
        10 DeviceProcessEvents sender 2024-05-06T06:08:09.0000000Z
        11 DeviceProcessEvents sender 2024-05-06T06:08:09.0000000Z
        12 InvalidValue: 'time' takes milliseconds since 1970, and is missing
        13 unmapped empty
        14 unmapped text
        15 unmapped text
        16 unmapped text
        17 unmapped list
        18 InvalidJson: the line is not JSON: EOF while parsing an object at line 1 column 1
        19 DeviceEvents pc1 2024-05-06T06:08:09.0000000Z
        20 DeviceEvents pc1 2024-05-06T06:08:09.0000000Z
        21 MissingTimestamp: column 'Timestamp' is missing; it takes an ISO 8601 time such as 2024-05-06T07:08:09.1234567Z
    "#]],
    );
}

#[test]
fn an_empty_request_is_one() {
    check(&[], expect![[""]]);
    for body in ["{}", r#"{"resourceLogs":null}"#, r#"{"resourceLogs":[{}],"more":1}"#] {
        assert_eq!(read(Protocol::OtlpJson, body.as_bytes(), &Said::default()).1, Ok(()), "{body}");
    }
}

#[test]
fn a_request_that_cannot_be_read_is_at_fault() {
    let record = r#"{"body":{"stringValue":"a"}}"#;
    let request =
        |records: &str| format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":{records}}}]}}]}}"#);
    for (body, event) in [
        (String::new(), 0),
        ("[]".to_owned(), 0),
        ("{".to_owned(), 0),
        (r#"{"resourceLogs":{}}"#.to_owned(), 0),
        (r#"{"resourceLogs":[7]}"#.to_owned(), 0),
        (request("7"), 0),
        (request(&format!("[{record},7]")), 1),
        (request(&format!("[{record},{{\"timeUnixNano\":-1}}]")), 1),
        (request(&format!("[{record},{record}")), 0),
    ] {
        match read(Protocol::OtlpJson, body.as_bytes(), &Said::default()).1 {
            Err(Fault::Malformed { event: told, .. }) => assert_eq!(told, event, "{body}"),
            other => panic!("{body}: {other:?}"),
        }
    }
    let good = bytes(2, &bytes(2, &bytes(5, &any(&json!("a")))));
    for (body, event) in [
        (vec![0x80], 0),
        (vec![0x08, 1], 0),
        (bytes(1, &[0x12, 9]), 0),
        (bytes(1, &[&good[..], &[0x10, 1]].concat()), 1),
        (bytes(1, &[&good[..], &bytes(2, &bytes(2, &[0x0a, 0]))].concat()), 1),
        ([bytes(1, &good), vec![0xff]].concat(), 1),
    ] {
        match read(Protocol::OtlpProtobuf, &body, &Said::default()).1 {
            Err(Fault::Malformed { event: told, .. }) => assert_eq!(told, event, "{body:?}"),
            other => panic!("{body:?}: {other:?}"),
        }
    }
}

#[test]
fn a_record_that_is_too_large_or_too_deep_is_refused_alone() {
    let long = json!({ "a": "x".repeat(1 << 20) });
    let deep = (0..70).fold(json!(1), |inner, _| json!([inner]));
    let logs = |body: Value| {
        let records = vec![(0, 0, body), (0, 0, json!(AUDIT_1))];
        [Logs { attributes: json!({ "host.name": "web-1" }), records }]
    };
    for (logs, by_json, by_protobuf) in [
        (logs(long), "LineTooLong: ", "LineTooLong: "),
        (logs(deep), "InvalidJson: ", "InvalidValue: 'body' takes"),
    ] {
        for (protocol, body, refused) in [
            (Protocol::OtlpJson, as_json(&logs).into_bytes(), by_json),
            (Protocol::OtlpProtobuf, as_protobuf(&logs), by_protobuf),
        ] {
            let (outcomes, whole) = read(protocol, &body, &Said::default());
            assert_eq!((whole, outcomes.len()), (Ok(()), 2));
            assert!(outcomes[0].1.starts_with(refused), "{protocol:?}: {}", outcomes[0].1);
            assert!(outcomes[1].1.starts_with("DeviceProcessEvents"), "{}", outcomes[1].1);
        }
    }
}

fn body() -> impl Strategy<Value = Value> {
    let known = [
        json!(AUDIT_1),
        json!(AUDIT_2),
        parsed(SYSMON),
        json!(XML),
        parsed(OCSF),
        json!({ "message": SYSMON }),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any_bool().prop_map(Value::from),
        proptest::prelude::any::<i64>().prop_map(Value::from),
        "\\PC{0,10}".prop_map(Value::from),
        prop::sample::select(known.to_vec()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{0,3}", inner), 0..4)
                .prop_map(|members| members.into_iter().collect())
        ]
    })
}

fn any_bool() -> impl Strategy<Value = bool> {
    proptest::prelude::any::<bool>()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_record_has_an_outcome_and_damage_is_survived(
        bodies in prop::collection::vec((0u64..2, 0u64..2, body()), 1..12),
        cut: usize,
        at: usize,
        byte: u8,
    ) {
        let count = bodies.len() as u64;
        let logs = [Logs { attributes: json!({ "host.name": "a" }), records: bodies }];
        let outcomes = read_both(&logs);
        prop_assert!(outcomes.iter().map(|(number, _)| *number).eq(1..=count), "{:?}", outcomes);
        for (protocol, body) in [
            (Protocol::OtlpProtobuf, as_protobuf(&logs)),
            (Protocol::OtlpJson, as_json(&logs).into_bytes()),
        ] {
            let _ = read(protocol, &body[..cut % body.len()], &Said::default());
            let mut damaged = body;
            let at = at % damaged.len();
            damaged[at] = byte;
            let _ = read(protocol, &damaged, &Said::default());
        }
    }
}
