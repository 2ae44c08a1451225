//! Every declared route against every kind of caller.

use api::{Access, Dialect, RouteDeclaration, Routes};
use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use identity::{Issuer, IssuerConfig, SealingKey};
use model::access::GrantScope;
use model::lake::{LegalHold, Policies};
use model::role::{self, ROLE_PERMISSIONS, RolePermission};
use model::{Clock, DeviceId, Permission, Ticks};
use serde_json::json;
use store::{PartnerApp, SignIn, UserGroup};
use uuid::Uuid;

use crate::world::{BASE, RESOURCE, ROW, Reply, World, all_permissions};

async fn call(world: &World, route: &RouteDeclaration, token: Option<&str>) -> Reply {
    call_as(world, route, token.map(|token| format!("Bearer {token}")).as_deref()).await
}

async fn call_as(world: &World, route: &RouteDeclaration, authorization: Option<&str>) -> Reply {
    call_at(world, route, &Targets::none(), authorization).await
}

/// What management is about: one of each, in the first tenant.
#[derive(Clone, Debug, Default)]
struct Targets {
    user: Uuid,
    user_group: Uuid,
    role: String,
    device_group: i64,
    app: Uuid,
    partner: Uuid,
    secret: Uuid,
    session: Uuid,
    key: String,
    certificate: String,
}

impl Targets {
    /// Ids of nothing.
    fn none() -> Targets {
        let [user, user_group, app, secret, session] = [901, 902, 903, 904, 905].map(Uuid::from_u128);
        let (role, key) = (Uuid::from_u128(906).to_string(), "none".to_owned());
        let certificate = "00".to_owned();
        let partner = Uuid::from_u128(908);
        Targets { user, user_group, role, device_group: 907, app, partner, secret, session, key, certificate }
    }

    async fn new(world: &World) -> Targets {
        let store = world.store.tenant(world.one);
        let id = Uuid::new_v4();
        let user = store::User {
            id,
            principal_name: format!("{id}@contoso.example"),
            display_name: "Ada".into(),
            password_hash: String::new(),
            is_administrator: false,
            is_disabled: false,
            tokens_from: Ticks(0),
            created: world.clock.now(),
        };
        store.create_user(&user).await.unwrap();
        let group = UserGroup { id, name: id.to_string(), description: String::new() };
        store.create_user_group(&group).await.unwrap();
        let role = store::Role {
            id: id.to_string(),
            name: id.to_string(),
            description: String::new(),
            permissions: Vec::new(),
        };
        store.create_role(&role).await.unwrap();
        // Ids of groups count up in each tenant: the second is one that a stranger who makes a group has not.
        world.device_group(&format!("{id} first"), "none", &[]).await;
        let device_group = world.device_group(&id.to_string(), "none", &[]).await;
        let (app, _) = world.issuer.register_app(world.one, "target", &[]).await.unwrap();
        let secret = store.app_secrets(app).await.unwrap()[0].id;
        store.add_redirect_uri(app, REDIRECT).await.unwrap();
        let session = SignIn {
            tenant: world.one,
            id,
            user: id,
            app: Some(app),
            resource: String::new(),
            scope: String::new(),
            methods: Vec::new(),
            authenticated: world.clock.now(),
            created: world.clock.now(),
            last_used: world.clock.now(),
            expires: world.clock.now().plus_seconds(1_000_000),
            ended: None,
        };
        store.add_sign_in(&session, None, None).await.unwrap();
        let key = world.issuer.signing_keys().await.unwrap().remove(0).kid;
        let certificate = world.issuer.add_certificate(world.one, app, CERTIFICATE).await.unwrap().sha256;
        let (user, user_group, role, app) = (id, id, id.to_string(), app.0);
        let (partner, _) = world.issuer.register_app(world.two, "partner", &[]).await.unwrap();
        let let_in = PartnerApp {
            app: partner,
            home: world.two,
            permissions: Vec::new(),
            granted_by: "admin".into(),
            granted: world.clock.now(),
        };
        store.put_partner_app(&let_in).await.unwrap();
        let partner = partner.0;
        Targets { user, user_group, role, device_group, app, partner, secret, session: id, key, certificate }
    }

