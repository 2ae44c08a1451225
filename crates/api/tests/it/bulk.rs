//! The bulk protocol: bodies to answers and rows.

use std::io::Write;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::world::{ROW, Reply, World};

const AUDIT: &str = r#"type=SYSCALL msg=audit(1714975689.001:7): arch=c000003e syscall=59 success=yes exit=0 pid=2 comm="id" exe="/usr/bin/id""#;
const ROWS: &str = r#"{"index":{"_index":"bartizan-deviceevents"}}"#;

async fn send(world: &World, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    let mut request = Request::post(path).header(AUTHORIZATION, format!("Bearer {}", world.all().await));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    world.request(request.body(body.into()).unwrap()).await
}

/// Checks the answer to a body, without what depends on the moment.
async fn check(world: &World, path: &str, body: &str, expected: Expect) {
    let reply = send(world, path, &[("content-type", "application/x-ndjson")], body.to_owned()).await;
    let mut json = reply.json();
    assert!(reply.status != 200 || json["took"].is_u64(), "{json}");
    json.as_object_mut().unwrap().remove("took");
    if let Some(error) = json["error"].as_object_mut() {
        assert_eq!(error.remove("target").unwrap(), reply.header("x-request-id"));
    }
    let mut text = format!("{}\n", reply.status.as_u16());
    match json.as_object_mut().unwrap().remove("items") {
        Some(items) => {
            text += &format!("errors {}\n", json["errors"]);
            text.extend(items.as_array().unwrap().iter().map(|item| format!("{item}\n")));
        }
        None => text += &json.to_string(),
    }
    expected.assert_eq(&text);
}

