//! Bad input: what it is answered with, and that it changes nothing.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;

use crate::world::{ROW, World};

#[tokio::test]
async fn bad_options_name_the_option() {
    let world = World::start().await;
    for (query, part) in [
        ("$filter=severity%20eq", "$filter"),
        ("$filter=colour%20eq%20'red'", "colour"),
        ("$orderby=nothing", "$orderby"),
        ("$top=10001", "10000"),
        ("$top=-1", "$top"),
        ("$skip=x", "$skip"),
        ("$expand=comments", "$expand"),
        ("$select=nothing", "$select"),
        ("$skiptoken=zz", "$skiptoken"),
        ("$skiptoken=7b7d", "$skiptoken"),
        ("$unknown=1", "$unknown"),
        ("$top=1&$top=2", "more than once"),
    ] {
        let reply = world.get(&format!("/api/alerts?{query}")).await;
        assert_eq!(reply.error(), (400, "ODataError".to_owned()), "{query}");
        assert!(reply.text().contains(part), "{query}: {}", reply.text());
    }
    assert_eq!(world.get("/api/alerts/$count?$filter=x").await.error(), (400, "ODataError".to_owned()));
}

#[tokio::test]
async fn unknown_entities_are_named() {
    let world = World::start().await;
    for (path, message) in [
        ("/api/machines/nope.example", "Machine nope.example was not found"),
        ("/api/machines/nope/alerts", "Machine nope was not found"),
        ("/api/machines/nope/alerts/$count", "Machine nope was not found"),
        ("/api/alerts/da1_1", "Alert da1_1 was not found"),
    ] {
        let reply = world.get(path).await;
        assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()), "{path}");
        assert_eq!(reply.json()["error"]["message"], message);
    }
    let reply = world.patch("/api/alerts/da1_1", r#"{"status":"New"}"#).await;
    assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()));
}

