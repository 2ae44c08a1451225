//! Limits of calls.

use std::net::{IpAddr, SocketAddr};

use api::{NetworkLimit, RateLimits};
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;

use crate::world::World;

#[tokio::test]
async fn one_network_cannot_ask_the_issuer_without_end() {
    let limit = NetworkLimit { per_second: 0.5, burst: 2.0 };
    let world = World::start_with(|config| config.network_limit = Some(limit)).await;
    let ask = async |path: &str, from: &str| {
        let mut request = Request::post(path).body(Body::from("grant_type=x")).unwrap();
        let address: IpAddr = from.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 9))));
        world.request(request).await
    };
    let paths = [
        "oauth2/token",
        "oauth2/v2.0/token",
        "oauth2/devicecode",
        "oauth2/introspect",
        "oauth2/revoke",
        "sign-in",
    ];
    for (at, path) in paths.iter().enumerate() {
        let (path, from) = (format!("/{}/{path}", world.one), format!("192.0.2.{at}"));
        for _ in 0..2 {
            assert_ne!(ask(&path, &from).await.status, 429, "{path}");
        }
        let refused = ask(&path, &from).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "2"), "{path}");
        if path.contains("oauth2") {
            assert_eq!(refused.json()["error"], "temporarily_unavailable", "{path}");
        }
        assert_ne!(ask(&path, &format!("198.51.100.{at}")).await.status, 429, "another network");
        for _ in 0..4 {
            assert_ne!(ask(&path, "127.0.0.1").await.status, 429, "a proxy stands for everybody");
        }
    }
    world.clock.advance(2);
    assert_ne!(ask(&format!("/{}/oauth2/token", world.one), "192.0.2.0").await.status, 429);
}

#[tokio::test]
async fn every_answer_says_what_is_left_and_one_too_many_waits() {
    let limits = RateLimits { factor: 0.03, tenant_factor: 10 };
    let world = World::start_with(|config| config.rate_limits = Some(limits)).await;
    world.add_machines(1).await;
    for left in ["2", "1", "0"] {
        let reply = world.get("/api/machines").await;
        reply.ok();
        assert_eq!((reply.header("ratelimit-limit"), reply.header("ratelimit-remaining")), ("3", left));
        assert_eq!(reply.header("ratelimit-reset"), "60");
        assert_eq!(reply.header("ratelimit-policy"), "3;w=60, 45;w=3600");
    }
    let refused = world.get("/api/machines").await;
    assert_eq!(refused.error(), (429, "TooManyRequests".to_owned()));
    assert_eq!((refused.header("retry-after"), refused.header("ratelimit-remaining")), ("60", "0"));
    // Another method and the next minute have their own count.
    assert_eq!(world.get("/api/alerts").await.status, 200);
    world.clock.advance(60);
    assert_eq!(world.get("/api/machines").await.status, 200);
    // What is refused says so, too.
    let reply = world.get("/api/machines/absent").await;
    assert_eq!((reply.status.as_u16(), reply.header("ratelimit-remaining")), (404, "2"));
    let unknown = world.send("GET", "/api/machines", None, "").await;
    assert_eq!((unknown.status.as_u16(), unknown.header("ratelimit-limit")), (401, ""));
}
