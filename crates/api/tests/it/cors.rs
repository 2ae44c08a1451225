//! Scripts of other origins.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;

use crate::world::{Reply, World};

const PORTAL: &str = "https://portal.example";

async fn send(world: &World, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let request =
        headers.iter().fold(Request::builder().method(method).uri(path), |request, (name, value)| {
            request.header(*name, *value)
        });
    world.request(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn scripts_of_named_origins_may_call_and_no_others() {
    let world = World::start_with(|config| config.cors_origins = vec![PORTAL.to_owned()]).await;
    let bearer = format!("Bearer {}", world.all().await);
    let call = async |origin: &str| {
        send(&world, "GET", "/api/alerts", &[("origin", origin), (AUTHORIZATION.as_str(), &bearer)]).await
    };
    let reply = call(PORTAL).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (200, PORTAL));
    assert_eq!((reply.header("vary"), reply.header("access-control-allow-credentials")), ("Origin", ""));
    for origin in [
        "https://evil.example",
        "https://portal.example.evil.example",
        "http://portal.example",
        "null",
        "*",
        "",
    ] {
        let reply = call(origin).await;
        assert_eq!(
            (reply.header("access-control-allow-origin"), reply.header("vary")),
            ("", "Origin"),
            "{origin}"
        );
    }
    // Refusals can be read, too.
    let reply = send(&world, "GET", "/api/alerts", &[("origin", PORTAL)]).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-origin")), (401, PORTAL));

    let asked = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "PATCH"),
            ("access-control-request-headers", "authorization,content-type"),
        ]
    };
    for path in ["/api/alerts/da0_1", "/common/oauth2/v2.0/token"] {
        let reply = send(&world, "OPTIONS", path, &asked(PORTAL)).await;
        assert_eq!((reply.status.as_u16(), reply.text()), (204, ""), "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), PORTAL);
        assert_eq!(reply.header("access-control-allow-headers"), "authorization,content-type");
    }
    let reply = send(&world, "OPTIONS", "/api/alerts/da0_1", &asked(PORTAL)).await;
    assert_eq!(reply.header("access-control-allow-methods"), "GET, HEAD, PATCH");
    let reply = send(&world, "OPTIONS", "/api/alerts/da0_1", &asked("https://evil.example")).await;
    assert_eq!((reply.status.as_u16(), reply.header("access-control-allow-methods")), (401, ""));
}

#[tokio::test]
async fn without_named_origins_there_is_nothing_of_it() {
    let world = World::start().await;
    let asked = [("origin", PORTAL), ("access-control-request-method", "GET")];
    for method in ["GET", "OPTIONS"] {
        let reply = send(&world, method, "/api/alerts", &asked).await;
        assert_eq!(reply.status, 401, "{method}");
        let told =
            reply.headers.keys().any(|name| name.as_str().starts_with("access-control") || name == "vary");
        assert!(!told, "{:?}", reply.headers);
    }
}
