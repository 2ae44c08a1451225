//! Every declared route against every kind of caller.

use api::{Access, Dialect, RouteDeclaration, Routes};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use model::lake::{LegalHold, Policies};
use model::{Clock, DeviceId, Permission};

use crate::world::{ROW, Reply, World, all_permissions};

async fn call(world: &World, route: &RouteDeclaration, token: Option<&str>) -> Reply {
    call_as(world, route, token.map(|token| format!("Bearer {token}")).as_deref()).await
}

async fn call_as(world: &World, route: &RouteDeclaration, authorization: Option<&str>) -> Reply {
    let machine = DeviceId::from_name(world.one, "pc0.contoso.example");
    let id = if route.path.starts_with("/api/machines") { machine.as_str() } else { "da0_1" };
    let path = route.path.replace("{id}", id).replace("{table}", "DeviceEvents");
    let device = DeviceId::from_name(world.one, "pc1.contoso.example");
    let path = path.replace("{index}", "logs").replace("{name}", "case").replace("{device}", device.as_str());
    let body = match route.path {
        path if path.starts_with("/api/ingest/") => ROW.to_owned(),
        path if path.starts_with("/api/advanced") => r#"{"Query":"DeviceEvents | count"}"#.to_owned(),
        path if path.starts_with("/services/collector/raw") => ROW.to_owned(),
        path if path.starts_with("/services/") => {
            format!(r#"{{"sourcetype":"bartizan:DeviceEvents","event":{ROW}}}"#)
        }
        "/v1/logs" => {
            let record = serde_json::json!({ "body": { "stringValue": ROW } });
            format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#)
        }
        path if path.ends_with("/_bulk") => {
            format!("{{\"index\":{{\"_index\":\"bartizan-deviceevents\"}}}}\n{ROW}\n")
        }
        "/api/lake/retention/{table}" => r#"{"days":30}"#.to_owned(),
        "/api/lake/holds/{name}" => r#"{"reason":"a court asked"}"#.to_owned(),
        "/api/alerts/{id}" if route.method == "PATCH" => r#"{"status":"Resolved"}"#.to_owned(),
        _ => String::new(),
    };
    let mut request = Request::builder().method(route.method.clone()).uri(path);
    request = request.header(CONTENT_TYPE, "application/json");
    if let Some(authorization) = authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    world.request(request.body(Body::from(body)).unwrap()).await
}

/// That a refusal has the status, the word and the form that the clients of the route know.
#[track_caller]
fn check_refused(route: &RouteDeclaration, reply: &Reply, own: (u16, &str), hec: (u16, u16, &str)) {
    let seen = format!("{} {reply:?}", route.path);
    match route.dialect {
        Dialect::Own => assert_eq!(reply.error(), (own.0, own.1.to_owned()), "{seen}"),
        Dialect::Otlp => {
            let number = if own.0 == 401 { 16 } else { 7 };
            assert_eq!(reply.status, own.0, "{seen}");
            assert_eq!(reply.json()["code"], number, "{seen}");
            let message = format!("{}: ", own.1);
            assert!(reply.json()["message"].as_str().unwrap().starts_with(&message), "{seen}");
        }
        Dialect::Bulk => {
            let json = reply.json();
            assert_eq!((reply.status.as_u16(), &json["status"]), (own.0, &own.0.into()), "{seen}");
            assert_eq!(json["error"]["type"], "security_exception", "{seen}");
            assert_eq!(json["error"]["code"], own.1, "{seen}");
        }
        Dialect::Hec => {
            let start = format!(r#"{{"text":"{}","code":{},"#, hec.2, hec.1);
            assert_eq!(reply.status, hec.0, "{seen}");
            assert!(reply.text().starts_with(&start), "{start}: {seen}");
            assert_eq!(reply.json()["error"]["code"], own.1, "{seen}");
        }
    }
}

fn guarded() -> Vec<RouteDeclaration> {
    let routes = Routes::all();
    routes.declared().iter().filter(|route| route.access != Access::Open).cloned().collect()
}

async fn world() -> World {
    let world = World::start().await;
    world.add_machines(1).await;
    world.add_alerts(1).await;
    world.post("/api/ingest/DeviceEvents", format!("{ROW}\n").repeat(30)).await.ok();
    let store = world.store.tenant(world.one);
    store.set_retention(Some("DeviceEvents"), Some(30)).await.unwrap();
    let (name, reason) = ("case".to_owned(), "a court asked".to_owned());
    let hold = LegalHold { tenant: world.one, name, table: None, reason, created: world.clock.now() };
    store.add_hold(&hold).await.unwrap();
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
            let hec = match token {
                None => (401, 2, "Token is required"),
                Some(_) => (403, 4, "Invalid token"),
            };
            check_refused(&route, &reply, (401, "Unauthorized"), hec);
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
            check_refused(&route, &reply, (403, "Forbidden"), (403, 1, "Token disabled"));
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
            "/api/alerts" | "/api/machines" | "/api/lake/retention" | "/api/lake/holds" => {
                assert_eq!(reply.ok()["value"], serde_json::json!([]));
            }
            // Then the stranger makes a rule and a hold of his own, and takes them away.
            path if path.starts_with("/api/lake/") && route.method == "GET" => {
                assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()), "{path}");
            }
            "/api/lake/devices/{device}" => assert_eq!(reply.ok()["rowsDeleted"], 0),
            "/api/alerts/$count" | "/api/machines/$count" => assert_eq!(reply.text(), "0"),
            // The stranger sent a few rows of his own, one a route; the thirty are not his.
            path if path.starts_with("/api/advanced") => {
                let count = reply.ok()["Results"][0]["Count"].as_i64().unwrap();
                assert!(count < 30, "{path}: {count}");
            }
            _ => assert_eq!(reply.status, 200, "{}", route.path),
        }
    }
    assert_eq!(state(&world).await, before);
}

