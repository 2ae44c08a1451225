//! What existing clients send, replayed: paths, bodies and expressions as they write them.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use model::{DeviceId, Permission};
use serde_json::{Value, json};

use crate::actions;
use crate::world::{BASE, Reply, World};

const SHA1: &str = "0123456789abcdef0123456789abcdef01234567";

fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/$=&?'(),:%".contains(&byte);
    text.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

fn ids(reply: &Reply) -> Vec<String> {
    let json = reply.ok();
    let id = |item: &Value| {
        item["id"].as_str().map(str::to_owned).unwrap_or_else(|| item["incidentId"].to_string())
    };
    json["value"].as_array().unwrap().iter().map(id).collect()
}

/// Events of `pc0` that name a file, an address, a domain and a user; profiles know them.
async fn with_events(world: &World) {
    let event = json!({
        "Timestamp": "2024-05-06T07:00:00.1234567Z",
        "DeviceName": "pc0.contoso.example",
        "ActionType": "ConnectionSuccess",
        "RemoteIP": "203.0.113.9",
        "RemoteUrl": "https://cdn.fabrikam.example/a",
        "LocalIP": "10.0.0.5",
        "ReportId": 20776,
        "InitiatingProcessSHA1": SHA1,
        "InitiatingProcessFileName": "updater.exe",
        "InitiatingProcessAccountName": "ada",
        "InitiatingProcessAccountDomain": "contoso",
    });
    world.post("/api/ingest/DeviceNetworkEvents", format!("{event}\n")).await.ok();
    world.follow().await;
}

#[tokio::test]
async fn expressions_of_clients_find_what_they_say() {
    let world = World::start().await;
    world.add_machines(3).await;
    world.add_alerts(6).await;
    for (path, count) in [
        (
            "/api/machines?$filter=computerDnsName eq 'pc1.contoso.example' and healthStatus eq 'Active' and riskScore eq 'None' and osPlatform eq 'Unknown'",
            1,
        ),
        (
            "/api/machines/?$filter=ComputerDNSName eq 'PC1.contoso.example' AND healthStatus eq 'Active'&$count=true",
            1,
        ),
        (
            "/api/machines?$filter=computerDnsName eq 'pc1.contoso.example' and healthStatus eq 'Active' and lastIpAddress eq '1.2.3.4'",
            0,
        ),
        ("/api/machines?%24filter=id+eq+'x'", 0),
        ("/api/machines?$filter=lastSeen gt 2018-08-01Z", 3),
        ("/api/machines?$filter=startswith(computerDnsName,'pc')", 3),
        ("/api/machines?$filter=machineTags/any(tag: tag eq 'vip')", 0),
        (
            "/api/alerts?$filter=(machineId eq 'a' and status eq 'New') or (severity eq 'High' and status eq 'New')",
            2,
        ),
        ("/api/alerts?$filter=lastUpdateTime gt 2024-01-01T00:00:00.1234567Z&$expand=evidence", 6),
        (
            "/api/alerts?$filter=alertCreationTime gt 2024-05-06T07:00:01Z and alertCreationTime le 2024-05-06T07:00:03.0000000Z",
            2,
        ),
        ("/api/alerts?$filter=severity eq 'High'and alertCreationTime%2Bgt%2B2024-01-01T00:00:00Z", 2),
        ("/api/alerts?$filter=severity+in+('High','Low')+and+status+eq+'New'", 4),
        ("/api/alerts?$filter=evidence/any(e: e/entityType eq 'File' and e/fileName eq 'A.EXE')", 6),
        ("/api/alerts?$filter=evidence/all(e: e/fileName ne 'a.exe')", 0),
        ("/api/alerts?$filter=alertCreationTime ge 2024-05-04T08:00:00.0000000Z&$top=10", 6),
        (
            "/api/alerts?$filter=lastUpdateTime ge 2024-01-01T00:00:00%2B00:00&$orderby=lastUpdateTime asc&$top=2&$skip=1",
            2,
        ),
        ("/api/Alerts?$filter=InvestigationId eq null and incidentId gt 0", 6),
        ("/api/indicators?$filter=indicatorValue in ['1.2.3.4','x']", 0),
        ("/api/indicators?$filter=indicatorValue eq 'http://a/?b=c%26d=''e'''", 0),
        ("/api/incidents?$filter=lastUpdateTime gt 2024-01-01T00:00:00Z and status eq 'Active'", 1),
        (
            "/v1.0/security/alerts_v2?$filter=severity eq 'high' and status eq 'new' and serviceSource eq 'microsoftDefenderForEndpoint'&$count=true",
            2,
        ),
        (
            "/v1.0/security/alerts_v2?$filter=classification eq 'unknown' and createdDateTime ge 2024-01-01T00:00:00Z&$top=3",
            3,
        ),
        ("/v1.0/security/incidents?$expand=alerts&$filter=status eq 'active'", 1),
    ] {
        let reply = world.get(&encoded(path)).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        assert_eq!(reply.ok()["value"].as_array().unwrap().len(), count, "{path}");
    }
}

