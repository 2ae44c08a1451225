//! `kill -9` at random moments of a running ingest: every acknowledged row is there once.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use client::Client;

use crate::server::{Program, free_port};

const KILLS: u64 = 20;
const ROWS_PER_CALL: u64 = 50;

/// Rows numbered from `first` on, one device for each ten.
fn body(first: u64) -> Bytes {
    let mut text = String::new();
    for number in first..first + ROWS_PER_CALL {
        let device = format!("{:040x}", number % 10 + 1);
        let second = number % 60;
        text.push_str(&format!(
            "{{\"Timestamp\":\"2024-05-06T10:00:{second:02}Z\",\"DeviceId\":\"{device}\",\"DeviceName\":\"pc{}.example\",\
             \"ActionType\":\"ProcessCreated\",\"FileName\":\"a.exe\",\"ReportId\":{number}}}\n",
            number % 10
        ));
    }
    text.into()
}

/// Sends calls until the server goes away; a call without an answer is sent again by the next round.
async fn send_until_cut(client: Client, mut call: u64) -> (u64, u64) {
    let mut acknowledged = 0;
    loop {
        match client
            .ingest("DeviceProcessEvents", body(call * ROWS_PER_CALL), Some(("kill-test", call + 1)))
            .await
        {
            Ok(answer) => {
                assert_eq!((answer.accepted, answer.refused), (ROWS_PER_CALL, 0));
                acknowledged += 1;
                call += 1;
            }
            Err(_) => return (call, acknowledged),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_rows_survive_kills_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let port = free_port();
    let mut call = 0;
    let mut acknowledged_calls = 0;
    // Moments spread over the first half second, always the same ones.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..KILLS {
        let program = Program::start(&data, port, &["--no-sandbox"]).await;
        let client = program.client().await.unwrap();
        let sender = tokio::spawn(send_until_cut(client, call));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis((random >> 33) % 500)).await;
        program.kill();
        let (next, acknowledged) = sender.await.unwrap();
        call = next;
        acknowledged_calls += acknowledged;
    }
    let program = Program::start(&data, port, &["--no-sandbox"]).await;
    let client = program.client().await.unwrap();
    let counts = client
        .hunt("DeviceProcessEvents | summarize n = count() by ReportId | summarize rows = count(), most = max(n), last = max(ReportId)")
        .await
        .unwrap();
    let row: BTreeMap<_, _> =
        counts.results[0].iter().map(|(key, value)| (key.as_str(), value.as_u64())).collect();
    assert!(acknowledged_calls > 0, "no call was ever acknowledged");
    assert_eq!(row["most"], Some(1), "a row is there twice");
    let (rows, last) = (row["rows"].unwrap(), row["last"].unwrap());
    assert!(
        rows >= call * ROWS_PER_CALL,
        "{rows} rows are there, {} were acknowledged",
        call * ROWS_PER_CALL
    );
    // A call whose answer was cut off may be there too, and then it is there whole.
    assert!(rows <= (call + 1) * ROWS_PER_CALL && rows.is_multiple_of(ROWS_PER_CALL), "{rows}");
    assert_eq!(last + 1, rows, "a row is missing in between");
    println!("{KILLS} kills, {acknowledged_calls} calls acknowledged, {rows} rows, each once");
}