#[tokio::test]
async fn bad_changes_of_an_alert_change_nothing() {
    let world = World::start().await;
    world.add_alerts(1).await;
    let before = world.get("/api/alerts/da0_1").await.ok();
    let long = "x".repeat((32 << 10) + 1);
    for (body, code, part) in [
        ("{", "InvalidRequestBody", "JSON"),
        ("[]", "InvalidRequestBody", "JSON"),
        ("", "InvalidRequestBody", "JSON"),
        ("{}", "InvalidRequestBody", "determination"),
        (r#"{"colour":"red"}"#, "InvalidRequestBody", "determination"),
        (r#"{"comment":" "}"#, "InvalidRequestBody", "determination"),
        (r#"{"status":"Closed"}"#, "InvalidInput", "valid: New, InProgress, Resolved"),
        (r#"{"status":"Unknown"}"#, "InvalidInput", "valid: New"),
        (r#"{"status":7}"#, "InvalidInput", "status"),
        (r#"{"classification":"Maybe"}"#, "InvalidInput", "FalsePositive"),
        (r#"{"determination":"Maybe","status":"Resolved"}"#, "InvalidInput", "Malware"),
        (r#"{"status":"New","Status":"Resolved"}"#, "InvalidRequestBody", "more than once"),
        (&format!(r#"{{"comment":"{long}"}}"#), "InvalidInput", "comment"),
    ] {
        let reply = world.patch("/api/alerts/da0_1", body.to_owned()).await;
        assert_eq!(reply.error(), (400, code.to_owned()), "{:.80}", body);
        assert!(reply.text().contains(part), "{}", reply.text());
    }
    assert_eq!(world.get("/api/alerts/da0_1").await.ok(), before);
}

#[tokio::test]
async fn bad_queries_say_where() {
    let world = World::start().await;
    for (body, code) in [
        ("{", "InvalidRequestBody"),
        ("{}", "MissingRequiredParameter"),
        (r#"{"Query":null}"#, "MissingRequiredParameter"),
        (r#"{"Query":"  "}"#, "MissingRequiredParameter"),
        (r#"{"Query":1}"#, "InvalidInput"),
        (r#"{"Query":"DeviceEvents | cuont"}"#, "BadRequest"),
        (r#"{"Query":"NoSuchTable | take 1"}"#, "BadRequest"),
    ] {
        for path in ["/api/advancedqueries/run", "/api/advancedhunting/run"] {
            assert_eq!(world.post(path, body).await.error(), (400, code.to_owned()), "{path} {body}");
        }
    }
    let body = serde_json::json!({ "Query": "DeviceEvents\n| where ActonType == 'a'" }).to_string();
    let reply = world.post("/api/advancedqueries/run", body).await;
    let error = &reply.json()["error"];
    assert!(error["message"].as_str().unwrap().contains("(line 2, column 9)"), "{error}");
    let detail = &error["details"][0];
    assert_eq!((&detail["line"], &detail["column"], &detail["length"]), (&2.into(), &9.into(), &9.into()));
    assert_eq!(detail["suggestions"][0], "ActionType");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let world = World::start_with(|config| {
        config.body_bytes_max = 1000;
        config.ingest_body_bytes_max = 2000;
    })
    .await;
    world.add_alerts(1).await;
    let comment = format!(r#"{{"comment":"{}"}}"#, "x".repeat(1000));
    let too_large = (413, "RequestBodyTooLarge".to_owned());
    assert_eq!(world.patch("/api/alerts/da0_1", comment.clone()).await.error(), too_large);
    assert_eq!(world.post("/api/advancedqueries/run", comment.clone()).await.error(), too_large);
    let rows = format!("{ROW}\n").repeat(30);
    assert_eq!(world.post("/api/ingest/DeviceEvents", rows).await.error(), too_large);
    let said = Request::post("/api/ingest/DeviceEvents")
        .header(AUTHORIZATION, format!("Bearer {}", world.all().await))
        .header("content-length", "2001");
    assert_eq!(world.request(said.body(Body::empty()).unwrap()).await.error(), too_large);
    assert_eq!(world.row_count("DeviceEvents").await, 0);
    assert_eq!(world.get("/api/alerts/da0_1").await.ok()["comments"], serde_json::json!([]));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let world = World::start().await;
    let parts = futures::stream::iter([Ok(ROW.to_owned()), Err(std::io::Error::other("gone"))]);
    let reply = world.post("/api/ingest/DeviceEvents", Body::from_stream(parts)).await;
    assert_eq!(reply.error(), (400, "InvalidRequestBody".to_owned()));
    assert_eq!(world.row_count("DeviceEvents").await, 0);
}

#[tokio::test]
async fn what_broke_here_is_not_told() {
    let world = World::start().await;
    let token = world.all().await;
    world.store.close().await;
    let reply = world.send("GET", "/api/alerts", Some(&token), Body::empty()).await;
    assert_eq!(reply.error(), (503, "ServiceUnavailable".to_owned()));
    assert!(!reply.header("retry-after").is_empty());
    for word in ["pool", "sql", "database"] {
        assert!(!reply.text().to_lowercase().contains(word), "{}", reply.text());
    }
}

#[tokio::test]
async fn a_panic_is_an_answer_like_any_other_failure() {
    let mut world = World::start().await;
    world.state.readiness = std::sync::Arc::new(|| panic!("the secret reason"));
    world.service = api::service(world.state.clone());
    let reply = world.send("GET", "/readyz", None, Body::empty()).await;
    assert_eq!(reply.error(), (500, "InternalServerError".to_owned()));
    assert!(!reply.text().contains("secret"), "{}", reply.text());
}

#[tokio::test]
async fn two_answers_have_two_ids() {
    let world = World::start().await;
    let one = world.get("/api/alerts/nope").await;
    let other = world.get("/api/alerts/nope").await;
    assert_ne!(one.header("x-request-id"), other.header("x-request-id"));
}
