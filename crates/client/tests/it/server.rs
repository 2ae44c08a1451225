//! A server that plays back canned replies over plain TCP, one connection a reply, and keeps what it was
//! asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use client::{Client, Connection, RetryPolicy, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[derive(Clone)]
pub enum Canned {
    /// Status line and further headers, body.
    Reply(&'static str, String),
    /// The connection ends after the request was read.
    Cut,
}

pub fn reply(head: &'static str, body: &str) -> Canned {
    Canned::Reply(head, body.to_owned())
}

pub fn token(text: &str) -> Canned {
    reply("200 OK", &format!(r#"{{"token_type":"Bearer","expires_in":3600,"access_token":"{text}"}}"#))
}

pub struct Server {
    pub base_url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub async fn start(script: Vec<Canned>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        tokio::spawn(async move {
            for canned in script {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read_request(&mut stream).await;
                kept.lock().unwrap().push(request);
                if let Canned::Reply(head, body) = canned {
                    let length = body.len();
                    let text = format!(
                        "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                    );
                    stream.write_all(text.as_bytes()).await.unwrap();
                    stream.shutdown().await.ok();
                }
            }
        });
        Server { base_url, asked }
    }

    pub fn connection(&self) -> Connection {
        Connection {
            base_url: self.base_url.clone(),
            authority: format!("{}/tenant-1", self.base_url),
            tenant_id: "tenant-1".to_owned(),
            client_id: "app-1".to_owned(),
            client_secret: "s3cret".to_owned(),
            ca_file: None,
        }
    }

    pub fn client(&self) -> Client {
        let retry = RetryPolicy {
            first_delay: Duration::from_millis(1),
            delay_max: Duration::from_millis(4),
            deadline: Duration::from_secs(5),
        };
        Client::connect_with(self.connection(), Settings { retry, ..Settings::default() }).unwrap()
    }

    /// One line a request: method, path, chosen headers, body.
    pub fn asked(&self) -> String {
        self.asked.lock().unwrap().join("\n")
    }
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let found = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}:")));
                found.map(|line| line[name.len() + 1..].trim().to_owned())
            };
            let length = header("content-length").map_or(0, |text| text.parse().unwrap());
            if body.len() >= length || count == 0 {
                let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1");
                let shown = ["authorization", "content-type", "bartizan-producer", "bartizan-sequence"];
                let shown = shown.iter().filter_map(|name| Some(format!("{name}={}", header(name)?)));
                let body = body.replace('\n', "⏎");
                return [line.to_owned()]
                    .into_iter()
                    .chain(shown)
                    .chain([body])
                    .collect::<Vec<_>>()
                    .join(" | ");
            }
        }
        if count == 0 {
            return "connection without a request".to_owned();
        }
    }
}
