//! Hunting answers, as clients read them.

use expect_test::expect;

use crate::world::World;

const ROWS: &str = r#"{"Timestamp":"2024-05-06T07:00:00.1234567Z","DeviceName":"pc1","ActionType":"A","ProcessId":7,"ReportId":9,"AdditionalFields":{"a":1}}
{"Timestamp":"2024-05-06T07:00:01Z","DeviceName":"pc1","ActionType":"B"}
"#;

#[tokio::test]
async fn both_endpoints_answer_in_their_form() {
    let world = World::start().await;
    world.post("/api/ingest/DeviceEvents", ROWS).await.ok();
    let query = r#"{"query":"DeviceEvents | order by Timestamp asc | project Timestamp, ActionType, ProcessId, ReportId"}"#;
    let reply = world.post("/api/AdvancedQueries/Run", query).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    expect![[r#"{"Schema":[{"Name":"Timestamp","Type":"DateTime"},{"Name":"ActionType","Type":"String"},{"Name":"ProcessId","Type":"Int64"},{"Name":"ReportId","Type":"Int64"}],"Results":[{"Timestamp":"2024-05-06T07:00:00.1234567Z","ActionType":"A","ProcessId":7,"ReportId":9},{"Timestamp":"2024-05-06T07:00:01.0000000Z","ActionType":"B","ProcessId":null,"ReportId":null}]}"#]].assert_eq(reply.text());

    let body = world.post("/api/advancedhunting/run", query).await.ok();
    let keys: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["Stats", "Schema", "Results"]);
    assert!(body["Stats"]["ExecutionTime"].as_f64().unwrap() > 0.0);
    assert_eq!(body["Stats"]["dataset_statistics"][0]["table_row_count"], 2);
    assert!(body["Stats"]["resource_usage"]["memory"]["peak_per_node"].is_number());
}

#[tokio::test]
async fn an_empty_result_has_its_schema() {
    let world = World::start().await;
    let answer = world.hunt("DeviceEvents | project DeviceName").await;
    assert_eq!(answer.to_string(), r#"{"Schema":[{"Name":"DeviceName","Type":"String"}],"Results":[]}"#);
}

#[tokio::test]
async fn names_of_2019_still_work() {
    let world = World::start().await;
    world.post("/api/ingest/DeviceEvents", ROWS).await.ok();
    let answer =
        world.hunt("MiscEvents | where ComputerName == 'pc1' | summarize n = count() by MachineId").await;
    assert_eq!(answer["Results"][0]["n"], 2, "{answer}");
}

#[tokio::test]
async fn files_are_told_of_by_their_profiles() {
    let world = World::start().await;
    let (sha1, sha256, md5) = ("ab".repeat(20), "cd".repeat(32), "ef".repeat(16));
    let event = |device: &str, time: &str| {
        serde_json::json!({
            "Timestamp": format!("2024-05-06T{time}Z"), "DeviceName": device, "FileName": "a.exe",
            "SHA1": sha1, "SHA256": sha256, "MD5": md5, "FileSize": 12,
        })
    };
    // An event with the SHA-256 alone makes a profile of its own, which no row gets beside the other one.
    let alone = serde_json::json!({
        "Timestamp": "2024-05-06T10:00:00Z", "DeviceName": "pc9", "FileName": "a.exe", "SHA256": sha256,
    });
    let rows = format!("{}\n{}\n{alone}\n", event("pc1", "07:00:00"), event("pc2", "08:00:00"));
    world.post("/api/ingest/DeviceFileEvents", rows).await.ok();
    let certificate = serde_json::json!({
        "Timestamp": "2024-05-06T09:00:00Z", "DeviceName": "pc1", "SHA1": sha1, "IsSigned": true,
        "Signer": "Contoso", "SignerHash": "AA", "Issuer": "Root", "IsTrusted": true,
    });
    world.post("/api/ingest/DeviceFileCertificateInfo", certificate.to_string()).await.ok();
    profiles::rebuild(&world.lake.tenant(world.one), &world.store.tenant(world.one)).await.unwrap();

    let known = r#"{"h":"%","GlobalPrevalence":2,"GlobalFirstSeen":"2024-05-06T07:00:00.0000000Z","GlobalLastSeen":"2024-05-06T09:00:00.0000000Z","Signer":"Contoso","IsCertificateValid":true,"SignatureState":"SignedValid","FileSize":12,"SHA1":"SHA-1","ProfileAvailability":"Available"}"#;
    for hash in [sha1.to_uppercase(), sha256.clone(), md5.clone()] {
        let query = format!(
            "print h = '{hash}' | invoke FileProfile(h) | project h, GlobalPrevalence, GlobalFirstSeen, \
             GlobalLastSeen, Signer, IsCertificateValid, SignatureState, FileSize, SHA1, ProfileAvailability"
        );
        let answer = world.hunt(&query).await;
        let expected = known.replace('%', &hash).replace("SHA-1", &sha1);
        assert_eq!(answer["Results"].to_string(), format!("[{expected}]"));
    }
    let answer = world
        .hunt("print SHA1 = 'aa' | invoke FileProfile() | project GlobalPrevalence, Signer, ProfileAvailability")
        .await;
    assert_eq!(
        answer["Results"].to_string(),
        r#"[{"GlobalPrevalence":null,"Signer":"","ProfileAvailability":"Missing"}]"#
    );
    let other = world.token(world.two, &crate::world::all_permissions()).await;
    let query = serde_json::json!({
        "Query": format!("print SHA1 = '{sha1}' | invoke FileProfile() | project ProfileAvailability"),
    });
    let reply = world.send("POST", "/api/advancedqueries/run", Some(&other), query.to_string()).await;
    assert_eq!(reply.ok()["Results"][0]["ProfileAvailability"], "Missing");
}

#[tokio::test]
async fn power_bi_asks_by_a_parameter() {
    let world = World::start().await;
    world.post("/api/ingest/DeviceEvents", ROWS).await.ok();
    let reply = world
        .get("/api/advancedqueries?key=DeviceEvents%20%7C+project+ProcessId+%7C+top+1+by+ProcessId")
        .await;
    assert_eq!(
        reply.ok().to_string(),
        r#"{"Schema":[{"Name":"ProcessId","Type":"Int64"}],"Results":[{"ProcessId":7}]}"#
    );
    let (status, code) = world.get("/api/advancedqueries").await.error();
    assert_eq!((status, code.as_str()), (400, "MissingRequiredParameter"));
}

#[tokio::test]
async fn graph_has_its_own_form_and_a_time_range() {
    let world = World::start().await;
    world.post("/api/ingest/DeviceEvents", ROWS).await.ok();
    let graph =
        async |body: serde_json::Value| world.post("/v1.0/security/runHuntingQuery", body.to_string()).await;
    let query = "DeviceEvents | project ActionType | order by ActionType asc";
    let answer = graph(serde_json::json!({ "Query": query })).await.ok();
    expect![[r#"{"@odata.context":"https://bartizan.example:8443/v1.0/$metadata#microsoft.graph.security.huntingQueryResults","schema":[{"name":"ActionType","type":"String"}],"results":[{"ActionType":"A"},{"ActionType":"B"}]}"#]].assert_eq(&answer.to_string());
    for (span, rows) in [
        ("P7D", 2),
        ("2024-05-06T07:00:01Z", 1),
        ("2024-05-06T07:00:00Z/PT0.5S", 1),
        ("2024-05-01T00:00:00Z/2024-05-02T00:00:00Z", 0),
    ] {
        let answer = graph(serde_json::json!({ "Query": query, "Timespan": span })).await.ok();
        assert_eq!(answer["results"].as_array().unwrap().len(), rows, "{span}");
    }
    let refused = graph(serde_json::json!({ "Query": query, "Timespan": "P1M" })).await;
    assert_eq!(refused.error(), (400, "InvalidInput".to_owned()));
}

#[tokio::test]
async fn what_a_query_took_is_told() {
    let world = World::start().await;
    world.post("/api/ingest/DeviceEvents", ROWS).await.ok();
    world.lake.flush().await.unwrap();
    let body = r#"{"Query":"DeviceEvents | where ActionType == 'A' | summarize n = count() by ActionType"}"#;
    let stats = world.post("/api/advancedhunting/run", body).await.ok()["Stats"].clone();
    assert_eq!(stats["input_dataset_statistics"]["rows"]["scanned"], 2, "{stats}");
    assert!(stats["input_dataset_statistics"]["bytes"]["scanned"].as_u64().unwrap() > 0, "{stats}");
    assert_eq!(stats["dataset_statistics"], serde_json::json!([{ "table_row_count": 1, "table_size": 26 }]));
    assert!(stats["resource_usage"]["memory"]["peak_per_node"].as_u64().unwrap() > 0, "{stats}");
    let cpu = stats["resource_usage"]["cpu"]["total cpu"].as_str().unwrap();
    assert!(cpu.starts_with("00:00:0") && cpu != "00:00:00", "{stats}");
}

#[tokio::test]
async fn every_mistake_is_told_with_its_place_and_name() {
    let world = World::start().await;
    let query = "DeviceEvents\n| where ActionTyp == 'A'\n| extend a = Nope, b = strcatt('x')";
    let body = serde_json::json!({ "Query": query }).to_string();
    let reply = world.post("/api/advancedhunting/run", body).await;
    assert_eq!(reply.error(), (400, "BadRequest".to_owned()));
    let error = &reply.json()["error"];
    let first = &error["details"][0];
    assert!(error["message"].as_str().unwrap().contains("line 2, column 9"), "{error}");
    assert_eq!((&first["line"], &first["column"], &first["length"]), (&2.into(), &9.into(), &9.into()));
    assert_eq!((&first["name"], &first["suggestions"][0]), (&"ActionTyp".into(), &"ActionType".into()));
    let query = "DeviceEvents | cuont | whre a == 1";
    let reply =
        world.post("/api/advancedhunting/run", serde_json::json!({ "Query": query }).to_string()).await;
    assert_eq!(reply.json()["error"]["details"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn functions_are_saved_called_and_deleted() {
    let world = World::start().await;
    world.post("/api/ingest/DeviceEvents", ROWS).await.ok();
    let put = async |name: &str, body: serde_json::Value| {
        let path = format!("/api/hunting/functions/{name}");
        world.send("PUT", &path, Some(&world.all().await), body.to_string()).await
    };
    let events = serde_json::json!({
        "description": "Events of a kind.", "parameters": "kind: string = 'A'",
        "body": "DeviceEvents\n| where ActionType == Kind(kind)",
    });
    let saved = put("EventsOf", events).await.ok();
    assert_eq!((&saved["name"], &saved["createdBy"]), (&"EventsOf".into(), &"analyst app".into()));
    put("Kind", serde_json::json!({ "parameters": "k: string", "body": "toupper(k)" })).await.ok();
    let answer = world.hunt("EventsOf('b') | project ActionType").await;
    assert_eq!(answer["Results"].to_string(), r#"[{"ActionType":"B"}]"#);

    for (name, body, said) in [
        ("Bad", serde_json::json!({ "body": "DeviceEvents | cuont" }), "cuont"),
        ("Bad", serde_json::json!({ "body": "DeviceEvents | where Nope == 1" }), "Nope"),
        ("Bad", serde_json::json!({ "body": "" }), "body"),
        ("1Bad", serde_json::json!({ "body": "1" }), "name"),
        ("DeviceEvents", serde_json::json!({ "body": "1" }), "already"),
        ("strcat", serde_json::json!({ "body": "1" }), "already"),
        ("Loop", serde_json::json!({ "body": "Loop | take 1" }), "nested deeper"),
    ] {
        let reply = put(name, body).await;
        assert_eq!(reply.error().0, 400, "{name}");
        assert!(reply.text().contains(said), "{}", reply.text());
    }
    let list = world.get("/api/hunting/functions?$count=true").await.ok();
    assert_eq!(list["@odata.count"], 2);
    let other = world.token(world.two, &crate::world::all_permissions()).await;
    let path = "/api/hunting/functions/EventsOf";
    assert_eq!(world.send("GET", path, Some(&other), "").await.status, 404);
    let query = serde_json::json!({ "Query": "EventsOf('b')" }).to_string();
    assert_eq!(world.send("POST", "/api/advancedqueries/run", Some(&other), query).await.status, 400);
    let token = world.all().await;
    assert_eq!(world.send("DELETE", path, Some(&token), "").await.status, 204);
    assert_eq!(world.send("DELETE", path, Some(&token), "").await.status, 404);
}

#[tokio::test]
async fn an_editor_is_offered_what_fits() {
    let world = World::start().await;
    let body = serde_json::json!({ "Query": "DeviceEvents\n| where Té == 1 and Actio", "Offset": 38 });
    let answer = world.post("/api/hunting/complete", body.to_string()).await.ok();
    assert_eq!(answer["replaces"], serde_json::json!({ "offset": 33, "length": 5, "line": 2, "column": 21 }));
    let labels: Vec<_> =
        answer["items"].as_array().unwrap().iter().map(|item| item["label"].clone()).collect();
    assert_eq!(labels, ["ActionType"]);
    assert!(!answer["diagnostics"].as_array().unwrap().is_empty());
    let refused = world.post("/api/hunting/complete", r#"{"Query":"a","Offset":2}"#).await;
    assert_eq!(refused.error(), (400, "InvalidInput".to_owned()));
}
