//! Streamed results: their form, how they go on, and how they end.

use std::io::Cursor;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{ACCEPT, AUTHORIZATION};
use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::arrow::ipc::reader::StreamReader;
use futures::StreamExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{Reply, World, all_permissions};

const ARROW: &str = "application/vnd.apache.arrow.stream";

async fn add_rows(world: &World, count: usize) {
    let rows: String = (0..count)
        .map(|at| {
            let row = json!({ "Timestamp": "2024-05-06T07:00:00Z", "DeviceName": "pc1", "ActionType": "A", "ReportId": at });
            format!("{row}\n")
        })
        .collect();
    world.post("/api/ingest/DeviceEvents", rows).await.ok();
}

async fn request(world: &World, body: &Value, accept: &str) -> Request<Body> {
    let token = world.all().await;
    let request = Request::post("/api/hunting/stream").header(AUTHORIZATION, format!("Bearer {token}"));
    request.header(ACCEPT, accept).body(Body::from(body.to_string())).unwrap()
}

async fn stream(world: &World, body: Value) -> Reply {
    world.request(request(world, &body, "application/x-ndjson").await).await
}

/// Rows, and what the stream says of itself by kind.
fn parts(reply: &Reply) -> (Vec<Value>, Vec<(String, Value)>) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    for line in reply.text().lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        let (name, inner) = value.as_object().unwrap().iter().next().unwrap();
        match name.strip_prefix("@bartizan.") {
            Some(kind) => notes.push((kind.to_owned(), inner.clone())),
            None => rows.push(value),
        }
    }
    (rows, notes)
}

#[tokio::test]
async fn rows_come_with_what_the_stream_says_of_itself() {
    let world = World::start().await;
    add_rows(&world, 5).await;
    let query = "DeviceEvents | where ReportId > 1 | project ReportId, Timestamp";
    let reply = stream(&world, json!({ "query": query })).await;
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let (mut rows, notes) = parts(&reply);
    rows.sort_by_key(|row| row["ReportId"].as_i64());
    let ids: Vec<_> = rows.iter().map(|row| row["ReportId"].as_i64().unwrap()).collect();
    assert_eq!(ids, [2, 3, 4]);
    assert_eq!(rows[0]["Timestamp"], "2024-05-06T07:00:00.0000000Z");
    let kinds: Vec<_> = notes.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["schema", "progress", "end"]);
    let schema = &notes[0].1;
    assert_eq!(schema["Schema"][0], json!({ "Name": "ReportId", "Type": "Int64" }));
    assert_eq!((&schema["resumable"], &schema["sequence"]), (&json!(true), &json!(5)));
    assert_eq!(notes[1].1["rowsScanned"], 5);
    assert_eq!(notes[2].1["Stats"]["dataset_statistics"][0]["table_row_count"], 3);
}

