//! Events in: what is counted, what is kept, what is refused.

use std::io::Write;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray,
    UInt16Array, UInt64Array,
};
use datafusion::arrow::datatypes::Int32Type;
use datafusion::arrow::ipc::writer::StreamWriter;
use expect_test::expect;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use crate::world::{ROW, Reply, World};

const SYSMON: &str = r#"{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":3,"Hostname":"WORKSTATION6.theshire.local","UtcTime":"2024-05-06 07:00:00.123","ProcessGuid":"{00000000-0000-0000-0000-000000000001}","ProcessId":"4","Image":"C:\\a.exe","User":"A\\b","Protocol":"tcp","Initiated":"true","SourceIp":"10.0.0.1","SourcePort":"1","DestinationIp":"10.0.0.2","DestinationPort":"443"}"#;

async fn send_with(world: &World, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    send_to(world, "/api/ingest/DeviceEvents", headers, body).await
}

async fn send_to(world: &World, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    let mut request = Request::post(path).header(AUTHORIZATION, format!("Bearer {}", world.all().await));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.request(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn every_line_is_accepted_or_refused_with_its_reason() {
    let world = World::start().await;
    let body = format!(
        "\u{feff}{ROW}\r\n\n   \n{{\n[1]\n{}\n{}\n{}\n{}\n{ROW}",
        r#"{"Timestamp":"2024-05-06T07:00:00Z","DeviceName":"pc1","Colour":"red"}"#,
        r#"{"Timestamp":"yesterday","DeviceName":"pc1"}"#,
        r#"{"Timestamp":"2024-05-06T07:00:00Z"}"#,
        format_args!(r#"{{"ActionType":"{}"}}"#, "x".repeat(1 << 20)),
    );
    let answer = world.post("/api/ingest/deviceevents", body).await.ok();
    expect![[r#"
        {
          "accepted": 2,
          "refused": 6,
          "unmapped": {},
          "errors": [
            {
              "line": 4,
              "code": "InvalidJson",
              "message": "the line is not JSON: EOF while parsing an object at line 1 column 1"
            },
            {
              "line": 5,
              "code": "NotAnObject",
              "message": "the line is JSON, but not an object with one member for each column"
            },
            {
              "line": 6,
              "code": "UnknownColumn",
              "message": "'Colour' is not a column of DeviceEvents"
            },
            {
              "line": 7,
              "code": "WrongType",
              "message": "column 'Timestamp' takes an ISO 8601 time such as 2024-05-06T07:08:09.1234567Z, not \"yesterday\""
            },
            {
              "line": 8,
              "code": "MissingDevice",
              "message": "columns 'DeviceId' and 'DeviceName' are both missing"
            },
            {
              "line": 9,
              "code": "LineTooLong",
              "message": "the line has 1048593 bytes; at most 1048576 are read"
            }
          ],
          "refusedByCode": {
            "InvalidJson": 1,
            "LineTooLong": 1,
            "MissingDevice": 1,
            "NotAnObject": 1,
            "UnknownColumn": 1,
            "WrongType": 1
          },
          "rows": {
            "DeviceEvents": 2
          },
          "duplicate": false
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&answer).unwrap());
    assert_eq!(world.row_count("DeviceEvents").await, 2);
}

#[tokio::test]
async fn sysmon_events_become_rows_of_one_device() {
    let world = World::start().await;
    let short = SYSMON.replace("WORKSTATION6.theshire.local", "workstation6");
    let unmapped = SYSMON.replace("\"EventID\":3", "\"EventID\":254");
    let body = format!("{SYSMON}\n{short}\n{unmapped}\nnot json\n{ROW}\n");
    let answer = world.post("/api/ingest/Sysmon", body).await.ok();
    assert_eq!((&answer["accepted"], &answer["refused"]), (&3.into(), &1.into()), "{answer}");
    assert_eq!(answer["unmapped"].as_object().unwrap().values().filter_map(Value::as_u64).sum::<u64>(), 1);
    let answer =
        world.hunt("DeviceNetworkEvents | summarize devices = dcount(DeviceId), rows = count()").await;
    assert_eq!(answer["Results"][0].to_string(), r#"{"devices":1,"rows":2}"#);
    let names = world.store.tenant(world.one).device_names().await.unwrap();
    let names: Vec<_> = names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["pc1.contoso.example", "workstation6", "workstation6.theshire.local"]);
}

#[tokio::test]
async fn lines_of_one_audit_event_become_one_row_of_the_device_that_is_named() {
    let world = World::start().await;
    let stamp = "msg=audit(1714975689.001:7):";
    let body = format!(
        "type=SYSCALL {stamp} arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=7 uid=0 euid=0 exe=\"/bin/ls\"\n\
         type=EXECVE {stamp} argc=2 a0=\"ls\" a1=\"-l\"\ntype=EOE {stamp}\n\
         node=db-1 type=CRED_ACQ {stamp} pid=1\nnonsense\n"
    );
    let path = "/api/ingest/auditd";
    for (headers, device) in
        [(&[][..], "localhost"), (&[("Bartizan-Device", "web-1.example.org")], "web-1.example.org")]
    {
        let answer = send_to(&world, path, headers, body.clone()).await.ok();
        let counts = ["accepted", "refused", "merged"].map(|name| answer[name].as_u64());
        assert_eq!(counts, [Some(1), Some(1), Some(2)], "{answer}");
        assert_eq!(answer["unmapped"]["auditd/CRED_ACQ"], 1);
        assert_eq!(answer["errors"][0]["line"], 5);
        let query =
            format!("DeviceProcessEvents | where DeviceName == '{device}' | project ProcessCommandLine");
        assert_eq!(world.hunt(&query).await["Results"][0]["ProcessCommandLine"], "ls -l", "{device}");
    }
    for name in ["", "a b", &"x".repeat(256)] {
        let reply = send_to(&world, path, &[("Bartizan-Device", name)], "").await;
        assert_eq!(reply.error(), (400, "InvalidInput".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_event_log_is_one_refused_record() {
    let world = World::start().await;
    let answer = world.post("/api/ingest/evtx", "MZ").await.ok();
    assert_eq!(
        (&answer["accepted"], &answer["refusedByCode"]["Damaged"]),
        (&0.into(), &1.into()),
        "{answer}"
    );
}

#[tokio::test]
async fn a_device_keeps_its_id_over_a_restart() {
    let world = World::start().await;
    world.post("/api/ingest/DeviceEvents", ROW).await.ok();
    let restarted = api::service(world.state.clone());
    let short = ROW.replace("pc1.contoso.example", "PC1");
    let request = Request::post("/api/ingest/DeviceEvents")
        .header(AUTHORIZATION, format!("Bearer {}", world.all().await))
        .body(Body::from(short))
        .unwrap();
    assert_eq!(tower::ServiceExt::oneshot(restarted, request).await.unwrap().status(), 200);
    let answer = world.hunt("DeviceEvents | distinct DeviceId").await;
    assert_eq!(answer["Results"].as_array().unwrap().len(), 1, "{answer}");
}

#[tokio::test]
async fn a_repeated_body_of_a_producer_adds_nothing() {
    let world = World::start().await;
    let headers = [("Bartizan-Producer", "shipper-1"), ("Bartizan-Sequence", "5")];
    for is_repeated in [false, true, true] {
        let answer = send_with(&world, &headers, format!("{ROW}\n{ROW}\n{{")).await.ok();
        assert_eq!(answer["duplicate"], is_repeated);
        assert_eq!((&answer["accepted"], &answer["refused"]), (&2.into(), &1.into()));
    }
    world.lake.flush().await.unwrap();
    assert_eq!(send_with(&world, &headers, ROW).await.ok()["duplicate"], true);
    assert_eq!(world.row_count("DeviceEvents").await, 2);
    let next = [("Bartizan-Producer", "shipper-1"), ("Bartizan-Sequence", "6")];
    assert_eq!(send_with(&world, &next, ROW).await.ok()["duplicate"], false);
    assert_eq!(world.row_count("DeviceEvents").await, 3);
    for headers in [&headers[..1], &headers[1..]] {
        assert_eq!(send_with(&world, headers, ROW).await.error(), (400, "InvalidInput".to_owned()));
    }
}

#[tokio::test]
async fn compressed_bodies_are_read_inside_the_bound() {
    let world = World::start_with(|config| config.ingest_body_bytes_max = 100_000).await;
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let answer =
        send_with(&world, &[("content-encoding", "gzip")], gzip(&format!("{ROW}\n{ROW}"))).await.ok();
    assert_eq!(answer["accepted"], 2);
    // One frame, its content stored as it is.
    let row = ROW.as_bytes();
    let mut zstd = vec![0x28, 0xb5, 0x2f, 0xfd, 0x20, row.len() as u8];
    zstd.extend_from_slice(&((row.len() as u32) << 3 | 1).to_le_bytes()[..3]);
    zstd.extend_from_slice(row);
    assert_eq!(send_with(&world, &[("content-encoding", "zstd")], zstd).await.ok()["accepted"], 1);

    let bomb = gzip(&" ".repeat(10_000_000));
    assert!(bomb.len() < 100_000);
    let reply = send_with(&world, &[("content-encoding", "gzip")], bomb).await;
    assert_eq!(reply.error(), (413, "RequestBodyTooLarge".to_owned()));
    let reply = send_with(&world, &[("content-encoding", "gzip")], ROW).await;
    assert_eq!(reply.error(), (400, "InvalidRequestBody".to_owned()));
    let reply = send_with(&world, &[("content-encoding", "br")], ROW).await;
    assert_eq!(reply.error(), (415, "UnsupportedMediaType".to_owned()));
    assert_eq!(world.row_count("DeviceEvents").await, 3);
}

const ARROW: (&str, &str) = ("content-type", "application/vnd.apache.arrow.stream");

/// A stream of one batch.
fn arrow(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut stream = Vec::new();
    let mut writer = StreamWriter::try_new(&mut stream, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    stream
}

#[tokio::test]
async fn arrow_streams_are_taken_as_rows() {
    let world = World::start().await;
    let times =
        TimestampMicrosecondArray::from(vec![Some(1_714_978_800_123_456), None, Some(1_714_978_801_000_000)]);
    let stream = arrow(vec![
        ("Timestamp", Arc::new(times.with_timezone("UTC")) as _),
        ("DeviceName", Arc::new(StringArray::from(vec![Some("pc1"), Some("pc1"), None])) as _),
        ("ProcessId", Arc::new(UInt16Array::from(vec![7, 8, 9])) as _),
        ("ActionType", Arc::new(StringViewArray::from(vec![Some("Test"), Some("Test"), None])) as _),
    ]);
    let answer = send_with(&world, &[ARROW], stream).await.ok();
    assert_eq!((&answer["accepted"], &answer["refused"]), (&1.into(), &2.into()), "{answer}");
    let refused: Vec<_> =
        answer["errors"].as_array().unwrap().iter().map(|e| (&e["line"], &e["code"])).collect();
    assert_eq!(refused, [(&2.into(), &"MissingTimestamp".into()), (&3.into(), &"MissingDevice".into())]);
    let answer = world.hunt("DeviceEvents | project Timestamp, DeviceName, ProcessId, ActionType").await;
    expect![[
        r#"[{"Timestamp":"2024-05-06T07:00:00.1234560Z","DeviceName":"pc1","ProcessId":7,"ActionType":"Test"}]"#
    ]]
    .assert_eq(&answer["Results"].to_string());
}

#[tokio::test]
async fn other_arrow_streams_are_refused_with_what_is_wrong() {
    let world = World::start().await;
    let text = || Arc::new(StringArray::from(vec!["x"])) as ArrayRef;
    let dictionary: DictionaryArray<Int32Type> = vec!["x"].into_iter().collect();
    let shared = StringViewArray::from_iter_values(std::iter::repeat_n("long enough to be shared", 10));
    for (body, expected, said) in [
        (ROW.as_bytes().to_vec(), (400, "InvalidRequestBody"), "Arrow"),
        (arrow(vec![("Timestamp", text())]), (400, "InvalidInput"), "timestamps"),
        (arrow(vec![("Colour", text())]), (400, "InvalidInput"), "'Colour'"),
        (arrow(vec![("_sequence", text())]), (400, "InvalidInput"), "'_sequence'"),
        (arrow(vec![("ActionType", Arc::new(dictionary) as _)]), (400, "InvalidInput"), "text"),
        (
            arrow(vec![("ProcessId", Arc::new(UInt64Array::from(vec![u64::MAX])) as _)]),
            (400, "InvalidInput"),
            "ProcessId",
        ),
    ] {
        let reply = send_with(&world, &[ARROW], body).await;
        assert_eq!(reply.error(), (expected.0, expected.1.to_owned()));
        assert!(reply.text().contains(said), "{}", reply.text());
    }
    let whole = arrow(vec![("ActionType", Arc::new(shared) as _)]);
    for length in (0..whole.len()).step_by(7) {
        let status = send_with(&world, &[ARROW], whole[..length].to_vec()).await.status.as_u16();
        assert!(status == 400 || status == 200, "cut at {length}: {status}");
    }
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        for flip in [0x55, 0x80, 0xff] {
            damaged[at] = whole[at] ^ flip;
            let status = send_with(&world, &[ARROW], damaged.clone()).await.status.as_u16();
            assert!([200, 400, 413].contains(&status), "damaged at {at}: {status}");
        }
    }
    assert_eq!(world.row_count("DeviceEvents").await, 0);
    let mut request = Request::post("/api/ingest/sysmon");
    request = request.header(AUTHORIZATION, format!("Bearer {}", world.all().await)).header(ARROW.0, ARROW.1);
    let reply = world.request(request.body(Body::from(whole)).unwrap()).await;
    assert_eq!(reply.error(), (415, "UnsupportedMediaType".to_owned()));
}

#[tokio::test]
async fn what_a_small_arrow_stream_stands_for_is_bounded() {
    // Few bytes, many views of them.
    let shared = StringViewArray::from_iter_values(std::iter::repeat_n("long enough to be shared", 2_000));
    let stream = arrow(vec![("ActionType", Arc::new(shared) as _)]);
    for (rows_bytes_max, memory, expected) in
        [(32 << 10, 1 << 20, (413, "RequestBodyTooLarge")), (1 << 20, 64 << 10, (503, "ServiceBusy"))]
    {
        let world = World::start_with(|config| {
            config.ingest_rows_bytes_max = rows_bytes_max;
            config.ingest_memory_bytes = memory;
        });
        let reply = send_with(&world.await, &[ARROW], stream.clone()).await;
        assert_eq!(reply.error(), (expected.0, expected.1.to_owned()));
    }
}

#[tokio::test]
async fn memory_is_bounded() {
    let world = World::start_with(|config| {
        config.ingest_memory_bytes = 64 << 10;
        config.ingest_rows_bytes_max = 32 << 10;
    })
    .await;
    let reply = world.post("/api/ingest/DeviceEvents", format!("{ROW}\n").repeat(100)).await;
    assert_eq!(reply.error(), (413, "RequestBodyTooLarge".to_owned()));
    let reply = world.post("/api/ingest/DeviceEvents", " ".repeat(65 << 10)).await;
    assert_eq!(reply.error(), (503, "ServiceBusy".to_owned()));
    assert_eq!(reply.header("retry-after"), "2");
    assert_eq!(world.post("/api/ingest/DeviceEvents", ROW).await.ok()["accepted"], 1);
}

#[tokio::test]
async fn an_unknown_table_is_refused_with_the_nearest() {
    let world = World::start().await;
    let reply = world.post("/api/ingest/DeviceEvent", ROW).await;
    assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()));
    assert!(reply.text().contains("DeviceEvents"), "{}", reply.text());
}

#[tokio::test]
async fn a_closed_lake_refuses_for_now() {
    let world = World::start().await;
    world.lake.close().await.unwrap();
    let reply = world.post("/api/ingest/DeviceEvents", ROW).await;
    assert_eq!(reply.error(), (503, "ServiceUnavailable".to_owned()));
    assert!(!reply.header("retry-after").is_empty());
}

/// Lines of every kind, and whether each counts.
fn lines() -> impl Strategy<Value = Vec<(String, bool)>> {
    let line = prop_oneof![
        4 => Just((ROW.to_owned(), true)),
        2 => Just((SYSMON.to_owned(), true)),
        1 => Just((SYSMON.replace("\"EventID\":3", "\"EventID\":254"), true)),
        1 => Just((r#"{"Timestamp":1}"#.to_owned(), true)),
        1 => "[ \t]{0,3}".prop_map(|blank| (blank, false)),
        2 => "[a-z0-9{}\\[\\]\":,]{1,12}".prop_map(|junk| (junk, true)),
    ];
    proptest::collection::vec(line, 0..40)
}

#[test]
fn every_line_that_is_not_blank_is_counted_once() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start());
    let mut runner = TestRunner::new(Config { cases: 48, ..Config::default() });
    let outcome = runner.run(&lines(), |lines| {
        let body = lines.iter().map(|(line, _)| line.as_str()).collect::<Vec<_>>().join("\n");
        let expected = lines.iter().filter(|(_, counts)| *counts).count() as u64;
        for path in ["/api/ingest/DeviceEvents", "/api/ingest/sysmon", "/api/ingest/auditd"] {
            let before = world.lake.tenant(world.one).last_sequence();
            let answer = runtime.block_on(world.post(path, body.clone())).ok();
            let number = |name: &str| answer[name].as_u64().unwrap();
            let sum = |name: &str| {
                answer[name].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum::<u64>()
            };
            prop_assert_eq!(number("accepted") + number("refused") + sum("unmapped"), expected);
            prop_assert_eq!(sum("rows"), number("accepted"));
            prop_assert_eq!(sum("refusedByCode"), number("refused"));
            prop_assert_eq!(answer["errors"].as_array().unwrap().len() as u64, number("refused").min(100));
            let added = world.lake.tenant(world.one).last_sequence() - before;
            prop_assert_eq!(added as u64, number("accepted"));
        }
        Ok(())
    });
    outcome.unwrap();
}
