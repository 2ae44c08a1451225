//! Users, groups, roles, device groups, apps and keys by the API.

use model::Clock;
use serde_json::{Value, json};

use crate::world::{Reply, World, all_permissions};

async fn post(world: &World, path: &str, body: Value) -> Value {
    world.post(&format!("/api/management/{path}"), body.to_string()).await.ok()
}

async fn get(world: &World, path: &str) -> Value {
    world.get(&format!("/api/management/{path}")).await.ok()
}

async fn patch(world: &World, path: &str, body: Value) -> Reply {
    world.patch(&format!("/api/management/{path}"), body.to_string()).await
}

fn id(value: &Value) -> String {
    value["id"].as_str().map_or_else(|| value["id"].to_string(), str::to_owned)
}

#[tokio::test]
async fn a_user_sees_the_devices_that_an_administrator_lets_him_see() {
    let world = World::start().await;
    world.add_machines(3).await;
    let (ada, token) = world.user("ada@contoso.example", false).await;
    world.user("admin@contoso.example", true).await;
    let names = async || {
        let reply = world.send("GET", "/api/machines", Some(&token), "").await;
        if reply.status != 200 {
            return vec![reply.error().1];
        }
        let machines = reply.json()["value"].as_array().unwrap().clone();
        let mut names: Vec<String> =
            machines.iter().map(|m| m["computerDnsName"].as_str().unwrap()[..3].to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names().await, ["Forbidden"]);
    let group = id(&post(&world, "userGroups", json!({ "name": "Analysts" })).await);
    post(&world, &format!("userGroups/{group}/addMembers"), json!({ "users": [ada] })).await;
    post(&world, "roles/reader/assign", json!({ "userGroups": [group] })).await;
    assert_eq!(names().await, ["pc0", "pc1", "pc2"], "no device groups, no bounds");
    let shown = get(&world, "users/ada@contoso.example").await;
    assert_eq!(shown["userGroups"], json!([group]));
    assert_eq!(shown["rolePermissions"][0], "ViewData.SecurityOperations");

    let other = id(&post(&world, "userGroups", json!({ "name": "Others" })).await);
    let rule = |name: &str| json!([{ "property": "name", "operator": "equals", "values": [name] }]);
    let body = json!({ "name": "Zero", "rule": rule("pc0"), "userGroups": [other] });
    let zero = id(&post(&world, "deviceGroups", body).await);
    assert_eq!(names().await, ["pc1", "pc2"]);
    let body = json!({ "userGroups": [other] });
    patch(&world, "deviceGroups/0", body).await.ok();
    assert_eq!(names().await, Vec::<String>::new());
    patch(&world, &format!("deviceGroups/{zero}"), json!({ "userGroups": [other, group] })).await.ok();
    assert_eq!(names().await, ["pc0"]);
    patch(&world, &format!("deviceGroups/{zero}"), json!({ "rule": rule("pc1") })).await.ok();
    assert_eq!(names().await, ["pc1"]);
    let machine = world.get("/api/machines/pc1.contoso.example").await.ok();
    assert_eq!((&machine["rbacGroupName"], machine["rbacGroupId"].to_string()), (&json!("Zero"), zero));
    post(&world, &format!("userGroups/{group}/removeMembers"), json!({ "users": [ada] })).await;
    assert_eq!(names().await, ["Forbidden"]);
    patch(&world, &format!("users/{ada}"), json!({ "isAdministrator": true })).await.ok();
    assert_eq!(names().await, ["pc0", "pc1", "pc2"]);
    patch(&world, &format!("users/{ada}"), json!({ "isDisabled": true })).await.ok();
    assert_eq!(names().await, ["Unauthorized"]);
}

#[tokio::test]
async fn an_app_is_granted_what_it_asked_for_when_it_was_consented_to() {
    let world = World::start().await;
    let body = json!({ "displayName": "Bot", "permissions": ["machine.read.all"], "delegatedPermissions": ["Alert.Read"] });
    let app = post(&world, "apps", body).await;
    assert!(app["secret"].as_str().unwrap().len() > 30, "{app}");
    assert_eq!((&app["permissions"], &app["consent"]), (&json!(["Machine.Read.All"]), &Value::Null));
    let path = format!("apps/{}", id(&app));
    let app = post(&world, &format!("{path}/consent"), json!({})).await;
    assert_eq!(app["consent"]["permissions"], json!(["Machine.Read.All"]));
    assert_eq!(app["delegatedConsents"][0]["permissions"], json!(["Alert.Read"]));
    let app = patch(&world, &path, json!({ "permissions": ["Alert.ReadWrite.All"] })).await.ok();
    assert_eq!(app["consent"]["permissions"], json!(["Machine.Read.All"]));
    assert_eq!(app["consent"]["isOutdated"], true);
    let added = post(&world, &format!("{path}/addSecret"), json!({ "displayName": "second" })).await;
    let shown = get(&world, &path).await;
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 2);
    assert!(!shown.to_string().contains(added["secret"].as_str().unwrap()));
    let shown = post(&world, &format!("{path}/removeSecret"), json!({ "id": added["id"] })).await;
    assert_eq!(shown["secrets"].as_array().unwrap().len(), 1);
    let past = json!({ "expires": "2020-01-01T00:00:00Z" }).to_string();
    let reply = world.post(&format!("/api/management/{path}/addSecret"), past).await;
    assert_eq!(reply.error(), (400, "InvalidInput".to_owned()));
    let log = get(&world, "auditLog").await.to_string();
    assert!(!log.contains(added["secret"].as_str().unwrap()) && log.contains("second"), "{log}");
    for (body, said) in [
        (json!({ "deviceGroups": [99] }), "99"),
        (json!({ "networks": ["10.0.0.0/99"] }), "10.0.0.0/99"),
        (json!({ "hours": [{ "from": "25:00", "to": "26:00" }] }), "25:00"),
    ] {
        let token = world.all().await;
        let path = format!("/api/management/{path}/scope");
        let reply = world.send("PUT", &path, Some(&token), body.to_string()).await;
        assert_eq!(reply.error(), (400, "InvalidInput".to_owned()));
        assert!(reply.text().contains(said), "{}", reply.text());
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_with_what_would_be_right() {
    let world = World::start().await;
    for (path, body, said) in [
        ("users", json!({}), "userPrincipalName"),
        ("users", json!({ "userPrincipalName": "a", "password": "short" }), "too short"),
        ("roles", json!({ "name": "x", "permissions": ["Everything"] }), "LiveResponse.Basic"),
        ("roles", json!({ "name": "x", "permissions": ["Administer"] }), "not a permission of roles"),
        ("apps", json!({ "displayName": "x", "permissions": ["Nope"] }), "Machine.Read.All"),
        ("apps", json!({ "displayName": "x", "delegatedPermissions": ["Event.Write"] }), "Machine.Read"),
        ("deviceGroups", json!({ "name": "x" }), "rule"),
        ("deviceGroups", json!({ "name": "x", "rule": [] }), "conditions"),
        ("deviceGroups", json!({ "name": "x", "rule": [{ "property": "size" }] }), "name"),
        (
            "deviceGroups",
            json!({ "name": "x", "rank": 0, "rule": [{"property":"os","operator":"equals","values":["a"]}] }),
            "rank",
        ),
    ] {
        let reply = world.post(&format!("/api/management/{path}"), body.to_string()).await;
        assert_eq!(reply.status, 400, "{path} {body}: {}", reply.text());
        assert!(reply.text().contains(said), "{path} {body}: {}", reply.text());
    }
    let reply = patch(&world, "roles/reader", json!({ "name": "x" })).await;
    assert_eq!(reply.error(), (409, "Conflict".to_owned()));
    let token = world.token(world.one, &all_permissions()).await;
    let reply = world.send("DELETE", "/api/management/deviceGroups/0", Some(&token), "").await;
    assert_eq!(reply.error(), (409, "Conflict".to_owned()));
}

#[tokio::test]
async fn signing_keys_are_rotated_and_revoked() {
    let world = World::start().await;
    let first = get(&world, "keys").await["value"][0]["id"].as_str().unwrap().to_owned();
    let before = world.all().await;
    post(&world, "keys/rotate", json!({})).await;
    let keys = get(&world, "keys").await;
    let signing: Vec<_> =
        keys["value"].as_array().unwrap().iter().map(|key| key["isSigning"] == true).collect();
    assert_eq!(signing, [false, true]);
    world.forget_tokens().await;
    post(&world, &format!("keys/{first}/revoke"), json!({})).await;
    assert_eq!(world.send("GET", "/api", Some(&before), "").await.status, 401);
    assert_eq!(world.get("/api").await.status, 200);
    let reply = world.post("/api/management/keys/none/revoke", "{}").await;
    assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()));
}