/// Headers that carry the id and secret of an app.
fn by_secret(id: &str, secret: &str) -> [String; 3] {
    let basic = |text: String| format!("Basic {}", base64(&text));
    [
        format!("Splunk {id}:{secret}"),
        basic(format!("{id}:{secret}")),
        basic(format!("anybody:{id}:{secret}")),
    ]
}

fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let encode = |chunk: &[u8]| {
        let bits =
            (0..3).fold(0, |bits, at| bits << 8 | u32::from(chunk.get(at).copied().unwrap_or_default()));
        let digit = |at: usize| match at <= chunk.len() {
            true => char::from(DIGITS[(bits >> (18 - 6 * at)) as usize & 63]),
            false => '=',
        };
        (0..4).map(digit).collect::<String>()
    };
    text.as_bytes().chunks(3).map(encode).collect()
}

#[tokio::test]
async fn the_id_and_secret_of_an_app_are_taken_where_shippers_send_and_nowhere_else() {
    let world = world().await;
    let register = async |permissions: &[Permission], is_consented: bool| {
        let (app, secret) = world.issuer.register_app(world.one, "shipper", permissions).await.unwrap();
        if is_consented {
            world.issuer.consent(world.one, app, "admin").await.unwrap();
        }
        (app.to_string(), secret.expose().to_owned())
    };
    let (app, secret) = register(&[Permission::EventWrite], true).await;
    let (reader, reader_secret) = register(&[Permission::AlertReadWrite], true).await;
    let (silent, silent_secret) = register(&[Permission::EventWrite], false).await;
    let before = state(&world).await;
    for route in guarded() {
        let invalid = (403, 4, "Invalid token");
        let unknown = "00000000-0000-4000-8000-000000000000";
        let wrong = [by_secret(&app, "x"), by_secret(&app, &reader_secret), by_secret(unknown, &secret)];
        for header in wrong.concat() {
            let reply = call_as(&world, &route, Some(&header)).await;
            check_refused(&route, &reply, (401, "Unauthorized"), invalid);
        }
        for header in ["Splunk", "Splunk x", "Splunk x:y", "Basic !", "Digest x", "x"] {
            let reply = call_as(&world, &route, Some(header)).await;
            check_refused(&route, &reply, (401, "Unauthorized"), (401, 3, "Invalid authorization"));
        }
        let without = [by_secret(&reader, &reader_secret), by_secret(&silent, &silent_secret)];
        for header in without.concat() {
            let reply = call_as(&world, &route, Some(&header)).await;
            match route.dialect {
                Dialect::Own => check_refused(&route, &reply, (401, "Unauthorized"), invalid),
                _ => check_refused(&route, &reply, (403, "Forbidden"), (403, 1, "Token disabled")),
            }
        }
    }
    assert_eq!(state(&world).await, before);
    for route in guarded() {
        for header in by_secret(&app, &secret) {
            let reply = call_as(&world, &route, Some(&header)).await;
            match route.dialect {
                Dialect::Own => assert_eq!(reply.error(), (401, "Unauthorized".to_owned()), "{}", route.path),
                _ => assert_eq!(reply.status, 200, "{}: {}", route.path, reply.text()),
            }
        }
    }
}

/// The first tenant's rows, alert, rules and holds, and how often the rows changed.
async fn state(world: &World) -> (i64, i64, String, Policies) {
    let mut alert = world.get("/api/alerts/da0_1").await.ok();
    alert["@odata.context"].take();
    let rows = world.row_count("DeviceEvents").await;
    let policies = world.store.tenant(world.one).lake_policies().await.unwrap();
    (world.lake.tenant(world.one).last_sequence(), rows, alert.to_string(), policies)
}
