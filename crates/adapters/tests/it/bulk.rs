//! Bodies of the bulk protocol to items and outcomes.

use std::ops::ControlFlow;

use adapters::{BulkItem, Fault, Mapped, Mapper, Said, read_bulk};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::shipped::{AUDIT_1, AUDIT_2, OCSF, SYSMON, XML};

/// The items in their order, and the outcomes with the numbers of their items.
struct Read {
    items: Vec<String>,
    outcomes: Vec<(u64, String)>,
    whole: Result<(), Fault>,
}

fn read(body: &[u8], index: &str) -> Read {
    let (mut items, mut outcomes) = (Vec::new(), Vec::new());
    let said = Said { device: "sender".into(), time: None, kind: index.into() };
    let whole = read_bulk(
        &mut Mapper::default(),
        body,
        &said,
        &mut |BulkItem { action, index, id }| {
            items.push(format!("{} {index} {}", action.name(), id.as_deref().unwrap_or("-")));
            ControlFlow::Continue(())
        },
        &mut |number, outcome| {
            let text = match outcome {
                Ok(Mapped::Row(row)) => {
                    format!("{} {} {}", row.table.name, row.text("DeviceName"), row.timestamp().unwrap())
                }
                Ok(Mapped::Unmapped { kind }) => format!("unmapped {kind}"),
                Ok(Mapped::Merged) => "merged".to_owned(),
                Err(refusal) => format!("{}: {refusal}", refusal.code()),
            };
            outcomes.push((number, text));
            ControlFlow::Continue(())
        },
    );
    outcomes.sort_by_key(|(number, _)| *number);
    Read { items, outcomes, whole }
}

#[track_caller]
fn check(body: &str, expected: Expect) {
    let Read { items, outcomes, whole } = read(body.as_bytes(), "path");
    let mut text: String = items.iter().map(|item| format!("{item}\n")).collect();
    text.extend(outcomes.iter().map(|(number, outcome)| format!("{number} {outcome}\n")));
    if let Err(fault) = whole {
        text += &format!("fault: {fault}\n");
    }
    expected.assert_eq(&text);
}

