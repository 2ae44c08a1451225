//! What answers and calls promise in small: links that can be followed, filters of the documentation, roles, limits of
//! what is looked at, calls whose client is gone.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use model::Permission::MachineIsolate;
use model::machine::Machine;
use sensor_proto::{Order, Outcome};
use serde_json::json;
use store::{RaisedAlert, UserGroup};
use tower::ServiceExt;
use uuid::Uuid;

use crate::actions::{PC, id, world};
use crate::world::{BASE, World};

#[tokio::test]
async fn a_call_that_its_client_gives_up_is_made_once_all_the_same() {
    let world = World::start().await;
    world.add_machines(1).await;
    world.add_alerts(1).await;
    let token = world.all().await;
    // The client hangs up after each number of steps of the call.
    for steps in 1..500 {
        let request = || {
            let request =
                Request::patch("/api/alerts/da0_1").header("authorization", format!("Bearer {token}"));
            let request = request.header("idempotency-key", format!("k{steps}"));
            request.body(Body::from(json!({ "comment": format!("{steps}") }).to_string())).unwrap()
        };
        let mut call = Box::pin(world.service.clone().oneshot(request()));
        let mut is_over = false;
        for _ in 0..steps {
            is_over = futures::poll!(&mut call).is_ready();
            if is_over {
                break;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        drop(call);
        let mut reply = world.request(request()).await;
        for _ in 0..100 {
            if reply.status != 409 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            reply = world.request(request()).await;
        }
        assert_eq!(reply.ok()["comments"].as_array().unwrap().len(), steps, "after {steps} steps");
        if is_over {
            return;
        }
    }
    panic!("the call was never over");
}

#[tokio::test]
async fn the_next_links_of_changes_can_be_followed_and_leave_nothing_out() {
    let (world, _sensor) = world().await;
    world.add_alerts(2).await;
    world.post(&format!("/api/machines/{PC}/startInvestigation"), r#"{"Comment":"c"}"#).await;
    world.post(&format!("/api/machines/{PC}/isolate"), r#"{"Comment":"c"}"#).await;
    for path in ["/api/changes?top=1", "/api/changes?top=1&kind=machineAction,investigation"] {
        let (mut path, mut kinds) = (path.to_owned(), Vec::new());
        loop {
            let page = world.get(&path).await.ok();
            for change in page["value"].as_array().unwrap() {
                assert!(!change["entity"].is_null(), "{change}");
                kinds.push(change["kind"].as_str().unwrap().to_owned());
            }
            let Some(next) = page["@odata.nextLink"].as_str() else { break };
            path = next.strip_prefix(BASE).unwrap().to_owned();
        }
        let is_all = !path.contains("kind=machineaction,investigation");
        assert_eq!(kinds.contains(&"alert".to_owned()), is_all, "{kinds:?}");
        for kind in ["machine action", "investigation"] {
            assert!(kinds.iter().any(|found| found == kind), "{path}: {kind} in {kinds:?}");
        }
    }
}

#[tokio::test]
async fn filters_of_the_documentation_are_understood() {
    let (world, _sensor) = world().await;
    world.post(&format!("/api/machines/{PC}/isolate"), r#"{"Comment":"c"}"#).await;
    for (path, count) in [
        ("/api/machines?$filter=rbacGroupId%20eq%20'0'", 2),
        ("/api/machines?$filter=rbacGroupId%20eq%20'12'", 0),
        ("/api/machineactions?$filter=lastUpdateTimeUtc%20ge%202024-01-01T00:00:00Z", 1),
        ("/api/machineactions?$filter=lastUpdateTimeUtc%20ge%202025-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(world.get(path).await.ok()["value"].as_array().unwrap().len(), count, "{path}");
    }
}

/// A user whose group has the role; and a token by which an app acts for him.
async fn user_with(world: &World, name: &str, role: &str) -> (Uuid, String) {
    let (user, token) = world.user(name, false).await;
    let store = world.store.tenant(world.one);
    let group = UserGroup { id: Uuid::new_v4(), name: name.to_owned(), description: String::new() };
    store.create_user_group(&group).await.unwrap();
    store.add_members(group.id, &[user]).await.unwrap();
    store.assign_role(role, &[group.id]).await.unwrap();
    world.issuer.forget(world.one);
    (group.id, token)
}

#[tokio::test]
async fn fetching_a_file_takes_the_basic_role_and_a_script_the_advanced_one() {
    let (world, _sensor) = world().await;
    let role = store::Role {
        id: "advanced".to_owned(),
        name: "Advanced".to_owned(),
        description: String::new(),
        permissions: vec![
            model::role::RolePermission::ViewData,
            model::role::RolePermission::LiveResponseAdvanced,
        ],
    };
    let store = world.store.tenant(world.one);
    store.create_role(&role).await.unwrap();
    let (one, basic) = user_with(&world, "basic@contoso.example", "analyst").await;
    let (two, advanced) = user_with(&world, "advanced@contoso.example", "advanced").await;
    store.set_unassigned_access(&[one, two]).await.unwrap();
    world.issuer.forget(world.one);
    let fetch = json!({ "Commands": [{ "type": "GetFile", "params": [{ "key": "Path", "value": "/a" }] }], "Comment": "c" });
    let script = json!({ "Commands": [{ "type": "RunScript", "params": [{ "key": "ScriptName", "value": "a.sh" }] }], "Comment": "c" });
    let mut form = String::new();
    for (name, value) in [("file", "echo"), ("Description", "d")] {
        let file = if name == "file" { "; filename=\"a.sh\"" } else { "" };
        form += &format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n");
    }
    form += "--x--\r\n";
    let upload = Request::post("/api/libraryfiles").header("content-type", "multipart/form-data; boundary=x");
    let upload = upload.header("authorization", format!("Bearer {}", world.all().await));
    assert!(world.request(upload.body(form.into()).unwrap()).await.status.is_success());

    let run = format!("/api/machines/{PC}/runliveresponse?dryRun=true");
    let bulk = "/api/machineactions/bulk?dryRun=true";
    for (token, body, status) in [(&basic, &fetch, 200), (&basic, &script, 403), (&advanced, &script, 200)] {
        let reply = world.send("POST", &run, Some(token), body.to_string()).await;
        assert_eq!(reply.status, status, "{}", reply.text());
        let mut of_many = body.clone();
        of_many["Type"] = "LiveResponse".into();
        of_many["MachineIds"] = json!([id(&world)]);
        let reply = world.send("POST", bulk, Some(token), of_many.to_string()).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
}

#[tokio::test]
async fn a_machine_that_does_not_run_windows_is_not_offboarded_by_a_job_either() {
    let (world, _sensor) = world().await;
    let linux = Machine { os_platform: "Linux".to_owned(), ..world.machine(PC) };
    world.store.tenant(world.one).commit_machines("test", 2, &[linux]).await.unwrap();
    let one = world.post(&format!("/api/machines/{PC}/offboard"), r#"{"Comment":"c"}"#).await;
    assert_eq!(one.error(), (400, "OsPlatformNotSupported".to_owned()));
    let body = json!({ "Type": "Offboard", "Comment": "c", "MachineIds": [id(&world)] }).to_string();
    let plan = world.post("/api/machineactions/bulk?dryRun=true", body.clone()).await.ok();
    assert_eq!(plan["accepted"], 0, "{plan}");
    let job = world.post("/api/machineactions/bulk", body).await.json();
    assert_eq!(job["counts"]["refused"], 1, "{job}");
}

#[tokio::test]
async fn a_job_does_not_outlive_the_consent_of_its_app() {
    let (world, _sensor) = world().await;
    let policy = |count: u64| actions::Policy { actions_per_hour: count, ..actions::Policy::default() };
    let of_tenant = world.state.actions.tenant(world.one);
    of_tenant.set_policy(&policy(0)).await.unwrap();
    let token = world.token(world.one, &[MachineIsolate, model::Permission::MachineRead]).await;
    let body = json!({ "Type": "Isolate", "Comment": "c", "MachineIds": [id(&world)] }).to_string();
    let start = async || {
        let job = world.send("POST", "/api/machineactions/bulk", Some(&token), body.clone()).await;
        assert_eq!(job.status, 201, "{}", job.text());
        format!("/api/machineactions/bulk/{}", job.json()["id"].as_str().unwrap())
    };
    let goes_on = start().await;
    of_tenant.set_policy(&policy(100)).await.unwrap();
    world.state.actions.tick().await.unwrap();
    assert_eq!(world.get(&goes_on).await.ok()["counts"]["open"], 1);

    of_tenant.set_policy(&policy(0)).await.unwrap();
    let ends = start().await;
    let store = world.store.tenant(world.one);
    for app in store.apps().await.unwrap() {
        store.remove_grant(app.id).await.unwrap();
    }
    world.issuer.forget(world.one);
    world.forget_tokens().await;
    of_tenant.set_policy(&policy(100)).await.unwrap();
    world.state.actions.tick().await.unwrap();
    let job = world.get(&ends).await.ok();
    assert_eq!((&job["counts"]["refused"], &job["counts"]["open"]), (&json!(1), &json!(0)), "{job}");
}

#[tokio::test]
async fn the_siem_pull_counts_what_is_asked_for_alone() {
    let world = World::start().await;
    let tagged = Machine { machine_tags: vec!["Servers".to_owned()], ..world.machine("pc0.contoso.example") };
    let store = world.store.tenant(world.one);
    store.commit_machines("test", 1, &[tagged, world.machine("pc1.contoso.example")]).await.unwrap();
    world.add_alerts(2).await;
    for at in 2..5 {
        let alert =
            model::alert::Alert { machine_id: world.machine("pc1.contoso.example").id, ..world.alert(at) };
        let raised = RaisedAlert { rule_id: alert.id.0.clone(), alert, report_id: None };
        store.commit_alerts("test", 1, &[raised], 0).await.unwrap();
    }
    let path = "/exporter/api/alerts?sinceTimeUtc=2024-05-06T06:00:00Z&limit=1";
    for (filter, ids, report) in [
        ("", vec!["da4_1"], json!(null)),
        ("&CloudCreatedMachineTags=servers", vec!["da1_1"], json!(4711)),
        ("&DeviceCreatedMachineTags=servers", vec!["da1_1"], json!(4711)),
        ("&machinegroups=none", vec![], json!(null)),
    ] {
        let pulled = world.get(&format!("{path}{filter}")).await.ok();
        let found: Vec<_> = pulled.as_array().unwrap().iter().map(|d| d["AlertId"].clone()).collect();
        assert_eq!(found, ids, "{filter}");
        assert_eq!(pulled.get(0).map_or(&json!(null), |d| &d["ReportID"]), &report, "{filter}");
    }
}

#[tokio::test]
async fn an_alert_by_reference_keeps_its_words_and_begins_an_investigation() {
    let (world, mut sensor) = world().await;
    let event = json!({
        "Timestamp": "2024-05-06T07:00:00.1234567Z", "DeviceName": PC, "ActionType": "ConnectionSuccess",
        "RemoteIP": "203.0.113.9", "ReportId": 20776, "InitiatingProcessAccountName": "ada",
    });
    world.post("/api/ingest/DeviceNetworkEvents", format!("{event}\n")).await.ok();
    let body = json!({
        "machineId": id(&world), "severity": "Low", "title": "odd", "description": "as sent",
        "recommendedAction": "look", "eventTime": "2024-05-06T07:00:00.1234567Z", "reportId": "20776",
        "category": "Exploit",
    });
    let alert = world.post("/api/alerts/CreateAlertByReference", body.to_string()).await.ok();
    assert_eq!((&alert["description"], &alert["recommendedAction"]), (&json!("as sent"), &json!("look")));
    assert_eq!(alert["investigationState"], "Queued", "{alert}");
    let investigation = alert["investigationId"].as_i64().unwrap();
    let path = format!("/api/investigations/{investigation}");
    assert_eq!(world.get(&path).await.ok()["triggeringAlertId"], alert["id"]);
    let worked = sensor.work(&world, Outcome::succeeded("nothing found")).await;
    assert_eq!(worked.iter().map(|command| &command.order).collect::<Vec<_>>(), [&Order::Investigate]);
    let path = format!("/api/alerts/{}", alert["id"].as_str().unwrap());
    assert_eq!(world.get(&path).await.ok()["investigationState"], "Benign");

    let graph = world.get(&format!("/v1.0/security/alerts_v2/{}", alert["id"].as_str().unwrap())).await.ok();
    assert_eq!((&graph["recommendedActions"], &graph["description"]), (&json!("look"), &json!("as sent")));
    for name in ["alertWebUrl", "incidentWebUrl"] {
        let address = graph[name].as_str().unwrap().strip_prefix(BASE).unwrap();
        world.get(address).await.ok();
    }
    let incident = world.get("/api/incidents").await.ok()["value"][0].clone();
    let device = &incident["alerts"][0]["devices"][0];
    assert_eq!(device["onboardingStatus"], "Onboarded", "{device}");
    assert_eq!(device["loggedOnUsers"], json!([{ "accountName": "ada", "domainName": null }]));
    assert!(device.as_object().unwrap().contains_key("defenderAvStatus"));
}

#[tokio::test]
async fn a_domain_that_many_machines_talked_to_has_them_all() {
    const COUNT: usize = 300;
    let world = World::start().await;
    world.add_machines(COUNT + 3).await;
    let row = |at: usize, url: &str| {
        json!({
            "Timestamp": "2024-05-06T07:00:00Z", "DeviceName": format!("pc{at}.contoso.example"),
            "ActionType": "ConnectionSuccess", "RemoteUrl": url,
        })
        .to_string()
    };
    let urls = ["https://cdn.fabrikam.example/a?b", "FABRIKAM.example", "http://u:p@fabrikam.example:8080"];
    let mut rows: Vec<String> = (0..COUNT).map(|at| row(at, urls[at % urls.len()])).collect();
    rows.push(row(COUNT, "https://notfabrikam.example/"));
    rows.push(row(COUNT + 1, "https://other.example/fabrikam.example"));
    rows.push(row(COUNT + 2, "https://fabrikam.example.org/"));
    world.post("/api/ingest/DeviceNetworkEvents", rows.join("\n")).await.ok();
    let queried = json!({
        "Timestamp": "2024-05-06T07:00:00Z", "DeviceName": "pc0.contoso.example",
        "ActionType": "DnsQueryResponse", "AdditionalFields": r#"{"DnsQueryString":"www.fabrikam.example"}"#,
    });
    world.post("/api/ingest/DeviceEvents", queried.to_string()).await.ok();
    world.follow().await;
    let count = world.get("/api/domains/fabrikam.example/machines/$count").await;
    assert_eq!(count.text(), COUNT.to_string());
}

#[tokio::test]
async fn machine_groups_are_those_of_machines() {
    let (world, _sensor) = world().await;
    let group = world.device_group("First", PC, &[]).await;
    let all = world.get("/testwdatppreview/machinegroups?$count=true").await.ok();
    assert_eq!(all["@odata.count"], 2, "{all}");
    let of_machine = world.get(&format!("/api/machines/{PC}")).await.ok()["rbacGroupId"].clone();
    assert_eq!((&of_machine, &all["value"][0]["id"]), (&json!(group), &json!(group)));
    let unassigned = world.get("/testwdatppreview/machinegroups?$filter=ungrouped%20eq%20true").await.ok();
    let of_other = world.get("/api/machines/pc1.contoso.example").await.ok()["rbacGroupId"].clone();
    assert_eq!(
        (&unassigned["value"][0]["id"], unassigned["value"].as_array().unwrap().len()),
        (&of_other, 1)
    );
}

#[tokio::test]
async fn firewalls_fetch_a_list_of_values_by_its_address() {
    let world = World::start().await;
    let one = |value: &str, kind: &str, action: &str| {
        json!({
            "indicatorValue": value, "indicatorType": kind, "action": action, "title": "t",
            "description": "d", "expirationTime": "2024-05-06T09:00:00Z",
        })
    };
    let indicators = [
        one("203.0.113.9", "IpAddress", "Block"),
        one("203.0.113.10", "IpAddress", "Audit"),
        one("evil.example", "DomainName", "Block"),
    ];
    world.post("/api/indicators/import", json!({ "Indicators": indicators }).to_string()).await.ok();
    let make = json!({ "name": "firewall", "filter": "indicatorType eq 'IpAddress' and action eq 'Block'" });
    let made = world.post("/api/indicatorlists", make.to_string()).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let path = made.json()["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    let shown = world.get("/api/indicatorlists").await.ok();
    assert!(shown["value"][0].get("url").is_none(), "it is told once: {shown}");
    // Without a token of ours.
    let fetched = world.send("GET", &path, None, "").await;
    assert_eq!(
        (fetched.text(), fetched.header("content-type")),
        ("203.0.113.9\n", "text/plain; charset=utf-8")
    );
    assert_eq!(world.send("GET", &format!("{path}x"), None, "").await.status, 404);
    world.clock.advance(3_601);
    world.forget_tokens().await;
    assert_eq!(world.send("GET", &path, None, "").await.text(), "", "they have expired");
    let wrong = world.post("/api/indicatorlists", r#"{"name":"n","filter":"colour eq 'red'"}"#).await;
    assert_eq!(wrong.error(), (400, "ODataError".to_owned()));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let all = world.all().await;
    let stranger = world.token(world.two, &[model::Permission::TiReadWriteAll]).await;
    let foreign = format!("/api/indicatorlists/{id}");
    assert_eq!(world.send("DELETE", &foreign, Some(&stranger), "").await.status, 404);
    assert_eq!(world.send("DELETE", &foreign, Some(&all), "").await.status, 204);
    assert_eq!(world.send("GET", &path, None, "").await.status, 404);
}
