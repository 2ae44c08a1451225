//! A receiver: an HTTP server that checks signatures, keeps what it took, and can be killed.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use webhooks::{SECRET_PREFIX, sign};

/// A message that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub id: String,
    pub message: Value,
}

#[derive(Default)]
pub struct Kept {
    pub secret: String,
    pub taken: Vec<Taken>,
    /// Answers to come, before those that take what is sent.
    pub answers: Vec<u16>,
    /// The header of the last message.
    pub last_signature: String,
}

#[derive(Clone, Default)]
pub struct Receiver {
    pub kept: Arc<Mutex<Kept>>,
    pub port: u16,
}

/// A receiver that listens.
pub struct Listening(JoinHandle<()>);

impl Receiver {
    pub async fn new() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Receiver { port: listener.local_addr().unwrap().port(), kept: Arc::default() }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub async fn listen(&self) -> Listening {
        // The port of one that was killed just now can take a moment.
        let listener = loop {
            match TcpListener::bind(("127.0.0.1", self.port)).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            }
        };
        let kept = self.kept.clone();
        Listening(tokio::spawn(async move {
            let mut served = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                served.spawn(serve(stream, kept.clone()));
            }
        }))
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.kept.lock().unwrap().taken.clone()
    }
}

impl Listening {
    /// With all its connections, whatever they are at.
    pub async fn kill(self) {
        self.0.abort();
        let _ = self.0.await;
    }
}

async fn serve(mut stream: TcpStream, kept: Arc<Mutex<Kept>>) {
    let mut read = Vec::new();
    let (head, body) = loop {
        let mut part = [0; 16 << 10];
        match stream.read(&mut part).await {
            Ok(count) if count > 0 => read.extend_from_slice(&part[..count]),
            _ => return,
        }
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length: usize = header(head, "content-length").parse().unwrap();
        if body.len() >= length {
            break (head.to_owned(), body.to_owned());
        }
    };
    let status = {
        let mut kept = kept.lock().unwrap();
        let (id, seconds) = (header(&head, "webhook-id"), header(&head, "webhook-timestamp"));
        let secret = STANDARD.decode(kept.secret.strip_prefix(SECRET_PREFIX).unwrap()).unwrap();
        let signature = sign(&secret, &id, seconds.parse().unwrap(), &body);
        let given = header(&head, "webhook-signature");
        assert!(given.split(' ').any(|given| given == signature), "{given}");
        kept.last_signature = given;
        let status = if kept.answers.is_empty() { 204 } else { kept.answers.remove(0) };
        if status == 204 {
            kept.taken.push(Taken { id, message: serde_json::from_str(&body).unwrap() });
        }
        status
    };
    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

fn header(head: &str, name: &str) -> String {
    let mut lines = head.lines().filter_map(|line| line.split_once(':'));
    let found = lines.find(|(given, _)| given.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