#[tokio::test]
async fn a_stream_goes_on_from_a_cursor_over_the_rows_that_there_were() {
    let world = World::start().await;
    add_rows(&world, 3).await;
    let query = "DeviceEvents | project ReportId";
    let (_, notes) = parts(&stream(&world, json!({ "Query": query })).await);
    let cursor = notes[1].1["cursor"].as_str().unwrap().to_owned();
    add_rows(&world, 3).await;
    world.lake.flush().await.unwrap();
    // All rows that belong to it were given.
    let (rows, notes) = parts(&stream(&world, json!({ "Query": query, "Cursor": cursor })).await);
    assert!(rows.is_empty());
    assert_eq!(notes[0].1["sequence"], 3);

    for (body, tenant) in [
        (json!({ "Query": "DeviceEvents | project ReportId ", "Cursor": cursor }), world.one),
        (json!({ "Query": query, "Cursor": "7b7d" }), world.one),
        (json!({ "Query": query, "Cursor": cursor }), world.two),
    ] {
        let token = world.token(tenant, &all_permissions()).await;
        let reply = world.send("POST", "/api/hunting/stream", Some(&token), body.to_string()).await;
        assert_eq!(reply.error(), (400, "InvalidInput".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn a_query_that_cannot_go_on_says_so() {
    let world = World::start().await;
    add_rows(&world, 3).await;
    let (rows, notes) = parts(&stream(&world, json!({ "Query": "DeviceEvents | count" })).await);
    assert_eq!(rows, [json!({ "Count": 3 })]);
    assert_eq!(notes[0].1["reason"], "it groups rows");
    assert_eq!(notes.len(), 2, "{notes:?}");
}

#[tokio::test]
async fn mistakes_are_told_before_a_stream_begins() {
    let world = World::start().await;
    for (body, expected) in [
        (json!({ "Query": "DeviceEvents | where Nope == 1" }), (400, "BadRequest")),
        (json!({ "Query": "" }), (400, "MissingRequiredParameter")),
        (json!({ "Query": "print ['@bartizan.end'] = 1" }), (400, "BadRequest")),
        (json!({ "Query": "print 1", "Timespan": "soon" }), (400, "InvalidInput")),
    ] {
        let (status, code) = stream(&world, body.clone()).await.error();
        assert_eq!((status, code.as_str()), expected, "{body}");
    }
    let reply = world.request(request(&world, &json!({ "Query": "print 1" }), "text/html").await).await;
    assert_eq!(reply.error(), (406, "NotAcceptable".to_owned()));
}

#[tokio::test]
async fn a_failure_on_the_way_is_the_last_line() {
    let world = World::start().await;
    add_rows(&world, 3).await;
    let doubled = "| extend s = strcat(s, s) ".repeat(18);
    let query = format!("DeviceEvents | extend s = strrep(ActionType, 1000) {doubled} | project s");
    let (rows, notes) = parts(&stream(&world, json!({ "Query": query })).await);
    let (kind, error) = notes.last().unwrap();
    assert_eq!((kind.as_str(), rows.len()), ("error", 0), "{notes:?}");
    assert_eq!(error["code"], "BadRequest");
    assert!(error["message"].as_str().unwrap().contains("more text than fits"), "{error}");
}

#[tokio::test]
async fn arrow_readers_read_the_rows() {
    let world = World::start().await;
    add_rows(&world, 4).await;
    let query = "DeviceEvents | project ReportId, Timestamp, ActionType, Gone = 1d, Bag = dynamic({'a':1}), Yes = true";
    let reply = world.request(request(&world, &json!({ "Query": query }), ARROW).await).await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, ARROW));
    let reader = StreamReader::try_new(Cursor::new(&reply.body), None).unwrap();
    let schema = reader.schema();
    let note: Value = serde_json::from_str(&schema.metadata()["bartizan.schema"]).unwrap();
    assert_eq!(note["resumable"], true);
    assert_eq!(schema.field(4).metadata()["kql.type"], "dynamic");
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    let ids: Vec<i64> = batches
        .iter()
        .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
        .collect();
    assert_eq!(ids.iter().sum::<i64>(), 6, "{ids:?}");
    let full = batches.iter().find(|batch| batch.num_rows() > 0).unwrap();
    assert_eq!(full.column(2).as_string::<i64>().value(0), "A");
    // The notes are batches without rows, which carry the cursor beside them.
    let text = String::from_utf8_lossy(&reply.body);
    assert!(text.contains("bartizan.progress") && text.contains("\"cursor\":"), "no notes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_ends_its_query() {
    let world = World::start().await;
    add_rows(&world, 3_000).await;
    let cross = "DeviceEvents | extend k = 1 | join kind = inner (DeviceEvents | extend k = 1) on k \
                 | join kind = inner (DeviceEvents | extend k = 1) on k | project ReportId";
    let response =
        world.service.clone().oneshot(request(&world, &json!({ "Query": cross }), "*/*").await).await;
    let mut body = response.unwrap().into_body().into_data_stream();
    for _ in 0..3 {
        body.next().await.unwrap().unwrap();
    }
    assert_eq!(world.state.engine.running(), 1);
    drop(body);
    assert!(ends(&world).await, "a stream");

    // So does one that waits for a whole answer.
    let body = json!({ "Query": format!("{cross} | summarize count()") }).to_string();
    let waiting = world.post("/api/advancedhunting/run", body);
    tokio::select! {
        reply = waiting => panic!("{reply:?}"),
        () = async {
            while world.state.engine.memory_used() == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    assert!(ends(&world).await, "an answer");
}

/// Whether nothing runs any more and no memory is held.
async fn ends(world: &World) -> bool {
    for _ in 0..1_000 {
        if world.state.engine.running() == 0 && world.state.engine.memory_used() == 0 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}
