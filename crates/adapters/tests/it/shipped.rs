//! Bodies of log shippers to outcomes, one for each record.

use std::ops::ControlFlow;

use adapters::{Fault, Mapped, Mapper, Protocol, Said, read_shipped};
use expect_test::{Expect, expect};
use model::Ticks;
use proptest::prelude::*;
use serde_json::json;

pub(crate) const AUDIT_1: &str = r#"type=SYSCALL msg=audit(1714975689.001:7): arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=2 auid=0 uid=0 gid=0 euid=0 tty=pts0 ses=1 comm="id" exe="/usr/bin/id" key="x""#;
pub(crate) const AUDIT_2: &str = r#"type=EXECVE msg=audit(1714975689.001:7): argc=1 a0="id""#;
pub(crate) const SYSMON: &str = r#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":3,"Hostname":"ws6.corp","UtcTime":"2024-05-06 07:00:00.123","ProcessId":"4","Image":"C:\\a.exe","Protocol":"tcp","Initiated":"true","SourceIp":"10.0.0.1","DestinationIp":"10.0.0.2","DestinationPort":"443"}"#;
pub(crate) const XML: &str = r#"<Event xmlns="x"><System><Provider Name="Linux-Sysmon"/><EventID>11</EventID><TimeCreated SystemTime="2024-05-06T07:00:00Z"/><Channel>Linux-Sysmon/Operational</Channel><Computer>web-1</Computer></System><EventData><Data Name="Image">/bin/sh</Data><Data Name="TargetFilename">/tmp/a</Data></EventData></Event>"#;
pub(crate) const OCSF: &str =
    r#"{"class_uid":1007,"activity_id":1,"time":1714975689000,"process":{"name":"a","pid":7}}"#;

pub(crate) fn read(
    protocol: Protocol,
    body: &[u8],
    said: &Said<'_>,
) -> (Vec<(u64, String)>, Result<(), Fault>) {
    let mut outcomes = Vec::new();
    let read = read_shipped(&mut Mapper::default(), protocol, body, said, &mut |number, outcome| {
        let text = match outcome {
            Ok(Mapped::Row(row)) => {
                let time = row.timestamp().unwrap();
                format!("{} {} {time}", row.table.name, row.text("DeviceName"))
            }
            Ok(Mapped::Unmapped { kind }) => format!("unmapped {kind}"),
            Ok(Mapped::Merged) => "merged".to_owned(),
            Err(refusal) => format!("{}: {refusal}", refusal.code()),
        };
        outcomes.push((number, text));
        ControlFlow::Continue(())
    });
    outcomes.sort_by_key(|(number, _)| *number);
    (outcomes, read)
}

#[track_caller]
fn check(protocol: Protocol, body: &str, expected: Expect) {
    let said = Said { device: "sender".into(), ..Said::default() };
    let (outcomes, read) = read(protocol, body.as_bytes(), &said);
    let mut text: String = outcomes.iter().map(|(number, outcome)| format!("{number} {outcome}\n")).collect();
    if let Err(fault) = read {
        text += &format!("fault: {fault}\n");
    }
    expected.assert_eq(&text);
}