fn object(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn documents_are_told_by_their_content() {
    let documents = [
        json!({ "message": AUDIT_1, "host": "Web-1" }),
        json!({ "message": AUDIT_2, "host": { "name": "web-1", "os": {} }, "@timestamp": "2024-05-06T06:08:09Z" }),
        object(SYSMON),
        object(OCSF),
        json!({ "log": XML }),
        json!({ "message": "May  6 06:08:09 web-1 sshd[7]: Accepted" }),
        json!({ "message": format!("{AUDIT_1}\n{AUDIT_2}"), "hostname": "web-2" }),
        json!({ "a": 1 }),
    ];
    let body: String =
        documents.iter().map(|document| format!("{{\"create\":{{}}}}\n{document}\n")).collect();
    check(
        &body,
        expect![[r#"
        create path -
        create path -
        create path -
        create path -
        create path -
        create path -
        create path -
        create path -
        1 DeviceProcessEvents web-1 2024-05-06T06:08:09.0010000Z
        2 merged
        3 DeviceNetworkEvents ws6.corp 2024-05-06T07:00:00.1230000Z
        4 DeviceProcessEvents sender 2024-05-06T06:08:09.0000000Z
        5 DeviceFileEvents web-1 2024-05-06T07:00:00.0000000Z
        6 unmapped Syslog/sshd
        7 merged
        7 DeviceProcessEvents web-2 2024-05-06T06:08:09.0010000Z
        8 unmapped path
    "#]],
    );
}

#[test]
fn the_index_may_name_a_table() {
    let body = [
        r#"{"index":{"_index":"bartizan-deviceevents","_id":7}}"#,
        r#"{"ActionType":"Test","DeviceName":"pc1","@timestamp":"2024-05-06T07:08:09.5Z"}"#,
        r#"{"index":{"_index":"bartizan-deviceevents","_id":"a"}}"#,
        r#"{"Colour":1,"@timestamp":1714975689000}"#,
        r#"{"index":{"_index":"bartizan-things"}}"#,
        r#"{"ActionType":"Test"}"#,
    ];
    check(
        &body.join("\n"),
        expect![[r#"
        index bartizan-deviceevents 7
        index bartizan-deviceevents a
        index bartizan-things -
        1 DeviceEvents pc1 2024-05-06T07:08:09.5000000Z
        2 UnknownColumn: 'Colour' is not a column of DeviceEvents
        3 unmapped bartizan-things
    "#]],
    );
}

#[test]
fn an_item_that_cannot_be_taken_is_refused_alone() {
    let long = "x".repeat(600);
    let body = format!(
        r#"{{"delete":{{"_index":"a","_id":"1"}}}}
{{"update":{{"_id":"2"}}}}
{{"doc":{{}}}}

{{"index":{{"_index":"b","pipeline":"p","routing":"r"}}}}
{{"broken"
{{"index":{{}}}}

{{"index":{{"_id":"{long}"}}}}
{{}}
{{"create":{{}}}}
["no object"]
{{"create":{{}}}}
{{"message":"{AUDIT}"}}"#,
        AUDIT = AUDIT_2.replace('"', "\\\"")
    );
    let read = read(body.as_bytes(), "path");
    assert_eq!(read.whole, Ok(()));
    let outcomes: Vec<_> = read.outcomes.iter().map(|(number, text)| format!("{number} {text}\n")).collect();
    expect![[r#"
        1 InvalidValue: 'action' takes index or create: events do not change
        2 InvalidValue: 'action' takes index or create: events do not change
        3 InvalidJson: the line is not JSON: EOF while parsing an object at line 1 column 9
        4 InvalidJson: the line is not JSON: EOF while parsing a value at line 1 column 0
        5 InvalidValue: '_id' takes at most 512 bytes
        6 NotAnEvent: the line is not an event: it takes a JSON object
        7 unmapped auditd/EXECVE
    "#]]
    .assert_eq(&outcomes.concat());
}

#[test]
fn a_body_at_fault_is_told_by_its_item() {
    for (body, fault) in [
        ("", "the body holds no event"),
        ("\n \n", "the body holds no event"),
        ("{\"index\":{}}", "event 0 is malformed: the body ends before its document"),
        (
            "{\"index\":{}}\n{}\n{\"create\":{}}\n\n",
            "event 1 is malformed: the body ends before its document",
        ),
        ("{\"upsert\":{}}\n{}", "event 0 is malformed: unknown variant `upsert`, expected one of `index`"),
        ("{}\n{}", "event 0 is malformed"),
        ("{\"index\":{},\"create\":{}}\n{}", "event 0 is malformed"),
        ("{\"index\":{}}\n{}\nhello\n", "event 1 is malformed"),
        ("[]\n{}", "event 0 is malformed"),
        ("{\"index\":{\"_index\":7}}\n{}", "event 0 is malformed"),
    ] {
        let told = read(body.as_bytes(), "").whole.unwrap_err().to_string();
        assert!(told.starts_with(fault), "{body}: {told}");
    }
}

fn document() -> impl Strategy<Value = String> {
    let known = [
        json!({ "message": AUDIT_1 }).to_string(),
        json!({ "message": AUDIT_2, "host": "b" }).to_string(),
        json!({ "message": "hello" }).to_string(),
        SYSMON.to_owned(),
        OCSF.to_owned(),
        "{".to_owned(),
        "7".to_owned(),
    ];
    prop::sample::select(known.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_or_refused(body: Vec<u8>, text in "[{}\\[\\]\":,a-z0-9_ \nindexcreate]{0,80}") {
        for body in [&*body, text.as_bytes()] {
            let _ = read(body, "bartizan-deviceevents");
        }
    }

    #[test]
    fn every_item_has_one_outcome(
        documents in prop::collection::vec((document(), prop::sample::select(vec!["index", "create", "update", "delete"])), 1..20),
    ) {
        let body: String = documents.iter().map(|(document, action)| match *action {
            "delete" => "{\"delete\":{\"_id\":\"1\"}}\n".to_owned(),
            _ => format!("{{\"{action}\":{{}}}}\n{document}\n"),
        }).collect();
        let Read { items, outcomes, whole } = read(body.as_bytes(), "x");
        prop_assert_eq!(whole, Ok(()));
        prop_assert_eq!(items.len(), documents.len());
        prop_assert!(outcomes.iter().map(|(number, _)| *number).eq(1..=documents.len() as u64), "{:?}", outcomes);
    }
}