    fn id(&self, path: &str) -> String {
        let words = |word: &str| path.starts_with(&format!("/api/management/{word}/"));
        match path {
            _ if words("users") => self.user.to_string(),
            _ if words("userGroups") => self.user_group.to_string(),
            _ if words("roles") => self.role.clone(),
            _ if words("deviceGroups") => self.device_group.to_string(),
            _ if words("apps") => self.app.to_string(),
            _ if words("partnerApps") => self.partner.to_string(),
            _ if words("sessions") => self.session.to_string(),
            _ => self.key.clone(),
        }
    }

    fn body(&self, method: &str, path: &str) -> String {
        let name = Uuid::new_v4().to_string();
        let rule = json!([{ "property": "tag", "operator": "equals", "values": ["none"] }]);
        let body = match (method, path.trim_start_matches("/api/management/")) {
            ("POST", "users") => json!({ "userPrincipalName": name }),
            ("PATCH", "users/{id}") => json!({ "displayName": name }),
            ("POST", "userGroups" | "roles") => json!({ "name": name }),
            ("PATCH", "userGroups/{id}" | "roles/{id}") => json!({ "name": name }),
            (_, "userGroups/{id}/addMembers" | "userGroups/{id}/removeMembers") => {
                json!({ "users": [self.user] })
            }
            (_, "roles/{id}/assign" | "roles/{id}/unassign") => json!({ "userGroups": [self.user_group] }),
            ("POST", "deviceGroups") => json!({ "name": name, "rule": rule }),
            ("PATCH", "deviceGroups/{id}") => json!({ "name": name, "rank": 7 }),
            ("POST", "apps") => json!({ "displayName": name, "permissions": ["Alert.Read.All"] }),
            ("PATCH", "apps/{id}") => json!({ "displayName": name, "permissions": ["Alert.Read.All"] }),
            (_, "apps/{id}/removeSecret") => json!({ "id": self.secret }),
            (_, "apps/{id}/addRedirectUri" | "apps/{id}/removeRedirectUri") => json!({ "uri": REDIRECT }),
            (_, "apps/{id}/addCertificate") => {
                json!({ "certificate": String::from_utf8_lossy(OTHER_CERTIFICATE) })
            }
            (_, "apps/{id}/removeCertificate") => json!({ "sha256": self.certificate }),
            (_, "apps/{id}/scope") => json!({ "deviceGroups": [self.device_group] }),
            _ => json!({}),
        };
        body.to_string()
    }
}

const REDIRECT: &str = "https://app.example/back";
/// Of keys that nobody has.
const CERTIFICATE: &[u8] = include_bytes!("app.pem");
const OTHER_CERTIFICATE: &[u8] = include_bytes!("other_app.pem");