#[test]
fn events_are_told_by_their_content_and_may_follow_without_blanks() {
    let objects = [
        json!({ "event": AUDIT_1, "host": "Web-1" }),
        json!({ "event": serde_json::from_str::<serde_json::Value>(SYSMON).unwrap(), "host": "other" }),
        json!({ "event": AUDIT_2, "host": "web-1", "index": "main", "source": "a", "fields": { "a": "b" } }),
        json!({ "event": XML, "sourcetype": "xmlwineventlog" }),
        json!({ "event": serde_json::from_str::<serde_json::Value>(OCSF).unwrap(), "host": "web-2" }),
        json!({ "event": format!("May  6 06:08:09 web-1 sysmon: {XML}") }),
        json!({ "event": "May  6 06:08:09 web-1 sshd[7]: Accepted", "host": "web-1" }),
        json!({ "event": { "log": AUDIT_1, "stream": "stdout" }, "host": "web-3" }),
        json!({ "event": { "log": SYSMON } }),
        json!({ "event": { "MESSAGE": "x", "SYSLOG_IDENTIFIER": "cron" } }),
        json!({ "event": { "a": 1 }, "sourcetype": "app:json" }),
        json!({ "event": [1] }),
        json!({ "event": 7 }),
    ];
    let body: String = objects.iter().map(|object| object.to_string()).collect();
    check(
        Protocol::HecEvents,
        &body,
        expect![[r#"
        1 DeviceProcessEvents web-1 2024-05-06T06:08:09.0010000Z
        2 DeviceNetworkEvents ws6.corp 2024-05-06T07:00:00.1230000Z
        3 merged
        4 DeviceFileEvents web-1 2024-05-06T07:00:00.0000000Z
        5 DeviceProcessEvents web-2 2024-05-06T06:08:09.0000000Z
        6 DeviceFileEvents web-1 2024-05-06T07:00:00.0000000Z
        7 unmapped Syslog/sshd
        8 DeviceProcessEvents web-3 2024-05-06T06:08:09.0010000Z
        9 DeviceNetworkEvents ws6.corp 2024-05-06T07:00:00.1230000Z
        10 unmapped Syslog/cron
        11 unmapped app:json
        12 unmapped text
        13 unmapped text
    "#]],
    );
}

#[test]
fn a_row_of_a_table_is_named_by_its_source_type() {
    let object = |event: serde_json::Value, kind: &str| {
        json!({ "event": event, "sourcetype": kind, "host": "PC1", "time": 1714975689.25 }).to_string()
    };
    let body = [
        object(json!({ "ActionType": "Test" }), "bartizan:DeviceEvents"),
        object(json!("{\"DeviceName\":\"pc2\",\"Timestamp\":\"2024-01-02\"}"), "bartizan:deviceevents"),
        object(json!({ "Colour": 1 }), "bartizan:DeviceEvents"),
        object(json!({ "ActionType": 1 }), "bartizan:DeviceEvent"),
        object(json!("no json"), "bartizan:DeviceEvents"),
        object(json!([]), "bartizan:DeviceEvents"),
    ];
    check(
        Protocol::HecEvents,
        &body.join(" \n"),
        expect![[r#"
        1 DeviceEvents pc1 2024-05-06T06:08:09.2500000Z
        2 DeviceEvents pc2 2024-01-02T00:00:00.0000000Z
        3 UnknownColumn: 'Colour' is not a column of DeviceEvents
        4 InvalidValue: 'sourcetype' takes the name of a table behind 'bartizan:', not 'DeviceEvent'
        5 InvalidJson: the line is not JSON: expected ident at line 1 column 2
        6 NotAnEvent: the line is not an event: it takes a JSON object with one member for each column
    "#]],
    );
}

#[test]
fn what_the_envelope_says_stands_in_for_what_the_event_lacks() {
    let body = json!({
        "event": { "EventID": 11, "Channel": "Microsoft-Windows-Sysmon/Operational", "TargetFilename": "C:\\a" },
        "host": "PC1", "time": "1714975689"
    });
    check(
        Protocol::HecEvents,
        &body.to_string(),
        expect![[r#"
        1 DeviceFileEvents pc1 2024-05-06T06:08:09.0000000Z
    "#]],
    );
    let body = json!({ "event": { "class_uid": 1007, "activity_id": 1, "process": { "name": "a" } }, "time": 1714975689 });
    check(
        Protocol::HecEvents,
        &body.to_string(),
        expect![[r#"
        1 DeviceProcessEvents sender 2024-05-06T06:08:09.0000000Z
    "#]],
    );
}

#[test]
fn raw_lines_are_records_and_a_text_of_several_lines_is_several() {
    check(
        Protocol::HecRaw,
        &format!("\u{feff}{AUDIT_1}\r\n\n{AUDIT_2}\nhello\n{{\n"),
        expect![[r#"
        1 DeviceProcessEvents sender 2024-05-06T06:08:09.0010000Z
        2 merged
        3 unmapped text
        4 InvalidJson: the line is not JSON: EOF while parsing an object at line 1 column 1
    "#]],
    );
    let several = json!({ "event": format!("{AUDIT_1}\n{AUDIT_2}\n\nhello") }).to_string();
    check(
        Protocol::HecEvents,
        &several,
        expect![[r#"
        1 unmapped text
        1 merged
        1 DeviceProcessEvents sender 2024-05-06T06:08:09.0010000Z
    "#]],
    );
    let pretty = XML.replace("><", ">\n<");
    check(
        Protocol::HecEvents,
        &json!({ "event": pretty }).to_string(),
        expect![[r#"
        1 DeviceFileEvents web-1 2024-05-06T07:00:00.0000000Z
    "#]],
    );
}

#[test]
fn one_malformed_event_is_the_fault_of_the_body() {
    for (body, fault) in [
        ("", "the body holds no event"),
        (" \n", "the body holds no event"),
        ("{\"event\":\"a\"}{", "event 1 is malformed"),
        ("{\"event\":\"a\"},{\"event\":\"b\"}", "event 1 is malformed: it is not an object"),
        ("[{\"event\":\"a\"}]", "event 0 is malformed: it is not an object"),
        ("hello", "event 0 is malformed: it is not an object"),
        ("{\"event\":\"a\"} {\"host\":\"b\"}", "event 1 has no member 'event'"),
        ("{\"event\":null}", "event 0 has no member 'event'"),
        ("{\"event\":\" \"}", "the member 'event' of event 0 is empty"),
        ("{\"event\":\"a\",\"fields\":[]}", "the member 'fields' of event 0 has to be a flat object"),
        ("{\"event\":\"a\",\"time\":\"now\"}", "event 0 is malformed: 'time' takes seconds since 1970"),
        ("{\"event\":\"a\",\"host\":7}", "event 0 is malformed"),
        ("{\"event\":\"\\ud800\"}", "event 0 is malformed"),
        ("{\"event\":\"a\",\"event\":\"b\"}", "event 0 is malformed"),
    ] {
        let (_, read) = read(Protocol::HecEvents, body.as_bytes(), &Said::default());
        let told = read.unwrap_err().to_string();
        assert!(told.starts_with(fault), "{body}: {told}");
    }
    let (_, read) = read(Protocol::HecRaw, b"\n \n", &Said::default());
    assert_eq!(read, Err(Fault::NoData));
}

#[test]
fn lines_of_more_devices_than_are_kept_apart_are_all_read() {
    let objects = (0..3000).map(|at| json!({ "event": AUDIT_1, "host": format!("h{at}") }).to_string());
    let (outcomes, read) =
        read(Protocol::HecEvents, objects.collect::<String>().as_bytes(), &Said::default());
    assert_eq!(read, Ok(()));
    assert!(outcomes.iter().map(|(number, _)| *number).eq(1..=3000));
    assert!(outcomes.iter().all(|(_, outcome)| outcome.starts_with("DeviceProcessEvents h")), "{outcomes:?}");
}

#[test]
fn reading_ends_when_the_taker_says_so() {
    let mut given = 0;
    let body = "a\n".repeat(9);
    let read = read_shipped(
        &mut Mapper::default(),
        Protocol::HecRaw,
        body.as_bytes(),
        &Said::default(),
        &mut |_, _| {
            given += 1;
            if given == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    assert_eq!((read, given), (Ok(()), 2));
}

fn content() -> impl Strategy<Value = String> {
    let known = [AUDIT_1, AUDIT_2, SYSMON, XML, OCSF, "May  6 06:08:09 web-1 sshd: x", "{", "{}", "<Event>"];
    prop_oneof![
        4 => prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{1,30}".prop_filter("blank", |text| !text.trim().is_empty()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_bytes_are_read_or_refused(body: Vec<u8>, text in "[{}\\[\\]\":,a-z0-9 event]{0,60}") {
        for protocol in
            [Protocol::HecEvents, Protocol::HecRaw, Protocol::OtlpProtobuf, Protocol::OtlpJson]
        {
            for body in [&*body, text.as_bytes()] {
                let time = Some(Ticks::from_unix_seconds(1));
                let _ = read(protocol, body, &Said { device: "d".into(), time, kind: "bartizan:DeviceEvents".into() });
                let _ = read(protocol, body, &Said::default());
            }
        }
    }

    #[test]
    fn every_record_has_one_outcome(contents in prop::collection::vec((content(), "[a-c]{0,1}"), 1..20), cut: usize) {
        let objects = contents.iter().map(|(event, host)| json!({ "event": event, "host": host }).to_string());
        let body = objects.collect::<String>();
        let (outcomes, whole) = read(Protocol::HecEvents, body.as_bytes(), &Said::default());
        prop_assert_eq!(whole, Ok(()));
        prop_assert!(outcomes.iter().map(|(number, _)| *number).eq(1..=contents.len() as u64), "{:?}", outcomes);
        let cut = cut % body.len();
        let (_, cut_off) = read(Protocol::HecEvents, &body.as_bytes()[..cut], &Said::default());
        let is_between = body.is_char_boundary(cut) && (body[..cut].ends_with('}') && body[cut..].starts_with("{\"event\""));
        prop_assert_eq!(cut_off.is_ok(), is_between);
    }
}
