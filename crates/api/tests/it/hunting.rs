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
