//! The HTTP Event Collector: bodies to answers and rows.

use std::io::Write;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::world::{ROW, Reply, World};

const EVENTS: &str = "/services/collector/event";
const RAW: &str = "/services/collector/raw";
const AUDIT: &str = r#"type=SYSCALL msg=audit(1714975689.001:7): arch=c000003e syscall=59 success=yes exit=0 pid=2 comm="id" exe="/usr/bin/id""#;

async fn send(world: &World, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    let mut request = Request::post(path).header(AUTHORIZATION, format!("Bearer {}", world.all().await));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.request(request.body(body.into()).unwrap()).await
}

/// Checks status, text and number, and then what became of the events, or what is wrong.
async fn check(world: &World, path: &str, body: impl Into<Body>, expected: Expect) {
    let reply = send(world, path, &[], body).await;
    let json = reply.json();
    let start = format!(r#"{{"text":{},"code":{},"#, json["text"], json["code"]);
    assert!(reply.text().starts_with(&start), "some clients compare texts: {}", reply.text());
    let told = match json.get("ingest") {
        Some(ingest) => {
            assert_eq!(reply.status, 200);
            let (rows, unmapped) = (&ingest["rows"], &ingest["unmapped"]);
            format!("rows {rows}, unmapped {unmapped}, refused {}", ingest["errors"])
        }
        None => {
            let (error, event) = (&json["error"], json.get("invalid-event-number"));
            let event = event.map(|event| format!("event {event}, ")).unwrap_or_default();
            format!("{event}{}: {}", error["code"], error["message"])
        }
    };
    let status = reply.status.as_u16();
    expected.assert_eq(&format!("{status}, {}, {}\n{told}", json["text"], json["code"]));
}

#[tokio::test]
async fn bodies_are_answered_as_their_senders_expect() {
    let world = World::start().await;
    let row = format!(r#"{{"event":{ROW},"sourcetype":"bartizan:DeviceEvents"}}"#);
    check(
        &world,
        EVENTS,
        format!("{row}{row}\n{row}"),
        expect![[r#"
        200, "Success", 0
        rows {"DeviceEvents":3}, unmapped {}, refused []"#]],
    )
    .await;
    let audit = json!({ "event": AUDIT, "host": "Web-1" }).to_string();
    check(
        &world,
        "/services/collector",
        audit,
        expect![[r#"
        200, "Success", 0
        rows {"DeviceProcessEvents":1}, unmapped {}, refused []"#]],
    )
    .await;
    let sshd = json!({ "event": "May  6 06:08:09 web-1 sshd[7]: Accepted" });
    check(
        &world,
        "/services/collector/event/1.0",
        format!("{row}{sshd}"),
        expect![[r#"
        200, "Success", 0
        rows {"DeviceEvents":1}, unmapped {"Syslog/sshd":1}, refused []"#]],
    )
    .await;
    let bad = json!({ "event": { "Colour": 1 }, "sourcetype": "bartizan:DeviceEvents", "time": 1714975689 });
    check(&world, EVENTS, format!("{bad}{row}"), expect![[r#"
        200, "Success", 0
        rows {"DeviceEvents":1}, unmapped {}, refused [{"line":1,"code":"UnknownColumn","message":"'Colour' is not a column of DeviceEvents"}]"#]]).await;
    let raw = format!("{RAW}?host=web-2&sourcetype=linux%20audit");
    check(
        &world,
        &raw,
        format!("{AUDIT}\nhello\n"),
        expect![[r#"
        200, "Success", 0
        rows {"DeviceProcessEvents":1}, unmapped {"linux audit":1}, refused []"#]],
    )
    .await;
    let raw = "/services/collector/raw/1.0?sourcetype=bartizan:DeviceEvents";
    check(
        &world,
        raw,
        ROW,
        expect![[r#"
        200, "Success", 0
        rows {"DeviceEvents":1}, unmapped {}, refused []"#]],
    )
    .await;

    check(
        &world,
        EVENTS,
        "",
        expect![[r#"
        400, "No data", 5
        "NoData": "The body holds no event.""#]],
    )
    .await;
    check(
        &world,
        RAW,
        "\n",
        expect![[r#"
        400, "No data", 5
        "NoData": "The body holds no event.""#]],
    )
    .await;
    check(&world, EVENTS, format!("{row}{row}{{"), expect![[r#"
        400, "Invalid data format", 6
        event 2, "InvalidEvent": "Event 2 is malformed: EOF while parsing an object at line 1 column 277.""#]]).await;
    check(
        &world,
        EVENTS,
        format!("{row}{{\"host\":\"a\"}}"),
        expect![[r#"
        400, "Event field is required", 12
        event 1, "EventMissing": "Event 1 has no member 'event'.""#]],
    )
    .await;
    check(
        &world,
        EVENTS,
        "{\"event\":\"\"}",
        expect![[r#"
        400, "Event field cannot be blank", 13
        event 0, "EventBlank": "The member 'event' of event 0 is empty.""#]],
    )
    .await;
    check(
        &world,
        EVENTS,
        "{\"event\":\"a\",\"fields\":1}",
        expect![[r#"
        400, "Error in handling indexed fields", 15
        event 0, "InvalidFields": "The member 'fields' of event 0 has to be a flat object.""#]],
    )
    .await;

    assert_eq!(world.row_count("DeviceEvents").await, 6, "nothing of a body at fault was kept");
    let answer = world.hunt("DeviceProcessEvents | summarize by DeviceName | order by DeviceName asc").await;
    assert_eq!(answer["Results"], json!([{ "DeviceName": "web-1" }, { "DeviceName": "web-2" }]));
}

#[tokio::test]
async fn bodies_may_be_compressed_and_are_bounded() {
    let world = World::start_with(|config| config.ingest_body_bytes_max = 2000).await;
    let body = json!({ "event": AUDIT }).to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let reply = send(&world, EVENTS, &[("content-encoding", "gzip")], gzip.finish().unwrap()).await;
    assert_eq!(reply.ok()["ingest"]["accepted"], 1);
    let told = |reply: Reply| (reply.status.as_u16(), reply.json()["code"].as_u64().unwrap());
    assert_eq!(told(send(&world, EVENTS, &[("content-encoding", "gzip")], "x").await), (400, 6));
    assert_eq!(told(send(&world, EVENTS, &[("content-encoding", "br")], "x").await), (415, 6));
    assert_eq!(told(send(&world, EVENTS, &[], body.repeat(20)).await), (413, 27));
    assert_eq!(told(world.send("GET", EVENTS, Some(&world.all().await), Body::empty()).await), (405, 6));
}

#[tokio::test]
async fn a_server_that_cannot_take_more_says_so_and_when_to_ask_again() {
    let world = World::start_with(|config| config.ingest_memory_bytes = 4096).await;
    let reply = send(&world, EVENTS, &[], json!({ "event": AUDIT }).to_string().repeat(20)).await;
    assert_eq!(reply.status, 503);
    assert!(reply.text().starts_with(r#"{"text":"Server is busy","code":9,"#), "{}", reply.text());
    assert_eq!(reply.header("retry-after"), "2");
    assert_eq!(world.row_count("DeviceProcessEvents").await, 0);
}

#[tokio::test]
async fn what_broke_here_is_told_by_its_number() {
    let world = World::start().await;
    let token = world.all().await;
    world.store.close().await;
    let reply = world.send("POST", EVENTS, Some(&token), json!({ "event": AUDIT }).to_string()).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (503, &json!(9)));
    // Whether the secret is right cannot be found out.
    let id = "00000000-0000-4000-8000-000000000000";
    let request = Request::post(EVENTS).header(AUTHORIZATION, format!("Splunk {id}:x"));
    let reply = world.request(request.body(Body::empty()).unwrap()).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (503, &json!(9)));
}

#[tokio::test]
async fn a_body_that_is_sent_again_under_its_number_adds_nothing() {
    let world = World::start().await;
    let headers = [("bartizan-producer", "shipper-1"), ("bartizan-sequence", "1")];
    let body = json!({ "event": AUDIT }).to_string();
    for is_duplicate in [false, true] {
        let reply = send(&world, EVENTS, &headers, body.clone()).await;
        assert_eq!(reply.ok()["ingest"]["duplicate"], is_duplicate);
    }
    assert_eq!(world.row_count("DeviceProcessEvents").await, 1);
}

#[tokio::test]
async fn health_needs_no_token() {
    let mut world = World::start().await;
    let health = async |world: &World, path: &str| {
        let reply = world.send("GET", path, None, Body::empty()).await;
        (reply.status.as_u16(), reply.text().to_owned())
    };
    for path in ["/services/collector/health", "/services/collector/health/1.0"] {
        assert_eq!(health(&world, path).await, (200, r#"{"text":"HEC is healthy","code":17}"#.to_owned()));
    }
    world.state.readiness = std::sync::Arc::new(|| Err("still replaying".to_owned()));
    world.service = api::service(world.state.clone());
    assert_eq!(health(&world, "/services/collector/health").await.0, 503);
}

fn event() -> impl Strategy<Value = Value> {
    let row = serde_json::from_str::<Value>(ROW).unwrap();
    let events = [
        json!({ "event": AUDIT, "host": "a" }),
        json!({ "event": AUDIT.replace("SYSCALL", "PATH"), "host": "b" }),
        json!({ "event": row, "sourcetype": "bartizan:DeviceEvents" }),
        json!({ "event": row, "sourcetype": "bartizan:Nothing" }),
        json!({ "event": { "EventID": 4658, "Channel": "Security" } }),
        json!({ "event": "hello" }),
        json!({ "event": "{" }),
    ];
    prop::sample::select(events.to_vec())
}

#[test]
fn what_is_sent_is_accounted_for() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start());
    let mut runner = TestRunner::new(Config::with_cases(48));
    let bodies = (prop::collection::vec(event(), 1..30), any::<Vec<u8>>(), any::<bool>());
    let run = runner.run(&bodies, |(events, bytes, is_raw)| {
        let body: String = events.iter().map(Value::to_string).collect();
        let ingest = runtime.block_on(send(&world, EVENTS, &[], body)).ok()["ingest"].take();
        let unmapped: u64 = ingest["unmapped"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        let count = |name: &str| ingest[name].as_u64().unwrap_or_default();
        let sum = count("accepted") + count("refused") + count("merged") + unmapped;
        prop_assert_eq!(sum, events.len() as u64, "{}", ingest);
        let stored: u64 = ingest["rows"].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        prop_assert_eq!(stored, count("accepted"));

        let path = if is_raw { RAW } else { EVENTS };
        let reply = runtime.block_on(send(&world, path, &[], bytes));
        prop_assert!(matches!(reply.status.as_u16(), 200 | 400), "{:?}", reply);
        prop_assert!(reply.json()["code"].is_u64());
        Ok(())
    });
    run.unwrap();
}
