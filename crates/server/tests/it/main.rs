//! Servers as a user starts them, asked over HTTPS like any other.

mod followers;
mod geo;
#[path = "../../../query/tests/it/mmdb.rs"]
mod mmdb;
mod profiles;
mod quickstart;

use std::path::Path;
use std::time::Duration;

use client::{Client, Connection};
use serde_json::{Value, json};
use server::{Quickstart, QuickstartOptions};

/// A quickstart on free ports, without simulated devices.
async fn start(data: &Path) -> (Quickstart, Client) {
    start_with(QuickstartOptions { port: 0, sandbox: None, ..QuickstartOptions::new(data) }).await
}

async fn start_with(options: QuickstartOptions) -> (Quickstart, Client) {
    let data = options.data.clone();
    let quickstart = Quickstart::start(options).await.unwrap();
    let connection = Connection::from_file(&data.join("quickstart.json")).unwrap();
    (quickstart, Client::connect(connection).unwrap())
}

/// Sends rows of one table.
async fn send(client: &Client, table: &str, rows: &[Value]) {
    let body: String = rows.iter().map(|row| format!("{row}\n")).collect();
    let answer = client.ingest(table, body.into(), None).await.unwrap();
    assert_eq!((answer.accepted, answer.refused), (rows.len() as u64, 0), "{:?}", answer.errors);
}

async fn count(client: &Client, query: &str) -> u64 {
    let answer = client.hunt(&format!("{query} | count")).await.unwrap();
    answer.results[0].values().next().and_then(Value::as_u64).unwrap()
}

/// Asks again until the answer passes, for what followers do in their own time.
async fn eventually(client: &Client, path: &str, passes: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..400 {
        let answer: Value = client.get_json(path).await.unwrap_or_default();
        if passes(&answer) {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{path} never answered what was waited for");
}

fn process(device: &str, name: &str, second: u32, command_line: &str) -> Value {
    json!({
        "Timestamp": format!("2024-05-06T07:08:{second:02}Z"), "DeviceId": device, "DeviceName": name,
        "ActionType": "ProcessCreated", "FileName": "rundll32.exe", "ReportId": second,
        "FolderPath": "C:\\Windows\\System32\\rundll32.exe", "ProcessCommandLine": command_line,
        "AccountName": "ada", "AccountDomain": "corp",
    })
}