#[tokio::test]
async fn each_item_is_answered_by_what_it_became() {
    let world = World::start().await;
    let audit = json!({ "message": AUDIT, "host": "web-1" });
    let more = json!({ "message": AUDIT.replace("SYSCALL", "PATH"), "host": "web-1" });
    let sshd = json!({ "message": "May  6 06:08:09 web-1 sshd[7]: Accepted" });
    // This one turns out to be none when its device is looked up.
    let nobody = ROW.replace("pc1", &"x".repeat(600));
    let body = format!(
        "{ROWS}\n{ROW}\n{{\"create\":{{\"_id\":\"a1\"}}}}\n{audit}\n{{\"create\":{{}}}}\n{more}\n{{\"index\":{{}}}}\n{sshd}\n\
         {ROWS}\n{{\"Colour\":1}}\n{{\"delete\":{{\"_id\":\"9\"}}}}\n{{\"index\":{{}}}}\n{{\n"
    );
    check(&world, "/logs/_bulk?refresh=false", &body, expect![[r#"
        200
        errors true
        {"index":{"_index":"bartizan-deviceevents","status":201,"result":"created"}}
        {"create":{"_index":"logs","_id":"a1","status":201,"result":"created"}}
        {"create":{"_index":"logs","status":200,"result":"updated"}}
        {"index":{"_index":"logs","status":200,"result":"noop"}}
        {"index":{"_index":"bartizan-deviceevents","status":400,"error":{"type":"document_parsing_exception","reason":"'Colour' is not a column of DeviceEvents"}}}
        {"delete":{"_index":"logs","_id":"9","status":400,"error":{"type":"document_parsing_exception","reason":"'action' takes index or create: events do not change"}}}
        {"index":{"_index":"logs","status":400,"error":{"type":"document_parsing_exception","reason":"the line is not JSON: EOF while parsing an object at line 1 column 1"}}}
    "#]]).await;
    let path = "/_bulk?filter_path=errors,items.*.status";
    check(&world, path, &format!("{ROWS}\n{nobody}\n"), expect![[r#"
        200
        errors true
        {"index":{"_index":"bartizan-deviceevents","status":400,"error":{"type":"document_parsing_exception","reason":"column 'DeviceName' is longer than 512 bytes"}}}
    "#]]).await;
    assert_eq!(world.row_count("DeviceEvents").await, 1);
    assert_eq!(world.row_count("DeviceProcessEvents").await, 1);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_adds_nothing() {
    let world = World::start().await;
    check(&world, "/_bulk", "", expect![[r#"
        400
        {"error":{"code":"NoData","message":"The body holds no event.","root_cause":[{"type":"illegal_argument_exception","reason":"The body holds no event."}],"type":"illegal_argument_exception","reason":"The body holds no event."},"status":400}"#]]).await;
    check(&world, "/_bulk", &format!("{ROWS}\n{ROW}\n{{\"index\":{{}}}}\n"), expect![[r#"
        400
        {"error":{"code":"InvalidEvent","message":"Event 1 is malformed: the body ends before its document.","root_cause":[{"type":"illegal_argument_exception","reason":"Event 1 is malformed: the body ends before its document."}],"type":"illegal_argument_exception","reason":"Event 1 is malformed: the body ends before its document."},"status":400}"#]]).await;
    check(&world, "/_bulk", &format!("{ROWS}\n{ROW}\nhello\n"), expect![[r#"
        400
        {"error":{"code":"InvalidEvent","message":"Event 1 is malformed: expected value at line 1 column 1.","root_cause":[{"type":"illegal_argument_exception","reason":"Event 1 is malformed: expected value at line 1 column 1."}],"type":"illegal_argument_exception","reason":"Event 1 is malformed: expected value at line 1 column 1."},"status":400}"#]]).await;
    assert_eq!(world.row_count("DeviceEvents").await, 0);
    let reply = send(&world, "/_bulk", &[("content-encoding", "br")], ROW).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (415, &json!(415)));
    let reply = world.send("DELETE", "/_bulk", Some(&world.all().await), Body::empty()).await;
    assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "POST, PUT"));
}

#[tokio::test]
async fn bodies_may_be_compressed_and_are_bounded() {
    let world = World::start_with(|config| config.ingest_body_bytes_max = 10_000).await;
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    let headers = [(CONTENT_ENCODING.as_str(), "gzip")];
    let reply = send(&world, "/_bulk", &headers, gzip(&format!("{ROWS}\n{ROW}\n").repeat(9))).await;
    assert_eq!(reply.ok()["items"].as_array().unwrap().len(), 9);
    let reply = send(&world, "/_bulk", &headers, gzip(&format!("{ROWS}\n{ROW}\n").repeat(900))).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["status"]), (413, &json!(413)));
    assert_eq!(world.row_count("DeviceEvents").await, 9);
}

#[tokio::test]
async fn a_body_of_too_many_items_is_refused_whole() {
    let world = World::start().await;
    let item = "{\"index\":{}}\n{}\n";
    assert_eq!(send(&world, "/_bulk", &[], item.repeat(100_000)).await.status, 200);
    let reply = send(&world, "/_bulk", &[], item.repeat(100_001)).await;
    assert_eq!(reply.status, 413);
    assert!(reply.text().contains("more than 100000 items"), "{}", reply.text());
}

#[tokio::test]
async fn what_cannot_be_taken_now_is_told_of_the_whole_and_of_each_item() {
    // Room for the body and its items, and none for the rows.
    let world = World::start_with(|config| config.ingest_memory_bytes = 100 << 10).await;
    let body = format!("{ROWS}\n{ROW}\n{ROWS}\n{{\"Colour\":1}}\n{ROWS}\n{ROW}\n");
    let reply = send(&world, "/_bulk", &[], body).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "2"));
    let json = reply.json();
    assert_eq!((&json["status"], &json["errors"]), (&json!(429), &json!(true)), "{json}");
    assert_eq!(json["error"]["type"], "es_rejected_execution_exception");
    let statuses: Vec<_> = (0..3).map(|at| json["items"][at]["index"]["status"].clone()).collect();
    assert_eq!(statuses, [429, 400, 429], "{json}");
    assert_eq!(json["items"][0]["index"]["error"]["type"], "es_rejected_execution_exception");
    assert_eq!(world.row_count("DeviceEvents").await, 0);

    // So little room that the body was not read: the items are not known.
    let world = World::start_with(|config| config.ingest_memory_bytes = 1024).await;
    let reply = send(&world, "/_bulk", &[], format!("{ROWS}\n{ROW}\n").repeat(20)).await;
    assert_eq!((reply.status.as_u16(), reply.json().get("items")), (429, None));
}

#[tokio::test]
async fn what_broke_here_is_to_be_sent_again() {
    let world = World::start().await;
    let body = format!("{ROWS}\n{ROW}\n");
    assert_eq!(send(&world, "/_bulk", &[], body.clone()).await.status, 200);
    let token = world.all().await;
    world.lake.close().await.unwrap();
    let reply = world.send("POST", "/_bulk", Some(&token), body).await;
    assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "5"));
    assert_eq!(reply.json()["items"][0]["index"]["status"], 503);
}

#[tokio::test]
async fn a_body_that_is_sent_again_under_its_number_adds_nothing() {
    let world = World::start().await;
    let headers = [("bartizan-producer", "shipper-1"), ("bartizan-sequence", "1")];
    for _ in 0..2 {
        let reply = send(&world, "/_bulk", &headers, format!("{ROWS}\n{ROW}\n")).await;
        assert_eq!(reply.ok()["items"][0]["index"]["status"], 201);
    }
    assert_eq!(world.row_count("DeviceEvents").await, 1);
}

#[tokio::test]
async fn clients_learn_what_they_talk_to() {
    let mut world = World::start().await;
    let about = world.get("/").await.ok();
    assert_eq!((&about["name"], &about["version"]["number"]), (&json!("bartizan"), &json!("8.0.0")));
    assert!(about["tagline"].as_str().unwrap().contains("It is not Elasticsearch"));
    let token = world.all().await;
    assert_eq!(world.send("HEAD", "/", Some(&token), Body::empty()).await.status, 200);
    let anonymous = world.send("GET", "/", None, Body::empty()).await;
    assert_eq!((anonymous.status.as_u16(), &anonymous.json()["status"]), (401, &json!(401)));
    assert_eq!(world.get("/_cluster/health").await.ok()["status"], "green");
    assert!(world.get("/_cat/health").await.text().ends_with(" bartizan green\n"));
    world.state.readiness = std::sync::Arc::new(|| Err("still replaying".to_owned()));
    world.service = api::service(world.state.clone());
    for path in ["/_cluster/health", "/_cat/health"] {
        let reply = world.send("GET", path, Some(&token), Body::empty()).await;
        assert_eq!(reply.status, 503);
        assert!(reply.text().contains("red"), "{}", reply.text());
    }
}

fn item() -> impl Strategy<Value = String> {
    let items = [
        format!("{ROWS}\n{ROW}\n"),
        format!("{{\"create\":{{}}}}\n{}\n", json!({ "message": AUDIT, "host": "a" })),
        format!(
            "{{\"create\":{{}}}}\n{}\n",
            json!({ "message": AUDIT.replace("SYSCALL", "PATH"), "host": "b" })
        ),
        format!("{ROWS}\n{{\"Colour\":1}}\n"),
        "{\"index\":{}}\n{\"EventID\":4658,\"Channel\":\"Security\"}\n".to_owned(),
        "{\"index\":{}}\n{\"message\":\"hello\"}\n".to_owned(),
        "{\"index\":{}}\n{\n".to_owned(),
        "{\"update\":{\"_id\":1}}\n{}\n".to_owned(),
        "{\"delete\":{\"_id\":1}}\n".to_owned(),
    ];
    prop::sample::select(items.to_vec())
}

#[test]
fn what_is_sent_is_accounted_for() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start());
    let mut runner = TestRunner::new(Config::with_cases(48));
    let bodies = (prop::collection::vec(item(), 1..30), any::<Vec<u8>>());
    let run = runner.run(&bodies, |(items, bytes)| {
        let sequence = || world.lake.tenant(world.one).last_sequence();
        let before = sequence();
        let answer = runtime.block_on(send(&world, "/_bulk", &[], items.concat())).ok();
        let answered = answer["items"].as_array().unwrap();
        prop_assert_eq!(answered.len(), items.len());
        let status = |item: &Value| item.as_object().unwrap().values().next().unwrap()["status"].as_i64();
        let count = |wanted: i64| answered.iter().filter(|item| status(item) == Some(wanted)).count();
        prop_assert_eq!(count(201) + count(200) + count(400), items.len());
        prop_assert_eq!(count(201) as i64, sequence() - before);
        prop_assert_eq!(&answer["errors"], &json!(count(400) > 0));

        let reply = runtime.block_on(send(&world, "/_bulk", &[], bytes));
        prop_assert!(matches!(reply.status.as_u16(), 200 | 400), "{:?}", reply);
        prop_assert!(reply.status == 200 || reply.json()["error"]["type"].is_string());
        Ok(())
    });
    run.unwrap();
}