#[tokio::test]
async fn the_key_of_commands_is_rotated_and_a_device_goes_on() {
    let (world, mut sensor) = crate::actions::world().await;
    let keys = get(&world, "commandKeys").await;
    assert_eq!(keys["value"].as_array().unwrap().len(), 1, "{keys}");
    assert_eq!((&keys["value"][0]["created"], &keys["value"][0]["isSigning"]), (&json!(null), &json!(true)));
    for wrong in [
        json!({ "OverlapSeconds": -1 }),
        json!({ "OverlapSeconds": "1" }),
        json!({ "OverlapSeconds": 2_592_001 }),
    ] {
        let reply = world.post("/api/management/commandKeys/rotate", wrong.to_string()).await;
        assert_eq!(reply.error(), (400, "InvalidInput".to_owned()));
        assert!(reply.text().contains("0 to 2592000"), "{}", reply.text());
    }
    let body = json!({ "Comment": "c" }).to_string();
    let asked = world.post(&format!("/api/machines/{}/isolate", crate::actions::PC), body).await;
    assert_eq!(asked.status, 201, "{}", asked.text());
    post(&world, "commandKeys/rotate", json!({})).await;
    let keys = get(&world, "commandKeys").await;
    let until = world.clock.now().plus_seconds(86_400);
    assert_eq!(keys["value"][0]["acceptedUntil"], until.to_string(), "{keys}");
    assert_eq!(keys["value"][1]["isSigning"], true);
    assert_eq!(sensor.work(&world, sensor_proto::Outcome::succeeded("done")).await.len(), 1);
    let known = sensor.command_keys.get_mut().unwrap().name().unwrap();
    assert_eq!(keys["value"][1]["id"], json!(known));
    // It is the whole server's.
    let other = world.token(world.two, &all_permissions()).await;
    for (method, path) in [("GET", "commandKeys"), ("POST", "commandKeys/rotate")] {
        let reply = world.send(method, &format!("/api/management/{path}"), Some(&other), "{}").await;
        assert_eq!(reply.error(), (403, "DisallowedOperation".to_owned()));
    }
    let log = world.audit_log().await;
    assert!(log.iter().any(|entry| entry["detail"]["overlapSeconds"] == 86_400), "{log:?}");
}
