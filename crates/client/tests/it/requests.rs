use client::ClientError;
use model::ErrorKind;
use serde_json::{Value, json};

use crate::server::{Canned, Server, reply, token};

const ANSWER: &str = r#"{"accepted":1,"refused":1,"errors":[{"line":2,"code":"WrongType","message":"no"}]}"#;

#[tokio::test]
async fn a_token_is_fetched_once_and_used_for_every_request() {
    let server = Server::start(vec![token("t1"), reply("200 OK", "[1]"), reply("200 OK", "[2]")]).await;
    let client = server.client();
    assert_eq!(client.get_json::<Value>("/api/machines").await.unwrap(), json!([1]));
    assert_eq!(
        client.patch_json::<Value>("/api/alerts/a", &json!({"status": "New"})).await.unwrap(),
        json!([2])
    );
    let host = server.base_url.replace(':', "%3A").replace('/', "%2F");
    assert_eq!(
        server.asked(),
        format!(
            "POST /tenant-1/oauth2/v2.0/token | content-type=application/x-www-form-urlencoded | \
             grant_type=client_credentials&client_id=app-1&client_secret=s3cret&scope={host}%2F.default\n\
             GET /api/machines | authorization=Bearer t1 | \n\
             PATCH /api/alerts/a | authorization=Bearer t1 | content-type=application/json | {{\"status\":\"New\"}}"
        )
    );
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let refused = reply("401 Unauthorized", r#"{"error":{"code":"Unauthorized","message":"expired"}}"#);
    let script = vec![token("old"), refused.clone(), token("new"), reply("200 OK", "{}")];
    let server = Server::start(script).await;
    server.client().get_json::<Value>("/api/alerts").await.unwrap();
    assert!(server.asked().ends_with("GET /api/alerts | authorization=Bearer new | "));

    let server = Server::start(vec![token("a"), refused.clone(), token("b"), refused]).await;
    let error = server.client().get_json::<Value>("/api/alerts").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.to_string().as_str()),
        (ErrorKind::Unauthorized, "Unauthorized: expired")
    );
}

#[tokio::test]
async fn ingest_carries_producer_and_sequence_and_repeats_them() {
    let script = vec![
        token("t"),
        Canned::Cut,
        reply("429 Too Many Requests\r\nretry-after: 0", ""),
        reply("503 Service Unavailable", ""),
        reply("200 OK", ANSWER),
    ];
    let server = Server::start(script).await;
    let body = "{\"a\":1}\n{\"b\":2}\n".into();
    let answer = server.client().ingest("DeviceInfo", body, Some(("p-1", 7))).await.unwrap();
    assert_eq!((answer.accepted, answer.refused, answer.errors[0].line), (1, 1, 2));
    assert!(!answer.duplicate && answer.unmapped.is_empty());
    let asked = server.asked();
    let lines: Vec<_> = asked.lines().skip(1).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines.iter().all(|line| *line
        == "POST /api/ingest/DeviceInfo | authorization=Bearer t | content-type=application/x-ndjson | \
            bartizan-producer=p-1 | bartizan-sequence=7 | {\"a\":1}⏎{\"b\":2}⏎"));
}

#[tokio::test]
async fn what_the_server_may_have_acted_on_is_not_sent_twice() {
    let server = Server::start(vec![token("t"), Canned::Cut, reply("200 OK", ANSWER)]).await;
    let error = server.client().ingest("DeviceInfo", "{}".into(), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(server.asked().lines().count(), 2);
}

#[tokio::test]
async fn a_wait_past_the_deadline_is_not_begun() {
    let busy = reply(
        "429 Too Many Requests\r\nretry-after: 3600",
        r#"{"error":{"code":"TooManyRequests","message":"later"}}"#,
    );
    let server = Server::start(vec![token("t"), busy]).await;
    let error = server.client().hunt("T").await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(error.kind(), ErrorKind::TooManyRequests);
}

#[tokio::test]
async fn an_absent_server_is_unavailable() {
    let mut connection = Server::start(Vec::new()).await.connection();
    // The port of a listener that is gone.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    connection.base_url = format!("http://{}", listener.local_addr().unwrap());
    connection.authority = format!("{}/t", connection.base_url);
    drop(listener);
    let mut settings = client::Settings::default();
    settings.retry.deadline = std::time::Duration::ZERO;
    let client = client::Client::connect_with(connection, settings).unwrap();
    let error = client.get_json::<Value>("/api/machines").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_hunt_gives_schema_and_rows() {
    let body = r#"{"Stats":{},"Schema":[{"Name":"n","Type":"Int64"}],"Results":[{"n":1}]}"#;
    let server = Server::start(vec![token("t"), reply("200 OK", body)]).await;
    let answer = server.client().hunt("print n=1").await.unwrap();
    assert_eq!((answer.schema[0].name.as_str(), answer.schema[0].kind.as_str()), ("n", "Int64"));
    assert_eq!(answer.results[0]["n"], json!(1));
    assert!(server.asked().ends_with(r#"{"Query":"print n=1"}"#));
}

#[tokio::test]
async fn error_bodies_come_through() {
    let body =
        r#"{"error":{"code":"BadRequest","message":"no such table","target":"q","details":[{"line":1}]}}"#;
    let server =
        Server::start(vec![token("t"), reply("400 Bad Request", body), reply("500 Oops", "<html>")]).await;
    let client = server.client();
    match client.hunt("Tt").await.unwrap_err() {
        ClientError::Api { status, code, message, details } => {
            assert_eq!((status, code.as_str(), message.as_str()), (400, "BadRequest", "no such table"));
            assert_eq!(details, Some(Box::new(json!([{"line": 1}]))));
        }
        other => panic!("{other:?}"),
    }
    let error = client.hunt("T").await.unwrap_err();
    assert_eq!(error.to_string(), "HTTP 500: Internal Server Error");
}

#[tokio::test]
async fn a_wrong_secret_is_told_apart_and_not_tried_again() {
    let body = r#"{"error":"invalid_client","error_description":"the secret is wrong"}"#;
    let server = Server::start(vec![reply("401 Unauthorized", body)]).await;
    let error = server.client().get_json::<Value>("/api/alerts").await.unwrap_err();
    assert_eq!(error.to_string(), "no token: invalid_client: the secret is wrong");
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test]
async fn nothing_shows_the_secret() {
    let server = Server::start(Vec::new()).await;
    let shown = format!("{:?} {:?}", server.connection(), server.client());
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn an_ingest_path_cannot_leave_its_place() {
    let server = Server::start(Vec::new()).await;
    let error = server.client().ingest("../alerts", "{}".into(), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}
