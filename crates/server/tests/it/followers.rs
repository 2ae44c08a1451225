use serde_json::{Value, json};

use crate::{eventually, process, send, start};

const DEVICE: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
const DUMP: &str = "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 640 C:\\t\\out.dmp full";

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_of_the_product_raises_an_alert_about_a_machine_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let (quickstart, client) = start(&folder.path().join("data")).await;
    let rows = [
        process(DEVICE, "pc2", 1, "rundll32.exe shell32.dll"),
        process(DEVICE, "pc2.corp.example", 2, DUMP),
        process(DEVICE, "pc2.corp.example", 3, DUMP),
    ];
    send(&client, "DeviceProcessEvents", &rows).await;
    let has_one = |answer: &Value| answer["value"].as_array().is_some_and(|alerts| !alerts.is_empty());
    let alerts = eventually(&client, "/api/alerts?$expand=evidence", has_one).await;
    let alerts = alerts["value"].as_array().unwrap();
    assert_eq!(alerts.len(), 1, "hits in one window are one alert");
    assert_eq!((&alerts[0]["severity"], &alerts[0]["machineId"]), (&json!("High"), &json!(DEVICE)));
    assert!(alerts[0]["evidence"].as_array().is_some_and(|evidence| !evidence.is_empty()));

    let machine: Value = client.get_json(&format!("/api/machines/{DEVICE}")).await.unwrap();
    assert_eq!(machine["computerDnsName"], "pc2.corp.example");
    assert_eq!((&machine["osPlatform"], &machine["riskScore"]), (&json!("Windows"), &json!("High")));
    quickstart.shutdown().await.unwrap();

    // Followers go on where they stopped: nothing is raised again.
    let (again, client) = start(&folder.path().join("data")).await;
    send(&client, "DeviceProcessEvents", &[process(DEVICE, "pc2", 30, "calm")]).await;
    let later = "2024-05-06T07:08:30";
    eventually(&client, &format!("/api/machines/{DEVICE}"), |machine| {
        machine["lastSeen"].as_str().is_some_and(|seen| seen.starts_with(later))
    })
    .await;
    let alerts: Value = client.get_json("/api/alerts").await.unwrap();
    assert_eq!(alerts["value"].as_array().map(Vec::len), Some(1));
    again.shutdown().await.unwrap();
}
