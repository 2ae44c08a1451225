//! `kill -9` at random moments of ingest, flushes and merges: every acknowledged row is there once, and every file
//! is whole. `KILLS` says how often.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use client::Client;

use crate::server::{Program, free_port};

const KILLS: u64 = 20;
/// Flushes and merges all the time.
const SETTINGS: &str = "[lake]\nflush_seconds = 1\nflush_bytes = 200000\nupkeep_seconds = 1\n";
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
    let kills = std::env::var("KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    Program::start(&data, port, &["--no-sandbox"]).await.stop();
    // Moments spread over the first seconds, always the same ones.
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..kills {
        let program = Program::serve(&data, port, SETTINGS).await;
        let client = program.client().await.unwrap();
        let sender = tokio::spawn(send_until_cut(client, call));
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        tokio::time::sleep(Duration::from_millis((random >> 33) % 2_000)).await;
        program.kill();
        let (next, acknowledged) = sender.await.unwrap();
        call = next;
        acknowledged_calls += acknowledged;
    }
    let program = Program::serve(&data, port, SETTINGS).await;
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
    program.stop();
    let verified = Command::new(env!("CARGO_BIN_EXE_bartizan"))
        .args(["lake", "verify", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{said}{}", String::from_utf8_lossy(&verified.stderr));
    let log = std::fs::read_to_string(data.with_extension("log")).unwrap();
    let count = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    let (flushes, rounds) = (count(" flushed "), count("looked after the lake's files"));
    assert!(flushes > 0 && rounds > 0, "{flushes} flushes, {rounds} rounds of upkeep");
    println!(
        "{kills} kills, {acknowledged_calls} calls acknowledged, {rows} rows, each once; {flushes} flushes and \
         {rounds} rounds of upkeep; {said}"
    );
}