/// What playbooks and integrations ask of the list of machine actions while they wait.
#[tokio::test]
async fn machine_actions_are_found_as_clients_poll_them() {
    let (world, _sensor) = actions::world().await;
    for verb in ["isolate", "runAntiVirusScan"] {
        let body = json!({ "Comment": "c", "IsolationType": "Full", "ScanType": "Quick" }).to_string();
        assert_eq!(world.post(&format!("/api/machines/{}/{verb}", actions::PC), body).await.status, 201);
        world.clock.advance(1);
    }
    let machine = actions::id(&world);
    for (path, count) in [
        (
            format!(
                "(machineId eq '{machine}' and status eq 'Pending') or (machineId eq 'b' and status eq 'Pending')"
            ),
            2,
        ),
        (
            format!(
                "(machineId eq '{machine}' and status eq 'Succeeded') or (machineId eq 'b' and status eq 'Succeeded')"
            ),
            0,
        ),
        ("status in ('Pending','InProgress') AND type eq 'Isolate'&$count=true".to_owned(), 1),
        ("type+eq+'Isolate'".to_owned(), 1),
        (
            "lastUpdateDateTimeUtc gt 2024-01-01T00:00:00Z&$orderby=lastUpdateDateTimeUtc asc&$top=5&$skip=1"
                .to_owned(),
            1,
        ),
    ] {
        let reply = world.get(&encoded(&format!("/api/machineactions/?$filter={path}"))).await.ok();
        assert_eq!(reply["value"].as_array().unwrap().len(), count, "{path}");
        assert!(reply.get("@odata.count").is_none_or(|told| *told == json!(count)), "{path}: {reply}");
    }
    let again = world.post(&format!("/api/machines/{}/isolate", actions::PC), r#"{"Comment":"c"}"#).await;
    assert_eq!(again.error(), (400, "ActiveRequestAlreadyExists".to_owned()));
    assert!(again.text().contains("ActiveRequestAlreadyExists"));
}

#[tokio::test]
async fn paths_bodies_and_headers_are_read_as_clients_write_them() {
    let world = World::start().await;
    world.add_machines(2).await;
    world.add_alerts(2).await;
    for (method, path, body, status) in [
        ("GET", "/api/", "", 200),
        ("GET", "/api/v1.0/alerts/da0_1/", "{}", 200),
        ("GET", "/API/V1.0/Machines/PC0.contoso.example", "{}", 200),
        ("GET", "/api/Alerts('da0_1')", "", 200),
        ("PATCH", "/api/alerts/DA0_1", r#"{"Status":"inprogress","Comment":"x","extra":[1]}"#, 200),
        (
            "PATCH",
            "/api/alerts/da0_1",
            r#"{"Classification":"FalsePositive","Determination":"NotMalicious","AssignedTo":"a"}"#,
            200,
        ),
        (
            "PATCH",
            "/api/alerts/da0_1",
            r#"{"classification":"FalsePositive","determination":"Malware"}"#,
            200,
        ),
        ("POST", "/api/alerts/BatchUpdate", r#"{"AlertIds":["da0_1","da1_1"],"status":"Resolved"}"#, 200),
        ("POST", "/api/machines/pc0.contoso.example/tags", r#"{"value":"vip","ACTION":"add"}"#, 200),
        ("POST", "/api/machines/pc0.contoso.example/setdevicevalue", r#"{"deviceValue":"high"}"#, 200),
        ("GET", "/api/machines/FindByTag?Tag=VI&useStartsWithFilter=TRUE", "", 200),
        (
            "PATCH",
            "/api/incidents/1",
            r#"{"status":"Resolved","determination":"CompromisedAccount","tags":["t"]}"#,
            200,
        ),
        ("PATCH", "/v1.0/security/incidents/1", r#"{"status":"active","classification":"unknown"}"#, 200),
        ("POST", "/v1.0/security/alerts_v2/da0_1/comments", r#"{"comment":"seen"}"#, 200),
        ("GET", "/api/machines/nope", "", 404),
        ("GET", "/api/alerts/nope", "", 404),
        ("POST", "/api/machines/nope/tags", r#"{"Value":"x","Action":"Add"}"#, 404),
        ("POST", "/api/machines/pc0.contoso.example/tags", r#"{"Action":"Add"}"#, 400),
        ("POST", "/api/alerts/batchUpdate", r#"{"alertIds":["da0_1","nope"],"status":"New"}"#, 404),
        ("GET", "/api/files/nohash", "", 400),
        ("GET", "/api/ips/10.0.0.0%2F8/stats", "", 400),
        ("GET", "/api/domains/a%20b/stats", "", 400),
        ("GET", "/api/files/0123456789abcdef0123456789abcdef01234567/stats?lookBackHours=721", "", 400),
        ("GET", "/api/machines/findbyip(ip='10.0.0.5',timestamp=2020-01-01T00:00:00Z)", "", 400),
        ("GET", "/api/machines/findbyip(ip='10.0.0.5')", "", 400),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(AUTHORIZATION, format!("Bearer {}", world.all().await));
        let reply = world.request(request.body(Body::from(body)).unwrap()).await;
        assert_eq!(reply.status.as_u16(), status, "{method} {path}: {}", reply.text());
        if status >= 400 {
            reply.error();
        }
    }
    let alert = world.get("/api/alerts/da0_1").await.ok();
    assert_eq!(alert["status"], "Resolved", "the batch with an unknown id changed nothing");
    let machine = world.get("/api/machines/pc0.contoso.example").await.ok();
    assert_eq!((&machine["machineTags"], &machine["deviceValue"]), (&json!(["vip"]), &json!("High")));
    let incident = world.get("/api/incidents/1").await.ok();
    assert_eq!(
        (&incident["status"], &incident["determination"]),
        (&json!("Active"), &json!("CompromisedUser"))
    );
    assert_eq!(incident["alerts"][0]["devices"][0]["deviceDnsName"], "pc0.contoso.example");
    let history = world
        .get("/api/alerts/da0_1/history?$orderby=sequence desc&$top=1".replace(' ', "%20").as_str())
        .await
        .ok();
    assert_eq!(history["value"][0]["change"], json!({ "comment": "seen" }));
}

#[tokio::test]
async fn indicators_are_submitted_as_feeds_do() {
    let world = World::start().await;
    let one = json!({
        "IndicatorValue": "203.0.113.9", "indicatorType": "ipaddress", "action": "block", "title": "t",
        "description": "d", "id": "99", "lastUpdateTime": "2020-01-01T00:00:00Z", "createdByDisplayName": "x",
        "expirationTime": "2030-01-01T00:00:00.000Z", "rbacGroupNames": [], "generateAlert": "false",
    });
    let first = world.post("/api/indicators", one.to_string()).await.ok();
    let again = world.post("/api/indicators/", one.to_string()).await.ok();
    assert_eq!((&first["id"], &first["action"]), (&again["id"], &json!("Block")));
    assert_eq!(first["expirationTime"], "2030-01-01T00:00:00.0000000Z");
    let indicators = json!({ "Indicators": [
        { "indicatorValue": "a.example", "indicatorType": "DomainName", "action": "Alert", "title": "t", "description": "d" },
        { "indicatorValue": "10.0.0.0/8", "indicatorType": "IpAddress", "action": "Block", "title": "t", "description": "d" },
    ]});
    let imported = world.post("/api/indicators/import", indicators.to_string()).await.ok();
    let told =
        |at: usize| (imported["value"][at]["indicator"].clone(), imported["value"][at]["isFailed"].clone());
    assert_eq!((told(0), told(1)), ((json!("a.example"), json!(false)), (json!("10.0.0.0/8"), json!(true))));
    assert!(imported["value"][1]["id"].is_null() && imported["value"][1]["failureReason"].is_string());
    let empty = world.post("/api/indicators/import", r#"{"Indicators":[]}"#).await.ok();
    assert_eq!(empty["value"], json!([]));

    let own = world.token(world.one, &[Permission::TiReadWrite]).await;
    let seen = world.send("GET", "/api/indicators", Some(&own), Body::empty()).await.ok();
    assert_eq!(seen["value"], json!([]), "an app with Ti.ReadWrite sees only its own");
    let reply = world.send("POST", "/api/indicators", Some(&own), one.to_string()).await;
    assert_eq!(reply.error(), (403, "Forbidden".to_owned()));
    let id = imported["value"][0]["id"].as_str().unwrap();
    let reply = world.send("DELETE", &format!("/api/indicators/{id}"), Some(&own), Body::empty()).await;
    assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()));

    for (body, status) in [
        (json!({ "IndicatorIds": [] }), 400),
        (json!({ "IndicatorIds": ["x"] }), 400),
        (json!({ "IndicatorIds": [id, "4711"] }), 404),
        (json!({ "indicatorIds": [id] }), 204),
    ] {
        let reply = world.post("/api/indicators/BatchDelete", body.to_string()).await;
        assert_eq!(reply.status.as_u16(), status, "{body}");
    }
    let id = first["id"].as_str().unwrap();
    let delete = || async {
        let token = world.all().await;
        world.send("DELETE", &format!("/api/indicators/{id}"), Some(&token), Body::empty()).await.status
    };
    assert_eq!((delete().await.as_u16(), delete().await.as_u16()), (204, 404));
    let audit = json!({ "indicatorValue": "a.example", "indicatorType": "DomainName", "action": "Audit",
        "title": "t", "description": "d", "generateAlert": false });
    assert_eq!(world.post("/api/indicators", audit.to_string()).await.status, 400);
}

#[tokio::test]
async fn files_addresses_domains_and_users_are_told_from_events() {
    let world = World::start().await;
    world.add_machines(2).await;
    with_events(&world).await;
    let pc0 = DeviceId::from_name(world.one, "pc0.contoso.example");
    for path in [
        format!("/api/files/{SHA1}/machines"),
        "/api/ips/203.0.113.9/machines".to_owned(),
        "/api/domains/fabrikam.example/machines".to_owned(),
        "/api/users/ADA/machines".to_owned(),
        "/api/machines/findbyip(ip='10.0.0.5',timestamp=2024-05-06T07:10:00Z)".to_owned(),
        "/api/machines/find(timestamp=2024-05-06T07:10:00Z,key='10.0.0.5')".to_owned(),
    ] {
        assert_eq!(ids(&world.get(&path).await), [pc0.to_string()], "{path}");
    }
    let file = world.get(&format!("/api/files/{}", SHA1.to_uppercase())).await.ok();
    assert_eq!((&file["sha1"], &file["globalPrevalence"]), (&json!(SHA1), &json!(1)));
    let stats = world.get(&format!("/api/files/{SHA1}/stats?lookBackHours=48")).await.ok();
    assert_eq!(
        (&stats["organizationPrevalence"], &stats["topFileNames"]),
        (&json!(1), &json!(["updater.exe"]))
    );
    let stats = world.get("/api/ips/203.0.113.9/stats").await.ok();
    assert_eq!(stats["organizationPrevalence"], 1);
    let stats = world.get("/api/domains/cdn.fabrikam.example/stats").await.ok();
    assert_eq!(stats["orgFirstSeen"], "2024-05-06T07:00:00.1234567Z");
    let user = world.get("/api/users/ada").await.ok();
    assert_eq!((&user["id"], &user["mostPrevalentMachineId"]), (&json!("contoso\\ada"), &json!(pc0)));
    let users =
        world.get("/api/machines/pc0.contoso.example/logonusers?$filter=accountName%20eq%20'ADA'").await;
    assert_eq!(ids(&users), ["contoso\\ada"]);

    for (path, status) in [
        ("/api/ips/203.0.113.77/stats", 200),
        ("/api/ips/203.0.113.77/alerts", 200),
        ("/api/ips/203.0.113.77/machines", 404),
        ("/api/ips/203.0.113.77", 404),
        ("/api/domains/unseen.example/stats", 200),
        ("/api/domains/unseen.example/machines", 200),
        ("/api/users/nobody/alerts", 200),
        ("/api/users/nobody", 404),
        ("/api/files/ffffffffffffffffffffffffffffffffffffffff", 404),
        ("/api/files/ffffffffffffffffffffffffffffffffffffffff/alerts", 200),
        ("/api/machines/find(timestamp=2024-05-06T07:10:00Z,key='10.9.9.9')", 404),
        ("/api/machines/findbyip(ip='10.0.0.5',timestamp=2024-05-06T07:30:00Z)", 200),
    ] {
        let reply = world.get(path).await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.text());
        if path.ends_with("/stats") {
            assert_eq!(reply.json()["organizationPrevalence"], 0, "{path}");
        } else if status == 200 {
            assert_eq!(reply.json()["value"], json!([]), "{path}");
        }
    }
}

#[tokio::test]
async fn an_alert_is_made_of_an_event_and_found_by_its_evidence() {
    let world = World::start().await;
    world.add_machines(1).await;
    with_events(&world).await;
    let pc0 = DeviceId::from_name(world.one, "pc0.contoso.example");
    let body = json!({
        "machineId": pc0, "severity": "Low", "title": "odd", "description": "d", "recommendedAction": "none",
        "eventTime": "2024-05-06T07:00:00.1234567Z", "reportId": "20776", "category": "Exploit",
    });
    let alert = world.post("/api/alerts/CreateAlertByReference", body.to_string()).await.ok();
    let id = alert["id"].as_str().unwrap().to_owned();
    assert_eq!((&alert["relatedUser"]["userName"], &alert["incidentId"]), (&json!("ada"), &json!(1)));
    world.clock.advance(60);
    let again = world.post("/api/alerts/createalertbyreference", body.to_string()).await.ok();
    assert_eq!(again["id"], json!(id), "an open alert of the same title takes it in");
    let mut other = body.clone();
    other["reportId"] = "1".into();
    let reply = world.post("/api/alerts/createAlertByReference", other.to_string()).await;
    assert_eq!(reply.error(), (404, "ResourceNotFound".to_owned()));
    other["category"] = "Nonsense".into();
    let reply = world.post("/api/alerts/createAlertByReference", other.to_string()).await;
    assert_eq!(reply.error(), (400, "InvalidInput".to_owned()));

    for path in [
        format!("/api/files/{SHA1}/alerts"),
        "/api/ips/203.0.113.9/alerts".to_owned(),
        "/api/domains/fabrikam.example/alerts?$filter=status%20eq%20'New'".to_owned(),
        "/api/users/ada/alerts".to_owned(),
        "/api/machines/pc0.contoso.example/alerts".to_owned(),
    ] {
        assert_eq!(ids(&world.get(&path).await), [id.as_str()], "{path}");
    }
    for (path, name, value) in [
        ("files", "sha1", json!(SHA1)),
        ("ips", "id", json!("203.0.113.9")),
        ("domains", "host", json!("cdn.fabrikam.example")),
    ] {
        let related = world.get(&format!("/api/alerts/{id}/{path}")).await.ok();
        assert_eq!(related["value"][0][name], value, "{path}");
    }
    assert_eq!(world.get(&format!("/api/alerts/{id}/machine")).await.ok()["id"], json!(pc0));
    assert_eq!(world.get(&format!("/api/alerts/{id}/user")).await.ok()["id"], "contoso\\ada");
    let detections: Value =
        world.get("/exporter/api/alerts?sinceTimeUtc=2024-05-06T07:00:00Z&limit=20").await.ok();
    assert_eq!(detections[0]["AlertId"], json!(id));
    assert_eq!(world.get("/exporter/api/alerts?ago=PT1S").await.ok(), json!([]));
}

#[tokio::test]
async fn a_change_decided_upon_an_older_state_is_refused() {
    let world = World::start().await;
    world.add_machines(1).await;
    world.add_alerts(1).await;
    for (path, body) in [
        ("/api/alerts/da0_1", r#"{"status":"InProgress"}"#),
        ("/api/incidents/1", r#"{"status":"InProgress"}"#),
        ("/api/machines/pc0.contoso.example", r#"{"machineTags":["a"]}"#),
        ("/v1.0/security/alerts_v2/da0_1", r#"{"status":"resolved"}"#),
    ] {
        let read = world.get(path).await;
        let tag = read.header("etag").to_owned();
        let send = |tag: &str| {
            let request = Request::builder().method("PATCH").uri(path).header("if-match", tag);
            (request, world.all())
        };
        for (tag, status) in
            [("\"0000000000000000\"", 412), (tag.as_str(), 200), (tag.as_str(), 412), ("*", 200), ("x", 400)]
        {
            world.clock.advance(1);
            let (request, token) = send(tag);
            let request = request.header(AUTHORIZATION, format!("Bearer {}", token.await));
            let reply = world.request(request.body(Body::from(body)).unwrap()).await;
            assert_eq!(reply.status.as_u16(), status, "{path} {tag}: {}", reply.text());
        }
    }
}

#[tokio::test]
async fn changes_are_followed_in_order_and_from_any_place() {
    let world = World::start_with(|config| config.page_size = 2).await;
    world.add_machines(2).await;
    world.add_alerts(1).await;
    world.patch("/api/alerts/da0_1", r#"{"status":"Resolved"}"#).await.ok();
    let (mut since, mut seen) = (0, Vec::new());
    loop {
        let page = world.get(&format!("/api/changes?since={since}&top=2")).await.ok();
        for change in page["value"].as_array().unwrap() {
            seen.push((change["sequence"].as_i64().unwrap(), change["kind"].as_str().unwrap().to_owned()));
        }
        since = page["since"].as_i64().unwrap();
        if page.get("@odata.nextLink").is_none() {
            assert_eq!(page["latest"], json!(since));
            break;
        }
        assert!(page["@odata.nextLink"].as_str().unwrap().starts_with(BASE));
    }
    let sequences: Vec<_> = seen.iter().map(|(sequence, _)| *sequence).collect();
    assert_eq!(sequences, (1..=since).collect::<Vec<_>>());
    assert_eq!(seen[..2].iter().filter(|(_, kind)| kind == "machine").count(), 2);
    let alerts = world.get("/api/changes?kind=alerts").await.ok();
    assert_eq!(alerts["value"][0]["entity"]["status"], "Resolved");
    assert_eq!(world.get("/api/changes?kind=unicorn").await.error().0, 400);
    let token = world.token(world.one, &[Permission::ChangeRead, Permission::AlertRead]).await;
    let own = world.send("GET", "/api/changes", Some(&token), Body::empty()).await.ok();
    assert!(own["value"].as_array().unwrap().iter().all(|change| change["kind"] == "alert"));
    let reply = world.send("GET", "/api/changes?kind=machine", Some(&token), Body::empty()).await;
    assert_eq!(reply.error(), (403, "Forbidden".to_owned()));
}

#[tokio::test]
async fn a_stream_of_changes_goes_on_where_the_client_was() {
    use futures::StreamExt;
    use tower::ServiceExt;

    let world = World::start().await;
    world.add_machines(2).await;
    let follow = async |last: &str| {
        let request = Request::builder()
            .uri("/api/changes/stream?kind=machine")
            .header("last-event-id", last)
            .header(AUTHORIZATION, format!("Bearer {}", world.all().await));
        let response = world.service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut parts = response.into_body().into_data_stream();
        let mut events = Vec::new();
        while events.len() < 2 {
            let text = String::from_utf8(parts.next().await.unwrap().unwrap().to_vec()).unwrap();
            if let Some(id) = text.strip_prefix("id: ") {
                events.push(id.split('\n').next().unwrap().to_owned());
                if events.len() == 1 && last == "1" {
                    world.add_machines(3).await;
                }
            }
        }
        events
    };
    assert_eq!(follow("0").await, ["1", "2"]);
    assert_eq!(follow("1").await, ["2", "3"], "what changes meanwhile comes, too");
}

#[tokio::test]
async fn the_metadata_describes_what_is_listed() {
    let world = World::start().await;
    let reply = world.get("/api/$metadata").await;
    assert_eq!((reply.status.as_u16(), reply.header("content-type")), (200, "application/xml"));
    let document = world.get("/api").await.ok();
    for set in document["value"].as_array().unwrap() {
        let name = set["name"].as_str().unwrap();
        assert!(reply.text().contains(&format!("<EntitySet Name=\"{name}\"")), "{name}");
        assert_eq!(world.get(&format!("/api/{name}")).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_change_with_a_key_is_made_once() {
    let world = World::start().await;
    world.add_machines(1).await;
    world.add_alerts(1).await;
    let token = world.all().await;
    let send = async |key: &str, body: &str| {
        let request = Request::builder()
            .method("PATCH")
            .uri("/api/alerts/da0_1")
            .header("idempotency-key", key)
            .header(AUTHORIZATION, format!("Bearer {token}"));
        world.request(request.body(Body::from(body.to_owned())).unwrap()).await
    };
    let first = send("a", r#"{"comment":"once"}"#).await;
    let again = send("a", r#"{"comment":"once"}"#).await;
    assert_eq!((first.ok(), first.header("etag")), (again.ok(), again.header("etag")));
    assert_eq!((first.header("idempotency-replayed"), again.header("idempotency-replayed")), ("", "true"));
    assert_ne!(first.header("x-request-id"), again.header("x-request-id"));
    let comments = world.get("/api/alerts/da0_1").await.ok()["comments"].as_array().unwrap().len();
    assert_eq!(comments, 1);
    assert_eq!(send("a", r#"{"comment":"other"}"#).await.error(), (422, "IdempotencyKeyReused".to_owned()));
    assert_eq!(send("b", r#"{"status":"nonsense"}"#).await.error().0, 400);
    assert_eq!(send("b", r#"{"status":"Resolved"}"#).await.status, 200, "a refused call may be corrected");
    assert_eq!(send(" ", r#"{"status":"New"}"#).await.error().0, 400);
}

#[tokio::test]
async fn the_document_of_the_api_is_served_to_anybody() {
    let world = World::start().await;
    let document = world.send("GET", "/openapi.json", None, Body::empty()).await.ok();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(
        document["paths"]["/api/alerts/{id}"]["patch"]["x-permission"]["application"],
        "Alert.ReadWrite.All"
    );
    let page = world.send("GET", "/explorer", None, Body::empty()).await;
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(!page.text().contains("http://") && !page.text().contains("https://"), "no script of others");
}

#[tokio::test]
async fn queries_of_clients_are_answered() {
    let world = World::start().await;
    world.add_machines(1).await;
    with_events(&world).await;
    for query in [
        "find withsource = TableName in (DeviceNetworkEvents) where RemoteIP == '203.0.113.9' | order by Timestamp desc | where TableName == 'DeviceNetworkEvents'",
        "union (find withsource=T in (DeviceNetworkEvents) where RemoteUrl has 'fabrikam'),(find withsource=T in (DeviceEvents) where DeviceName has 'pc0') | serialize rn = row_number() | where rn >= 0 | limit 10000",
        r#"DeviceNetworkEvents | where InitiatingProcessFileName matches regex"(upd|down)ater" | take 5"#,
        "DeviceNetworkEvents | join kind=leftouter (DeviceNetworkEvents) on ReportId, DeviceName, Timestamp | take 5",
        "DeviceNetworkEvents | extend DI_TS = Timestamp | summarize arg_max(DI_TS, *) by DeviceId",
        "DeviceNetworkEvents | summarize make_list(RemoteIP), make_set(RemoteUrl), dcount(DeviceId) by bin(Timestamp, 5m)",
        "union Device* | summarize by DeviceName | where isnotempty(DeviceName)",
        "let x = dynamic(['fabrikam','other']); DeviceNetworkEvents | where RemoteUrl has_any (x) or ActionType in~ (x)",
        "DeviceNetworkEvents | extend Name = iff(isnotempty(RemoteUrl), url_decode(RemoteUrl), RemoteIP) | where Name !contains @\"\\AppData\"",
    ] {
        let body = json!({ "Query": query }).to_string();
        let reply = world.post("/api/advancedqueries/run", body).await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.text());
        let rows = reply.ok()["Results"].as_array().unwrap().len();
        assert_eq!(rows, 1, "{query}");
    }
}
