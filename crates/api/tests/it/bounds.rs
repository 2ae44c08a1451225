//! Callers whose roles, grants and permissions are bounded, where a route takes more than one of them or tells of more
//! than one device.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use model::access::GrantScope;
use model::role::RolePermission::{InvestigateAlerts, ManageSecuritySettings, RemediateDevices, ViewData};
use model::{DeviceId, Permission};
use sensor_proto::Outcome;
use serde_json::json;
use store::{AppSignIn, PartnerApp};
use tower::ServiceExt;

use crate::actions::PC;
use crate::world::{RESOURCE, ROW, World, all_permissions};

const PC1: &str = "pc1.contoso.example";

#[tokio::test]
async fn a_user_deletes_the_rows_of_devices_that_the_role_reaches_and_no_others() {
    let world = World::start().await;
    world.add_machines(2).await;
    world.post("/api/ingest/DeviceEvents", format!("{ROW}\n{}", ROW.replace("pc1", "pc0"))).await.ok();
    let (user, token) = world.user("ada@contoso.example", false).await;
    world.give_role(user, &[ManageSecuritySettings], "pc0").await;
    let delete = async |device: &str| {
        world.send("DELETE", &format!("/api/lake/devices/{device}"), Some(&token), "").await
    };
    let hidden = DeviceId::from_name(world.one, PC1).to_string();
    for device in [PC1, &hidden, "nobody.example", &"0".repeat(40)] {
        assert_eq!(delete(device).await.error(), (404, "ResourceNotFound".to_owned()), "{device}");
    }
    assert_eq!(world.row_count("DeviceEvents").await, 2);
    assert_eq!(delete(PC).await.ok()["rowsDeleted"], 1);
    let seen = DeviceId::from_name(world.one, PC).to_string();
    assert_eq!(delete(&seen).await.ok()["rowsDeleted"], 0);
    assert_eq!(world.row_count("DeviceEvents").await, 1);
}

