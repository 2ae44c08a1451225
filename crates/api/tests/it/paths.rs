//! How a path may be written, and what is not there.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, HOST};

use crate::world::World;

#[tokio::test]
async fn letter_case_version_and_a_slash_at_the_end_do_not_matter() {
    let world = World::start().await;
    world.add_machines(1).await;
    world.add_alerts(1).await;
    for path in [
        "/api/alerts",
        "/API/Alerts",
        "/api/V1.0/alerts/",
        "/api/v1.0/Alerts/DA0_1",
        "/api/machines/PC0.CONTOSO.example/",
        "/Api/MACHINES/pc0.contoso.example/Alerts/?$top=1",
        "/api/alerts/$Count",
        "/api/alerts/%24count?%24filter=id+eq+'da0_1'",
        "/api",
        "/api/",
        "/api/v1.0/",
    ] {
        let reply = world.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
    }
}

#[tokio::test]
async fn any_host_is_answered() {
    let world = World::start().await;
    let request = Request::get("/api/alerts")
        .header(HOST, "api.securitycenter.microsoft.com")
        .header(AUTHORIZATION, format!("bearer {}", world.all().await));
    assert_eq!(world.request(request.body(Body::from("{}")).unwrap()).await.status, 200);
}

#[tokio::test]
async fn what_is_not_there_is_told_to_those_with_a_token() {
    let world = World::start().await;
    for path in [
        "/api/unicorns",
        "/api/alerts/a/b/c",
        "/api/v2.0/alerts",
        "/api/software",
        "/api/machines/a/unicorns",
    ] {
        assert_eq!(world.get(path).await.error(), (404, "NotFound".to_owned()), "{path}");
        let anonymous = world.send("GET", path, None, Body::empty()).await;
        assert_eq!(anonymous.error(), (401, "Unauthorized".to_owned()), "{path}");
    }
    assert_eq!(
        world.send("GET", "/unicorns", None, Body::empty()).await.error(),
        (404, "NotFound".to_owned())
    );
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let world = World::start().await;
    for (method, path, allow) in [
        ("POST", "/api/alerts", "GET, HEAD"),
        ("DELETE", "/api/alerts/da0_1", "GET, HEAD, PATCH"),
        ("GET", "/api/advancedqueries/run", "POST"),
        ("GET", "/api/ingest/sysmon", "POST"),
    ] {
        let reply = world.send(method, path, Some(&world.all().await), Body::empty()).await;
        assert_eq!(reply.error(), (405, "MethodNotAllowed".to_owned()), "{path}");
        assert_eq!(reply.header("allow"), allow, "{path}");
        let anonymous = world.send(method, path, None, Body::empty()).await;
        assert_eq!(anonymous.error(), (401, "Unauthorized".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn an_answer_to_head_is_that_to_get_without_its_body() {
    let world = World::start().await;
    world.add_alerts(1).await;
    let token = world.all().await;
    for path in ["/api/alerts", "/api/alerts/da0_1", "/api/alerts/none", "/api/nothing", "/healthz"] {
        let got = world.send("GET", path, Some(&token), Body::empty()).await;
        let head = world.send("HEAD", path, Some(&token), Body::empty()).await;
        assert_eq!(head.status, got.status, "{path}");
        assert_eq!(head.header("content-length"), got.body.len().to_string(), "{path}");
        assert_eq!(head.header("content-type"), got.header("content-type"), "{path}");
        assert!(head.body.is_empty() && !got.body.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn health_and_metrics() {
    let world = World::start().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(world.send("GET", path, None, Body::empty()).await.status, 200, "{path}");
    }
    let operator = api::operator_router(world.state.clone(), || "a_metric 1\n".to_owned());
    for (path, expected) in [("/healthz", "ok\n"), ("/readyz", "ready\n"), ("/metrics", "a_metric 1\n")] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(operator.clone(), request).await.unwrap();
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(body, expected, "{path}");
    }
    let mut state = world.state.clone();
    state.readiness = std::sync::Arc::new(|| Err("still replaying".to_owned()));
    let request = Request::get("/readyz").body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(api::service(state), request).await.unwrap();
    assert_eq!(response.status(), 503);
}
