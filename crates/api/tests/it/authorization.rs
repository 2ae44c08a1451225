//! Every declared route against every kind of caller.

use api::{Access, RouteDeclaration, Routes};
use axum::body::Body;
use model::DeviceId;

use crate::world::{ROW, Reply, World, all_permissions};

async fn call(world: &World, route: &RouteDeclaration, token: Option<&str>) -> Reply {
    let machine = DeviceId::from_name(world.one, "pc0.contoso.example");
    let id = if route.path.starts_with("/api/machines") { machine.as_str() } else { "da0_1" };
    let path = route.path.replace("{id}", id).replace("{table}", "DeviceEvents");
    let body = match route.path {
        path if path.starts_with("/api/ingest/") => ROW.to_owned(),
        path if path.starts_with("/api/advanced") => r#"{"Query":"DeviceEvents | count"}"#.to_owned(),
        "/api/alerts/{id}" if route.method == "PATCH" => r#"{"status":"Resolved"}"#.to_owned(),
        _ => String::new(),
    };
    world.send(route.method.as_str(), &path, token, Body::from(body)).await
}

fn guarded() -> Vec<RouteDeclaration> {
    let routes = Routes::all();
    routes.declared().iter().filter(|route| route.access != Access::Open).cloned().collect()
}

async fn world() -> World {
    let world = World::start().await;
    world.add_machines(1).await;
    world.add_alerts(1).await;
    world.post("/api/ingest/DeviceEvents", format!("{ROW}\n").repeat(10)).await.ok();
    world
}

#[tokio::test]
async fn refuses_whoever_is_not_known_and_changes_nothing() {
    let world = world().await;
    let expired = world.all().await;
    let before = state(&world).await;
    world.clock.advance(7200);
    world.forget_tokens().await;
    let valid = world.all().await;
    let forged = format!("{}x", &valid[..valid.len() - 4]);
    for route in guarded() {
        for token in [None, Some("garbage"), Some("a.b.c"), Some(expired.as_str()), Some(forged.as_str())] {
            let reply = call(&world, &route, token).await;
            assert_eq!(reply.error(), (401, "Unauthorized".to_owned()), "{} {token:?}", route.path);
            assert!(reply.header("www-authenticate").starts_with("Bearer "), "{reply:?}");
        }
    }
    assert_eq!(state(&world).await, before);
}

#[tokio::test]
async fn refuses_whoever_may_not_and_changes_nothing() {
    let world = world().await;
    let before = state(&world).await;
    for route in guarded() {
        let Access::Needs(needed) = route.access else { continue };
        let mut others = all_permissions();
        others.retain(|held| !held.allows(needed));
        for held in [Vec::new(), others] {
            let token = world.token(world.one, &held).await;
            let reply = call(&world, &route, Some(&token)).await;
            assert_eq!(reply.error(), (403, "Forbidden".to_owned()), "{} {held:?}", route.path);
            assert!(reply.text().contains(needed.application_name()), "{}", reply.text());
        }
    }
    assert_eq!(state(&world).await, before);
}

#[tokio::test]
async fn allows_whoever_has_the_permission() {
    let world = world().await;
    for route in guarded() {
        let held = match route.access {
            Access::Needs(needed) => vec![needed],
            _ => Vec::new(),
        };
        let token = world.token(world.one, &held).await;
        let reply = call(&world, &route, Some(&token)).await;
        assert_eq!(reply.status, 200, "{}: {}", route.path, reply.text());
    }
}

#[tokio::test]
async fn a_token_of_another_tenant_sees_and_changes_nothing() {
    let world = world().await;
    let before = state(&world).await;
    let stranger = world.token(world.two, &all_permissions()).await;
    for route in guarded() {
        let reply = call(&world, &route, Some(&stranger)).await;
        match route.path {
            path if path.contains("{id}") => {
                assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()), "{path}");
            }
            "/api/alerts" | "/api/machines" => assert_eq!(reply.ok()["value"], serde_json::json!([])),
            "/api/alerts/$count" | "/api/machines/$count" => assert_eq!(reply.text(), "0"),
            // The stranger sent a row or two of his own; the ten are not his.
            path if path.starts_with("/api/advanced") => {
                let count = reply.ok()["Results"][0]["Count"].as_i64().unwrap();
                assert!(count <= 2, "{path}: {count}");
            }
            _ => assert_eq!(reply.status, 200, "{}", route.path),
        }
    }
    assert_eq!(state(&world).await, before);
}

/// The first tenant's rows and alert, and how often they changed.
async fn state(world: &World) -> (i64, String) {
    let mut alert = world.get("/api/alerts/da0_1").await.ok();
    alert["@odata.context"].take();
    (world.lake.tenant(world.one).last_sequence(), alert.to_string())
}