#[tokio::test]
async fn what_a_scan_went_through_is_told_to_callers_who_reach_all() {
    let world = World::start().await;
    world.post("/api/ingest/DeviceEvents", ROW).await.ok();
    let device_group = world.device_group("Seen", "seen", &[]).await;
    let scope = GrantScope { device_groups: vec![device_group], ..GrantScope::default() };
    let (_, narrowed) = world.bounded_app(&scope).await;
    let all = world.all().await;
    let body = json!({ "Query": "DeviceEvents | count" }).to_string();
    let ask = async |path: &str, token: &str| {
        let reply = world.send("POST", path, Some(token), body.clone()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.text().to_owned()
    };
    for (path, words) in [
        ("/api/advancedhunting/run", ["input_dataset_statistics", "resource_usage"]),
        ("/api/hunting/stream", ["rowsScanned", "bytesScanned"]),
        ("/api/hunting/stream", ["input_dataset_statistics", "resource_usage"]),
    ] {
        let (told, withheld) = (ask(path, &all).await, ask(path, &narrowed).await);
        assert!(withheld.contains("ExecutionTime"), "{withheld}");
        for word in words {
            // A short query need not say how far it is.
            assert!(told.contains(word) || word.ends_with("Scanned"), "{path} {word}: {told}");
            assert!(!withheld.contains(word), "{path} {word}: {withheld}");
        }
    }
}

#[tokio::test]
async fn an_address_that_devices_out_of_reach_talked_to_is_as_one_that_nobody_did() {
    let world = World::start().await;
    world.add_machines(2).await;
    let row = |device: &str, ip: &str| {
        json!({ "Timestamp": "2024-05-06T07:00:00Z", "DeviceName": device, "ActionType": "ConnectionSuccess",
                "RemoteIP": ip, "RemotePort": 443 })
        .to_string()
    };
    let rows = [row(PC, "203.0.113.1"), row(PC1, "203.0.113.2")].join("\n");
    world.post("/api/ingest/DeviceNetworkEvents", rows).await.ok();
    world.follow().await;
    let (user, token) = world.user("ada@contoso.example", false).await;
    world.give_role(user, &[ViewData], "pc0").await;
    let get = async |path: &str| world.send("GET", path, Some(&token), "").await;
    let machines = get("/api/ips/203.0.113.1/machines").await.ok();
    assert_eq!(machines["value"].as_array().unwrap().len(), 1, "{machines}");
    assert_eq!(get("/api/ips/203.0.113.1/machines/$count").await.text(), "1");
    for path in ["machines", "machines/$count"] {
        let (hidden, absent) = (
            get(&format!("/api/ips/203.0.113.2/{path}")).await,
            get(&format!("/api/ips/203.0.113.9/{path}")).await,
        );
        assert_eq!(hidden.error(), (404, "ResourceNotFound".to_owned()), "{path}");
        let words =
            |reply: &crate::world::Reply| reply.json()["error"]["message"].as_str().unwrap().to_owned();
        assert_eq!(words(&hidden).replace("113.2", "113.9"), words(&absent));
    }
    assert_eq!(world.get("/api/ips/203.0.113.2/machines/$count").await.text(), "1", "whoever reaches all");
}

#[tokio::test]
async fn an_investigation_is_an_action_that_grants_and_roles_bound() {
    let (world, _sensor) = crate::actions::world().await;
    let body = r#"{"Comment":"c"}"#;
    let start = async |token: &str, verb: &str| {
        let path = format!("/api/machines/{PC}/{verb}");
        world.send("POST", &path, Some(token), body).await.status.as_u16()
    };
    let scope = |action: &str| GrantScope { actions: vec![action.to_owned()], ..GrantScope::default() };
    let (_, isolates) = world.bounded_app(&scope("Isolate")).await;
    let (_, investigates) = world.bounded_app(&scope("StartInvestigation")).await;
    let (user, analyst) = world.user("ada@contoso.example", false).await;
    world.give_role(user, &[InvestigateAlerts], "pc0").await;
    for verb in ["startInvestigation", "InitiateInvestigation"] {
        assert_eq!(start(&isolates, verb).await, 403, "{verb}");
        assert_eq!(start(&analyst, verb).await, 403, "{verb}: an investigation remediates");
    }
    // Both roles are for the same device.
    let (user, other) = world.user("bob@contoso.example", false).await;
    world.give_role(user, &[InvestigateAlerts], "pc0").await;
    world.give_role(user, &[RemediateDevices], "pc1").await;
    assert_eq!(start(&other, "startInvestigation").await, 404);
    let (user, both) = world.user("eve@contoso.example", false).await;
    world.give_role(user, &[InvestigateAlerts, RemediateDevices], "pc0").await;
    assert_eq!(start(&both, "startInvestigation").await, 404, "pc0 is of the first group by rank");
    assert_eq!(start(&investigates, "startInvestigation").await, 201);
}

#[tokio::test]
async fn an_investigation_that_needs_two_people_waits_for_the_second() {
    let (world, mut sensor) = crate::actions::world().await;
    let all = world.all().await;
    let policy = r#"{"investigationsNeedApproval":true}"#;
    let set = world.send("PUT", "/api/machineactions/policy", Some(&all), policy).await.ok();
    assert_eq!(set["investigationsNeedApproval"], true, "{set}");
    let start = async || {
        let path = format!("/api/machines/{PC}/startInvestigation");
        let started = world.post(&path, r#"{"Comment":"c"}"#).await;
        assert_eq!(started.status, 201, "{}", started.text());
        format!("/api/investigations/{}", started.json()["id"].as_str().unwrap())
    };
    let second = world.token(world.one, &[Permission::ActionApprove, Permission::AlertRead]).await;
    let decide =
        async |path: &str, token: &str| world.send("POST", path, Some(token), r#"{"Comment":"fine"}"#).await;
    let path = start().await;
    assert!(sensor.work(&world, Outcome::succeeded("")).await.is_empty(), "it waits");
    let own = decide(&format!("{path}/approve"), &all).await;
    assert_eq!(own.error(), (403, "Forbidden".to_owned()), "not by who asked");
    let scope = GrantScope { actions: vec!["Isolate".to_owned()], ..GrantScope::default() };
    let (_, bounded) = world.bounded_app(&scope).await;
    assert_eq!(decide(&format!("{path}/approve"), &bounded).await.error(), (403, "Forbidden".to_owned()));
    decide(&format!("{path}/approve"), &second).await.ok();
    assert_eq!(sensor.work(&world, Outcome::succeeded("")).await.len(), 1);
    let again = decide(&format!("{path}/reject"), &second).await;
    assert_eq!(again.error(), (400, "InvalidInput".to_owned()));

    let path = start().await;
    let rejected = decide(&format!("{path}/reject"), &second).await.ok();
    assert_eq!(
        (&rejected["cancelledBy"], &rejected["statusDetails"]),
        (&json!("analyst app"), &json!("fine"))
    );
    assert!(sensor.work(&world, Outcome::succeeded("")).await.is_empty());
    assert_eq!(decide("/api/investigations/99/approve", &second).await.error().0, 404);
}

#[tokio::test]
async fn a_grant_that_is_bounded_to_actions_approves_those_alone() {
    let (world, _sensor) = crate::actions::world().await;
    let all = world.all().await;
    let policy = r#"{"approval":["isolate"]}"#;
    world.send("PUT", "/api/machineactions/policy", Some(&all), policy).await.ok();
    let asked = world.post(&format!("/api/machines/{PC}/isolate"), r#"{"Comment":"c"}"#).await.json();
    let path = format!("/api/machineactions/{}", asked["id"].as_str().unwrap());
    let scope = |action: &str| GrantScope { actions: vec![action.to_owned()], ..GrantScope::default() };
    let (_, scans) = world.bounded_app(&scope("RunAntiVirusScan")).await;
    let (_, isolates) = world.bounded_app(&scope("Isolate")).await;
    let body = r#"{"Comment":"fine"}"#;
    for verb in ["approve", "reject"] {
        let refused = world.send("POST", &format!("{path}/{verb}"), Some(&scans), body).await;
        assert_eq!(refused.error(), (403, "Forbidden".to_owned()), "{verb}");
    }
    world.send("POST", &format!("{path}/approve"), Some(&isolates), body).await.ok();
}

#[tokio::test]
async fn every_hunting_query_is_written_down_or_not_answered() {
    let world = World::start().await;
    world.get("/api/advancedqueries?key=print%201").await.ok();
    world.post("/api/hunting/stream", r#"{"Query":"print 2"}"#).await;
    let log = world.audit_log().await;
    let queries: Vec<&str> = log.iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert!(queries.contains(&"GET /api/advancedqueries"), "{queries:?}");
    assert!(queries.contains(&"POST /api/hunting/stream"), "{queries:?}");
    // Somebody writes and does not end: what is read still is.
    let device = DeviceId::from_name(world.one, PC);
    let writing = world.store.tenant(world.one).begin_actions(&device).await.unwrap();
    let refused = world.post("/api/advancedqueries/run", r#"{"Query":"print 3"}"#).await;
    assert_eq!(refused.error(), (503, "ServiceUnavailable".to_owned()));
    drop(writing);
    world.hunt("print 4").await;
}

#[tokio::test]
async fn an_app_of_a_partner_is_listed_bounded_and_shut_out() {
    let world = World::start().await;
    world.add_machines(2).await;
    let (app, secret) =
        world.issuer.register_app(world.two, "partner", &[Permission::MachineRead]).await.unwrap();
    let how = AppSignIn { is_multi_tenant: true, ..AppSignIn::default() };
    world.issuer.set_sign_in(world.two, app, &[], how).await.unwrap();
    let let_in = PartnerApp {
        app,
        home: world.two,
        permissions: vec!["Machine.Read.All".into()],
        granted_by: "admin".into(),
        granted: model::Clock::now(&*world.clock),
    };
    world.store.tenant(world.one).put_partner_app(&let_in).await.unwrap();
    let token = world.app_token(&world.issuer, app, secret.expose(), RESOURCE).await;
    let machines = async || {
        let reply = world.send("GET", "/api/machines", Some(&token), "").await;
        let count = reply.json()["value"].as_array().map(Vec::len);
        (reply.status.as_u16(), count)
    };
    assert_eq!(machines().await, (200, Some(2)));
    let listed = world.get("/api/management/partnerApps").await.ok();
    let shown = &listed["value"][0];
    assert_eq!(
        (&shown["displayName"], &shown["publisher"], &shown["isOpen"], &shown["consent"]["isOutdated"]),
        (&json!("partner"), &json!("Fabrikam"), &json!(true), &json!(false))
    );
    assert_eq!(
        world.get("/api/management/apps").await.ok()["value"].to_string().find(&app.to_string()),
        None
    );
    let device_group = world.device_group("One", "pc0", &[]).await;
    let path = format!("/api/management/apps/{app}/scope");
    let bounds = json!({ "deviceGroups": [device_group] });
    let all = world.all().await;
    let bounded = world.send("PUT", &path, Some(&all), bounds.to_string()).await.ok();
    assert_eq!(bounded["scope"]["deviceGroups"], json!([device_group]), "{bounded}");
    assert_eq!(machines().await, (200, Some(1)));
    // Of another tenant it is none of theirs.
    let path = format!("/api/management/partnerApps/{app}");
    let stranger = world.token(world.two, &all_permissions()).await;
    for method in ["GET", "DELETE"] {
        let reply = world.send(method, &path, Some(&stranger), "").await;
        assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()), "{method}");
    }
    world.send("DELETE", &path, Some(&all), "").await.ok();
    assert_eq!(machines().await, (401, None));
    assert_eq!(world.get(&path).await.error(), (404, "ResourceNotFound".to_owned()));
}

#[tokio::test]
async fn a_stream_of_changes_ends_when_one_of_its_kinds_is_taken_back() {
    let world = World::start().await;
    let permissions = [Permission::ChangeRead, Permission::AlertRead];
    let (app, secret) = world.issuer.register_app(world.one, "follower", &permissions).await.unwrap();
    world.issuer.consent(world.one, app, "admin").await.unwrap();
    let token = world.app_token(&world.issuer, app, secret.expose(), RESOURCE).await;
    let follow = async || {
        let request = Request::get("/api/changes/stream").header(AUTHORIZATION, format!("Bearer {token}"));
        let response = world.service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        response.into_body()
    };
    let body = follow().await;
    world.issuer.set_manifest(world.one, app, &[Permission::ChangeRead]).await.unwrap();
    world.issuer.consent(world.one, app, "admin").await.unwrap();
    world.issuer.forget(world.one);
    let ended = tokio::time::timeout(Duration::from_secs(15), to_bytes(body, usize::MAX)).await;
    assert!(ended.is_ok(), "it goes on");
    // A token that runs out ends what it began.
    let body = follow().await;
    world.clock.advance(3_600);
    let ended = tokio::time::timeout(Duration::from_secs(15), to_bytes(body, usize::MAX)).await;
    assert!(ended.is_ok(), "it goes on");
}

#[tokio::test]
async fn a_key_of_a_user_is_another_in_another_app() {
    let world = World::start().await;
    world.add_alerts(1).await;
    let delegated = [Permission::AlertReadWrite];
    let (_, _, one) = world.user_by_app("ada@contoso.example", true, &delegated).await;
    let (_, other) = world.portal("ada@contoso.example", &delegated).await;
    let send = async |token: &str| {
        let request = Request::patch("/api/alerts/da0_1").header(AUTHORIZATION, format!("Bearer {token}"));
        let request = request.header("idempotency-key", "k").header("content-type", "application/json");
        let reply = world.request(request.body(Body::from(r#"{"status":"Resolved"}"#)).unwrap()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.header("idempotency-replayed").to_owned()
    };
    assert_eq!(send(&one).await, "");
    assert_eq!(send(&one).await, "true");
    assert_eq!(send(&other).await, "");
}
