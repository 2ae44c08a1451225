//! Limits of calls.

use api::RateLimits;

use crate::world::World;

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
