//! A store whose changes are sent, a clock that tests set, and a plain way out.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use model::machine::Machine;
use model::{Clock, DeviceId, TenantId, Ticks};
use store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;
use webhooks::{Creator, Keeper, Limits, Post, Posted, Subscription, Webhooks};

pub const ONE: TenantId = TenantId(Uuid::from_u128(1));
pub const TWO: TenantId = TenantId(Uuid::from_u128(2));

pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn advance(&self, seconds: i64) {
        self.0.store(self.now().plus_seconds(seconds).0, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Ticks {
        Ticks(self.0.load(Ordering::SeqCst))
    }
}

/// Sends to this computer.
struct Plain;

impl Post for Plain {
    fn check(&self, url: &str) -> Result<(), String> {
        if url.starts_with("http://127.0.0.1:") { Ok(()) } else { Err("it is not here".to_owned()) }
    }

    fn post(&self, message: Posted) -> BoxFuture<'_, Result<u16, String>> {
        async move {
            let address = message.url.strip_prefix("http://").unwrap().split('/').next().unwrap();
            let sent = tokio::time::timeout(Duration::from_secs(5), send(address, &message)).await;
            sent.map_err(|_| "no answer in time".to_owned())?.map_err(|error| error.to_string())
        }
        .boxed()
    }
}

async fn send(address: &str, message: &Posted) -> std::io::Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    let mut request = format!("POST /hook HTTP/1.1\r\nhost: {address}\r\n");
    for (name, value) in &message.headers {
        request += &format!("{name}: {value}\r\n");
    }
    request += &format!("content-length: {}\r\n\r\n{}", message.body.len(), message.body);
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| std::io::Error::other("the connection ended"))
}

/// Turns bytes round, and lets everybody read for as long as it may.
pub struct TestKeeper(pub AtomicBool);

impl Keeper for TestKeeper {
    fn seal(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, String> {
        Ok([name.as_bytes(), b"|", &secret.iter().map(|byte| !byte).collect::<Vec<_>>()].concat())
    }

    fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let rest = sealed.strip_prefix(format!("{name}|").as_bytes())?;
        Some(rest.iter().map(|byte| !byte).collect())
    }

    fn may<'a>(
        &'a self,
        _: TenantId,
        _: &'a Creator,
        _: &'a [String],
    ) -> BoxFuture<'a, Result<bool, String>> {
        async { Ok(self.0.load(Ordering::SeqCst)) }.boxed()
    }
}

pub struct World {
    pub store: Store,
    pub clock: Arc<TestClock>,
    pub keeper: Arc<TestKeeper>,
    pub webhooks: Webhooks,
}

impl World {
    pub async fn open(folder: &Path) -> World {
        World::open_with(folder, Limits { tick: Duration::from_millis(10), ..Limits::default() }).await
    }

    pub async fn open_with(folder: &Path, limits: Limits) -> World {
        let store = Store::open(&folder.join("state.db")).await.unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(Ticks::parse("2026-03-03T07:00:00Z").unwrap().0)));
        let keeper = Arc::new(TestKeeper(AtomicBool::new(true)));
        let webhooks = Webhooks::new(store.clone(), clock.clone(), Arc::new(Plain), keeper.clone(), limits);
        World { store, clock, keeper, webhooks }
    }

    /// Changes machines of the first tenant.
    pub async fn change(&self, names: &[&str], seen: i64) {
        let at = self.clock.now().plus_seconds(seen);
        let machines: Vec<Machine> = names
            .iter()
            .map(|name| Machine {
                computer_dns_name: Some((*name).to_owned()),
                ..Machine::new(DeviceId::from_name(ONE, name), at)
            })
            .collect();
        self.store.tenant(ONE).commit_machines("test", seen, &machines).await.unwrap();
    }
}

pub fn of_machines(url: String) -> Subscription {
    Subscription::new(url, vec!["machine".to_owned()], "me".to_owned(), Creator::default())
}
