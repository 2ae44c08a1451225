//! Rows on their way to a server that keeps what it is sent, and is away now and then.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{Client, Connection, RetryPolicy, Settings};
use model::{Clock, Row, Ticks, tables};
use sandbox::{Fleet, FleetConfig, Pace, run_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::config;

#[derive(Default)]
struct Kept {
    /// Table, producer, sequence and body of each stored request.
    requests: Mutex<Vec<(String, String, u64, String)>>,
    /// How many of the next requests are answered as this says.
    failing: AtomicU32,
    enough: AtomicU32,
    done: Notify,
}

/// A clock that moves a minute each time it is read.
struct Stepping(AtomicI64);

impl Clock for Stepping {
    fn now(&self) -> Ticks {
        Ticks(self.0.fetch_add(600_000_000, Ordering::Relaxed))
    }
}

async fn serve(kept: Arc<Kept>, status: &'static str) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            answer(stream, &kept, status).await;
        }
    });
    let connection = Connection {
        authority: format!("{base_url}/tenant"),
        base_url,
        tenant_id: "tenant".to_owned(),
        client_id: "app".to_owned(),
        client_secret: "secret".to_owned(),
        ca_file: None,
    };
    let retry = RetryPolicy { deadline: Duration::ZERO, ..RetryPolicy::default() };
    Client::connect_with(connection, Settings { retry, ..Settings::default() }).unwrap()
}

async fn answer(mut stream: TcpStream, kept: &Kept, status: &str) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut chunk = [0; 65_536];
        let count = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && body.len() >= header(head, "content-length").parse().unwrap_or(0)
        {
            break (head.to_owned(), body.to_owned());
        }
        assert!(count > 0);
    };
    let path = head.split(' ').nth(1).unwrap();
    let (status, reply) = if path.ends_with("/token") {
        ("200 OK", r#"{"access_token":"t","expires_in":3600}"#.to_owned())
    } else if kept.failing.load(Ordering::Relaxed) > 0 {
        kept.failing.fetch_sub(1, Ordering::Relaxed);
        (status, r#"{"error":{"code":"Refused","message":"not now"}}"#.to_owned())
    } else {
        let table = path.rsplit('/').next().unwrap().to_owned();
        let lines = body.lines().count();
        let sequence = header(&head, "bartizan-sequence").parse().unwrap();
        let mut requests = kept.requests.lock().unwrap();
        requests.push((table, header(&head, "bartizan-producer"), sequence, body));
        if requests.len() as u32 >= kept.enough.load(Ordering::Relaxed) {
            kept.done.notify_one();
        }
        ("200 OK", format!(r#"{{"accepted":{lines},"refused":0,"errors":[]}}"#))
    };
    let length = reply.len();
    let text = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{reply}");
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.shutdown().await.ok();
}

fn header(head: &str, name: &str) -> String {
    let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    found.unwrap_or_default().to_owned()
}

fn pace(waiting_rows: usize) -> Pace {
    let tick = Duration::from_millis(1);
    Pace { tick, rows_per_request: 500, waiting_rows, backoff_max: Duration::from_millis(2) }
}

fn fleet() -> (Fleet, Stepping) {
    let config = config(1);
    let now = config.start.plus_seconds(i64::from(config.backlog_minutes) * 60);
    (Fleet::new(FleetConfig { devices: 4, ..config }).unwrap(), Stepping(AtomicI64::new(now.0)))
}

#[tokio::test]
async fn the_backlog_comes_at_once_with_the_devices_first() {
    let kept = Arc::new(Kept { enough: 30.into(), ..Kept::default() });
    let client = serve(kept.clone(), "").await;
    let (fleet, clock) = fleet();
    let report = run_with(client, fleet, &clock, pace(20_000), kept.done.notified()).await.unwrap();
    let requests = kept.requests.lock().unwrap();
    assert_eq!(requests[0].0, "DeviceInfo");
    assert_eq!(requests[1].0, "DeviceNetworkInfo");
    let sequences: Vec<_> = requests.iter().map(|request| request.2).collect();
    assert_eq!(sequences, (1..=requests.len() as u64).collect::<Vec<_>>());
    let producers: BTreeSet<_> = requests.iter().map(|request| &request.1).collect();
    assert_eq!(producers.len(), 1);
    let mut rows = 0;
    for (table, _, _, body) in requests.iter() {
        let table = tables::find(table).unwrap();
        for line in body.lines() {
            Row::from_json(table, serde_json::from_str(line).unwrap()).unwrap();
            rows += 1;
        }
    }
    assert!(report.accepted > 3_000 && report.accepted <= rows && report.refused == 0, "{report:?}");
}

#[tokio::test]
async fn an_absence_pauses_the_simulation_and_loses_nothing() {
    let kept = Arc::new(Kept { enough: 60.into(), failing: 30.into(), ..Kept::default() });
    let client = serve(kept.clone(), "503 Service Unavailable").await;
    let (fleet, clock) = fleet();
    let report = run_with(client, fleet, &clock, pace(5_000), kept.done.notified()).await.unwrap();
    assert!(report.pauses > 0, "{report:?}");
    let requests = kept.requests.lock().unwrap();
    let sequences: Vec<_> = requests.iter().map(|request| request.2).collect();
    assert_eq!(sequences, (1..=requests.len() as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_refusal_for_good_ends_the_run() {
    let kept = Arc::new(Kept { failing: 1.into(), ..Kept::default() });
    let client = serve(kept.clone(), "403 Forbidden").await;
    let (fleet, clock) = fleet();
    // On a task of its own, as the server runs it.
    let ended =
        tokio::spawn(
            async move { run_with(client, fleet, &clock, pace(20_000), std::future::pending()).await },
        );
    let error = ended.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the server does not take the fleet's DeviceInfo rows");
}