async fn call_at(
    world: &World,
    route: &RouteDeclaration,
    targets: &Targets,
    authorization: Option<&str>,
) -> Reply {
    let machine = DeviceId::from_name(world.one, "pc0.contoso.example");
    let id = match route.path {
        path if path.starts_with("/api/machineactions/") || path.starts_with("/api/investigations/") => {
            UNKNOWN.to_owned()
        }
        path if path.starts_with("/api/machines") => machine.to_string(),
        path if path.starts_with("/api/management/") => targets.id(path),
        path if path.starts_with("/api/files") => "0123456789abcdef0123456789abcdef01234567".to_owned(),
        path if path.contains("/incidents") || path.contains("/indicators") => "1".to_owned(),
        _ => "da0_1".to_owned(),
    };
    let path = route.path.replace("{id}", &id).replace("{table}", "DeviceEvents");
    let path = path.replace("{ip}", "203.0.113.9").replace("{domain}", "fabrikam.example");
    let path = path.replace("findbyip()", "findbyip(ip='10.0.0.5',timestamp=2024-05-06T07:00:00Z)");
    let path = path.replace("find()", "find(timestamp=2024-05-06T07:00:00Z,key='10.0.0.5')");
    let path = path.replace("findbytag", "findbytag?tag=vip");
    let path = match path.as_str() {
        "/api/advancedqueries" => format!("{path}?key=DeviceEvents%20%7C%20count"),
        _ => path,
    };
    let device = DeviceId::from_name(world.one, "pc1.contoso.example");
    let path = path.replace("()", "(index=0)").replace("{fileName}", "none.txt");
    let path = path.replace("functions/{name}", "functions/Recent");
    let path = path.replace("{index}", "logs").replace("{name}", "case").replace("{device}", device.as_str());
    let body = match route.path {
        path if path.starts_with("/api/management/") => targets.body(route.method.as_str(), path),
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
        path if takes_action(path) => r#"{"Comment":"x","ScanType":"Quick","Sha1":"x"}"#.to_owned(),
        "/api/lake/retention/{table}" => r#"{"days":30}"#.to_owned(),
        "/api/lake/holds/{name}" => r#"{"reason":"a court asked"}"#.to_owned(),
        "/api/alerts/{id}" if route.method == "PATCH" => r#"{"status":"Resolved"}"#.to_owned(),
        "/api/alerts/batchUpdate" => r#"{"alertIds":["da0_1"],"status":"Resolved"}"#.to_owned(),
        path if path.starts_with("/api/machines/addOrRemove") => {
            serde_json::json!({ "Value": "vip", "Action": "Add", "MachineIds": [machine] }).to_string()
        }
        _ => route.takes.unwrap_or_default().to_owned(),
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
    let by_token = |route: &&RouteDeclaration| !matches!(route.access, Access::Open | Access::Device);
    routes.declared().iter().filter(by_token).cloned().collect()
}

/// The id of nothing.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// Whether a route is about actions, the library, the device channel or streaming. What these answer to who may use them is told
/// by tests of their own.
fn takes_action(path: &str) -> bool {
    let words = ["machineactions", "libraryfiles", "devicechannel", "investigations", "dataexportsettings"];
    let is_verb = path.starts_with("/api/machines/{id}/") && !path.contains("alerts");
    is_verb || words.iter().any(|word| path.starts_with(&format!("/api/{word}")))
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
    // The tenant always has an administrator who can sign in.
    world.user("admin@contoso.example", true).await;
    world
}

#[tokio::test]
async fn refuses_whoever_is_not_known_and_changes_nothing() {
    let world = world().await;
    let expired = world.all().await;
    let before = state(&world).await;
    let strange = strange_tokens(&world).await;
    world.clock.advance(14_400);
    world.forget_tokens().await;
    let early = world.all().await;
    world.clock.advance(-7_200);
    world.forget_tokens().await;
    let valid = world.all().await;
    let forged = format!("{}x", &valid[..valid.len() - 4]);
    let mut tokens = vec![None, Some("garbage"), Some("a.b.c")];
    tokens.extend([&expired, &early, &forged].map(|token| Some(token.as_str())));
    tokens.extend(strange.iter().map(|token| Some(token.as_str())));
    for route in guarded() {
        for token in tokens.iter().copied() {
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

/// Tokens that the server's own key signed, of another issuer and for another audience.
async fn strange_tokens(world: &World) -> Vec<String> {
    let (app, secret) = world.issuer.register_app(world.one, "app", &all_permissions()).await.unwrap();
    world.issuer.consent(world.one, app, "admin").await.unwrap();
    let (elsewhere, mut other) = ("https://elsewhere.example", IssuerConfig::new(BASE));
    other.audiences.push(elsewhere.to_owned());
    let mut tokens = Vec::new();
    for (config, resource) in [(IssuerConfig::new(elsewhere), RESOURCE), (other, elsewhere)] {
        let sealing = SealingKey::new([7; 32]);
        let issuer = Issuer::open(world.store.clone(), sealing, config, world.clock.clone());
        let issuer = issuer.await.unwrap();
        // Of the time at which it is shown.
        world.clock.advance(7_200);
        tokens.push(world.app_token(&issuer, app, secret.expose(), resource).await);
        world.clock.advance(-7_200);
    }
    tokens
}

#[tokio::test]
async fn refuses_whoever_may_not_and_changes_nothing() {
    let world = world().await;
    let targets = Targets::new(&world).await;
    let before = state(&world).await;
    for route in guarded() {
        let needed = match route.access {
            Access::Needs(needed) => vec![needed],
            Access::NeedsOneOf(needed) => needed.to_vec(),
            _ => continue,
        };
        let mut others = all_permissions();
        others.retain(|held| !needed.iter().any(|needed| held.allows(*needed)));
        let needed = needed[0];
        for held in [Vec::new(), others] {
            let token = world.token(world.one, &held).await;
            let reply = call_at(&world, &route, &targets, Some(&format!("Bearer {token}"))).await;
            check_refused(&route, &reply, (403, "Forbidden"), (403, 1, "Token disabled"));
            assert!(reply.text().contains(needed.application_name()), "{}", reply.text());
        }
    }
    assert_eq!(state(&world).await, before);
}

#[tokio::test]
async fn a_user_without_a_role_may_do_nothing_and_changes_nothing() {
    let world = world().await;
    let targets = Targets::new(&world).await;
    let (_, token) = world.user("nobody@contoso.example", false).await;
    let before = state(&world).await;
    for route in guarded() {
        let reply = call_at(&world, &route, &targets, Some(&format!("Bearer {token}"))).await;
        match route.access {
            Access::Needs(_) | Access::NeedsOneOf(_) => {
                check_refused(&route, &reply, (403, "Forbidden"), (403, 1, "Token disabled"));
            }
            _ => assert_eq!(reply.status, 200, "{}", route.path),
        }
    }
    assert_eq!(state(&world).await, before);
}

/// A user whose role holds everything, for a device group that has no device of those there are; and the group.
async fn user_elsewhere(world: &World) -> (String, i64) {
    let (user, token) = world.user("elsewhere@contoso.example", false).await;
    let store = world.store.tenant(world.one);
    let group =
        |name: &str| UserGroup { id: Uuid::new_v4(), name: name.to_owned(), description: String::new() };
    let (here, elsewhere) = (group("here"), group("elsewhere"));
    store.create_user_group(&here).await.unwrap();
    store.create_user_group(&elsewhere).await.unwrap();
    store.add_members(elsewhere.id, &[user]).await.unwrap();
    let permissions = ROLE_PERMISSIONS.iter().map(|declared| declared.permission);
    let permissions = permissions.filter(|held| *held != RolePermission::Administer).collect();
    let (id, name) = ("all".to_owned(), "all".to_owned());
    store.create_role(&store::Role { id, name, description: String::new(), permissions }).await.unwrap();
    store.assign_role("all", &[elsewhere.id]).await.unwrap();
    store.set_unassigned_access(&[here.id]).await.unwrap();
    let device_group = world.device_group("Elsewhere", "pc9", &[elsewhere.id]).await;
    world.issuer.forget(world.one);
    (token, device_group)
}

/// Paths of one machine or alert, whose answer is told apart from that of one which does not exist by nothing.
const OF_ONE: &[&str] = &[
    "/api/alerts/{id}",
    "/api/machines/{id}",
    "/api/machines/{id}/alerts",
    "/api/machines/{id}/alerts/$count",
];

/// That what is out of reach is answered as what does not exist.
async fn check_unreachable(world: &World, route: &RouteDeclaration, token: &str) {
    let reply = call(world, route, Some(token)).await;
    let seen = format!("{} {} {}", route.method, route.path, reply.text());
    let machine = DeviceId::from_name(world.one, "pc0.contoso.example").to_string();
    match route.path {
        path if OF_ONE.contains(&path) => {
            assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()), "{seen}");
            let is_of_machine = path.contains("machines");
            let absent = DeviceId::from_name(world.one, "absent").to_string();
            let (hidden, absent) =
                if is_of_machine { (machine.as_str(), absent.as_str()) } else { ("da0_1", "da9_9") };
            let body = match route.method.as_str() {
                "PATCH" if is_of_machine => r#"{"deviceValue":"High"}"#,
                "PATCH" => r#"{"status":"Resolved"}"#,
                _ => "",
            };
            let path = path.replace("{id}", absent);
            let other = world.send(route.method.as_str(), &path, Some(token), body).await;
            let words = |reply: &Reply, id: &str| {
                reply.json()["error"]["message"].as_str().unwrap().replace(id, "it")
            };
            assert_eq!(other.status, reply.status, "{seen}");
            assert_eq!(words(&reply, hidden), words(&other, absent), "{seen}");
        }
        "/api/alerts" | "/api/machines" => assert_eq!(reply.ok()["value"], json!([]), "{seen}"),
        "/api/alerts/$count" | "/api/machines/$count" => assert_eq!(reply.text(), "0", "{seen}"),
        "/api/advancedqueries" | "/api/advancedqueries/run" | "/api/advancedhunting/run" => {
            assert_eq!(reply.ok()["Results"][0]["Count"], 0, "{seen}");
        }
        _ => {
            assert!(reply.status.as_u16() < 500, "{seen}");
            // A refusal can repeat the id that was asked for.
            let tells = ["pc0.contoso.example", "da0_1", &machine].iter().any(|of| reply.text().contains(of));
            assert!(!reply.status.is_success() || !tells, "{seen}");
        }
    }
}

#[tokio::test]
async fn a_user_outside_the_device_group_sees_and_changes_nothing_of_it() {
    let world = world().await;
    let (token, _) = user_elsewhere(&world).await;
    let before = state(&world).await;
    for route in guarded().into_iter().filter(|route| !is_endless(route)) {
        match route.access {
            Access::Needs(needed) if needed.declaration().delegated.is_none() => {
                let reply = call(&world, &route, Some(&token)).await;
                check_refused(&route, &reply, (403, "Forbidden"), (403, 1, "Token disabled"));
            }
            // What is of the whole tenant is in no device group: the role decides.
            Access::Needs(needed) if role::is_tenant_wide(needed) => {}
            _ => check_unreachable(&world, &route, &token).await,
        }
    }
    assert_eq!(state(&world).await, before);
}

#[tokio::test]
async fn an_app_that_is_bounded_to_another_device_group_sees_and_changes_nothing_of_it() {
    let world = world().await;
    let (_, device_group) = user_elsewhere(&world).await;
    let scope = GrantScope { device_groups: vec![device_group], ..GrantScope::default() };
    let (_, token) = world.bounded_app(&scope).await;
    let before = state(&world).await;
    for route in guarded().into_iter().filter(|route| !is_endless(route)) {
        match route.access {
            Access::Needs(needed) if role::is_tenant_wide(needed) => {
                let reply = call(&world, &route, Some(&token)).await;
                check_refused(&route, &reply, (403, "Forbidden"), (403, 1, "Token disabled"));
            }
            _ => check_unreachable(&world, &route, &token).await,
        }
    }
    assert_eq!(state(&world).await, before);
}

#[tokio::test]
async fn a_grant_stays_inside_its_networks_and_hours() {
    let world = world().await;
    let hours = r#"{"hours":[{"from":"00:00","to":"07:59"}]}"#;
    let networks = r#"{"networks":["10.0.0.0/8"]}"#;
    for scope in [hours, networks] {
        let (app, token) = world.bounded_app(&serde_json::from_str(scope).unwrap()).await;
        for route in guarded().iter().filter(|route| matches!(route.access, Access::Needs(_))) {
            let reply = call(&world, route, Some(&token)).await;
            check_refused(route, &reply, (403, "Forbidden"), (403, 1, "Token disabled"));
        }
        world.store.tenant(world.one).put_grant_scope(app, &GrantScope::default()).await.unwrap();
        world.issuer.forget(world.one);
        let reply = world.send("GET", "/api/machines", Some(&token), "").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

#[tokio::test]
async fn what_is_taken_back_is_noticed_within_a_minute() {
    let world = world().await;
    let store = world.store.tenant(world.one);
    let (app, token) = world.bounded_app(&GrantScope::default()).await;
    let (user, of_user) = world.user("ada@contoso.example", true).await;
    let status =
        async |token: &str| world.send("GET", "/api/machines", Some(token), "").await.status.as_u16();
    assert_eq!((status(&token).await, status(&of_user).await), (200, 200));
    store.remove_grant(app).await.unwrap();
    let change = store::UserChange { is_disabled: Some(true), ..Default::default() };
    store.change_user(user, &change).await.unwrap();
    world.clock.advance(60);
    assert_eq!((status(&token).await, status(&of_user).await), (403, 401));
    // Through the API it is noticed at once.
    let change = store::UserChange { is_disabled: Some(false), ..Default::default() };
    store.change_user(user, &change).await.unwrap();
    world.clock.advance(60);
    assert_eq!(status(&of_user).await, 200);
    let path = format!("/api/management/users/{user}/revokeSessions");
    assert_eq!(world.post(&path, "{}").await.ok()["sessionsEnded"], 1);
    assert_eq!(status(&of_user).await, 401);
    let (app, token) = world.bounded_app(&GrantScope::default()).await;
    assert_eq!(status(&token).await, 200);
    world.post(&format!("/api/management/apps/{app}/revoke"), "{}").await.ok();
    assert_eq!(status(&token).await, 403);
    world.send("DELETE", &format!("/api/management/apps/{app}"), Some(&world.all().await), "").await.ok();
    assert_eq!(status(&token).await, 401);
}

#[tokio::test]
async fn what_changes_something_is_in_the_audit_log_before_and_after() {
    let world = world().await;
    world.patch("/api/alerts/da0_1", r#"{"status":"Resolved"}"#).await.ok();
    let reader = world.token(world.one, &[Permission::AlertRead]).await;
    world.send("PATCH", "/api/alerts/da0_1", Some(&reader), r#"{"status":"New"}"#).await;
    world.patch("/api/alerts/da9_9", r#"{"status":"New"}"#).await;
    world.hunt("print 1").await;
    world.get("/api/alerts").await.ok();
    let log = world.get("/api/management/auditLog").await.ok();
    let mut verifier = model::audit::Verifier::default();
    let mut entries = Vec::new();
    for record in log["value"].as_array().unwrap() {
        let record: model::audit::AuditRecord = serde_json::from_value(record.clone()).unwrap();
        verifier.check(&record).unwrap();
        let entry: serde_json::Value = serde_json::from_str(&record.entry).unwrap();
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        entries.push(format!(
            "{} {} {} {}",
            text("action"),
            text("object"),
            text("verdict"),
            entry["status"]
        ));
    }
    let expected = [
        "PATCH /api/alerts/{id} da0_1 allowed null",
        "PATCH /api/alerts/{id} da0_1 done 200",
        "PATCH /api/alerts/{id} da0_1 denied 403",
        "PATCH /api/alerts/{id} da9_9 allowed null",
        "PATCH /api/alerts/{id} da9_9 failed 404",
        "POST /api/advancedqueries/run  done 200",
    ];
    // The first ones are of how the world was made.
    assert_eq!(entries[entries.len() - expected.len()..], expected);
    let again = world.get(&format!("/api/management/auditLog?after={}", verifier.records() - 1)).await.ok();
    assert_eq!(again["value"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn allows_whoever_has_the_permission() {
    let world = world().await;
    for route in guarded().iter().filter(|route| !is_endless(route)) {
        let mut held = match route.access {
            Access::Needs(needed) => vec![needed],
            Access::NeedsOneOf(needed) => needed.to_vec(),
            _ => Vec::new(),
        };
        if route.path == "/api/webhooks" {
            // A webhook takes what it takes to read its kinds, too.
            held = all_permissions();
        }
        let token = world.token(world.one, &held).await;
        let is_managing = route.path.starts_with("/api/management/");
        let targets = if is_managing { Targets::new(&world).await } else { Targets::none() };
        let reply = call_at(&world, route, &targets, Some(&format!("Bearer {token}"))).await;
        let seen = format!("{} {}: {}", route.method, route.path, reply.text());
        match reply.status.as_u16() {
            status if takes_action(route.path) => assert!(!matches!(status, 401 | 403 | 500..), "{seen}"),
            404 => {
                assert_eq!(reply.error().1, "ResourceNotFound", "{seen}");
                assert!(may_be_missing(route.path), "{seen}");
            }
            status => assert!(matches!(status, 200 | 201 | 202 | 204), "{seen}"),
        }
        if route.path.starts_with("/api/management/keys") {
            world.forget_tokens().await;
        }
    }
}

/// Its answer goes on for ever.
fn is_endless(route: &RouteDeclaration) -> bool {
    route.path.ends_with("/stream")
}

/// What it is about is not in the world of these tests.
fn may_be_missing(path: &str) -> bool {
    let kinds = [
        "/api/files/",
        "/api/ips/",
        "/api/domains/",
        "/api/users/",
        "/api/indicators/",
        "/api/hunting/functions/",
        "/api/indicatorlists/",
        "/api/webhooks/",
        "/taxii2/",
    ];
    kinds.iter().any(|kind| path.starts_with(kind))
        || path.ends_with("/user")
        || path.ends_with("/find()")
        || path.ends_with("ByReference")
}

#[tokio::test]
async fn a_token_of_another_tenant_sees_and_changes_nothing() {
    let world = world().await;
    let targets = Targets::new(&world).await;
    let before = state(&world).await;
    let stranger = world.token(world.two, &all_permissions()).await;
    for route in guarded().iter().filter(|route| !is_endless(route)) {
        let reply = call_at(&world, route, &targets, Some(&format!("Bearer {stranger}"))).await;
        match route.path {
            path if ["/api/management/keys", "/api/management/commandKeys"]
                .iter()
                .any(|of| path.starts_with(of)) =>
            {
                assert_eq!(reply.error(), (403, "DisallowedOperation".to_owned()), "{path}");
            }
            path if may_be_missing(path) => {
                assert!(matches!(reply.status.as_u16(), 200 | 202 | 204 | 404), "{path}: {}", reply.text());
                assert!(reply.status != 200 || !reply.text().contains("da0_1"), "{path}: {}", reply.text());
            }
            path if takes_action(path) => {
                assert!(!reply.text().contains("pc0.contoso.example"), "{path}: {}", reply.text());
                assert_ne!(reply.status, 500, "{path}");
            }
            path if path.ends_with("/batchUpdate")
                || path.contains("addOrRemove")
                || path.contains("{id}") =>
            {
                let seen = format!("{} {path}: {} {}", route.method, reply.status, reply.text());
                assert_eq!(reply.status, 404, "{seen}");
                assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()), "{seen}");
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
            // The stranger makes some of his own.
            "/api/webhooks" | "/api/indicatorlists" if route.method == "POST" => {
                assert_eq!(reply.status, 201, "{}", reply.text());
            }
            path if path.starts_with("/api/webhooks/") || path.starts_with("/api/indicatorlists/") => {
                assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()), "{path}");
            }
            // What the stranger tried is written down, by the names that he gave.
            "/api/management/auditLog" => assert!(!reply.text().contains("contoso"), "{}", reply.text()),
            path if route.method == "GET" && route.dialect == Dialect::Own => {
                assert_eq!(reply.status, 200, "{path}");
                assert!(!reply.text().contains("da0_1"), "{path}: {}", reply.text());
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

/// The first tenant's rows, alert, rules and holds, and how often the rows changed; users and all that gives access.
async fn state(world: &World) -> (i64, i64, String, Policies, String) {
    let mut alert = world.get("/api/alerts/da0_1").await.ok();
    alert["@odata.context"].take();
    let rows = world.row_count("DeviceEvents").await;
    let policies = world.store.tenant(world.one).lake_policies().await.unwrap();
    let sequence = world.lake.tenant(world.one).last_sequence();
    (sequence, rows, alert.to_string(), policies, access_state(world).await)
}

async fn access_state(world: &World) -> String {
    let store = world.store.tenant(world.one);
    let mut state = format!("{:?}", store.users_after("", 1_000).await.unwrap());
    for group in store.user_groups().await.unwrap() {
        state += &format!("{group:?} {:?}", store.members(group.id, 1_000).await.unwrap());
    }
    state += &format!("{:?}", store.roles().await.unwrap());
    state += &format!("{:?}", store.role_assignments().await.unwrap());
    state += &format!("{:?}", store.device_groups().await.unwrap());
    state += &format!("{:?}", store.unassigned_access().await.unwrap());
    let sessions = store.sign_ins(None, Ticks(0), 1_000).await.unwrap();
    state += &format!("{:?}", sessions.iter().map(|session| session.id).collect::<Vec<_>>());
    for app in store.apps().await.unwrap().iter().filter(|app| app.display_name == "target") {
        state += &format!("{app:?} {:?}", store.grant(app.id).await.unwrap());
        state += &format!("{:?}", store.grant_scope(app.id).await.unwrap());
        state += &format!("{:?}", store.app_sign_in(app.id).await.unwrap());
        state += &format!("{:?}", store.delegated_grants(app.id).await.unwrap());
        state += &format!("{:?}", store.redirect_uris(app.id).await.unwrap());
        state += &format!("{:?}", store.app_secrets(app.id).await.unwrap().len());
        state += &format!("{:?}", store.app_certificates(app.id).await.unwrap().len());
    }
    state += &format!("{:?}", store.partner_apps().await.unwrap());
    state += &format!("{:?}", world.issuer.signing_keys().await.unwrap());
    state
}
