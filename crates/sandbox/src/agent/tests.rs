//! A device that lost its power before it could say that it was offboarded.

use std::sync::{Arc, Mutex};

use actions::Answer;
use model::{Clock, DeviceId, TenantId, Ticks};
use sensor_proto::{Outcome, PrivateKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use uuid::Uuid;

use super::*;
use crate::{Fleet, FleetConfig};

struct At(Ticks);

impl Clock for At {
    fn now(&self) -> Ticks {
        self.0
    }
}

/// Answers each request with the next of the statuses, and tells the first line of each.
async fn serve(listener: TcpListener, statuses: Vec<&'static str>) -> Vec<String> {
    let mut lines = Vec::new();
    for status in statuses {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 64 << 10];
        let count = stream.read(&mut request).await.unwrap();
        let text = String::from_utf8_lossy(&request[..count]).into_owned();
        lines.push(text.lines().next().unwrap_or_default().to_owned());
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        stream.write_all(answer.as_bytes()).await.unwrap();
    }
    lines
}

#[tokio::test]
async fn an_offboarded_device_says_so_when_it_starts_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let folder = std::env::temp_dir().join(format!("bartizan-farewell-{}", Uuid::new_v4()));
    let now = Ticks::parse("2026-03-03T07:00:00Z").unwrap();
    let fleet = Fleet::new(FleetConfig { devices: 1, ..FleetConfig::new(3, now) }).unwrap();
    let device = fleet.devices().next().unwrap();
    let (key, pkcs8) = PrivateKey::generate().unwrap();
    let id = DeviceId::parse(&device.device_id).unwrap();
    let mut state = State::new(TenantId(Uuid::from_u128(1)), id, &pkcs8, &key.public());
    state.is_offboarded = true;
    let outcome = Outcome::succeeded("offboarded");
    state.farewell = Some(Answer { id: Uuid::from_u128(7), sequence: 3, at: now, outcome });
    state.write(&folder).unwrap();

    let settings = AgentSettings::new(base_url, &folder);
    let fleet = Arc::new(Mutex::new(fleet));
    assert_eq!(unenrolled(&fleet, &folder), 0);
    let server = tokio::spawn(serve(listener, vec!["503 Service Unavailable", "204 No Content"]));
    let agents = Agents::start(fleet, settings, Vec::new(), Arc::new(At(now))).unwrap();
    let lines = tokio::time::timeout(Duration::from_secs(20), server).await.unwrap().unwrap();
    assert_eq!(lines, ["POST /device/v1/receipts HTTP/1.1"; 2], "until it is taken");
    agents.stop().await;
    std::fs::remove_dir_all(folder).unwrap();
}
