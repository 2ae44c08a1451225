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
