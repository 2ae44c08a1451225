//! The device's side of the device channel: each request signed by the device's key.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{DeviceId, TenantId, Ticks};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use sensor_proto::{
    Command, CommandKeys, Enrol, Enrolled, Message, Poll, PollAnswer, PrivateKey, Purpose, Receipt, Receipts,
    RequestSignature, Signed, Upload, VERSION, decode, digest_hex, encode,
};

use crate::send::{api_error, http};
use crate::{ClientError, Result, Settings, path_of};

/// Answers of the server may come this much later than they were waited for.
const GRACE: Duration = Duration::from_secs(20);

/// A server that devices talk to. Clones share connections.
#[derive(Clone)]
pub struct DeviceChannel {
    http: reqwest::Client,
    base_url: String,
}

/// Who a device is on the channel.
#[derive(Clone)]
pub struct DeviceIdentity {
    pub tenant: TenantId,
    pub device: DeviceId,
    pub key: Arc<PrivateKey>,
}

impl DeviceChannel {
    /// Prepares a channel; nothing is sent before the first request.
    pub fn connect(base_url: &str, ca_file: Option<&Path>) -> Result<DeviceChannel> {
        let http = http(ca_file, &Settings::default())?;
        Ok(DeviceChannel { http, base_url: base_url.trim_end_matches('/').to_owned() })
    }

    /// Makes a device known by a token, under the key that signs from then on.
    pub async fn enrol(&self, enrol: &Enrol, key: &PrivateKey) -> Result<Enrolled> {
        let signed = Signed::seal(enrol, Purpose::Enrol, key);
        let body = serde_json::to_vec(&signed).unwrap_or_default();
        let url = format!("{}/device/v1/enrol", self.base_url);
        let request = self.http.post(&url).header(CONTENT_TYPE, "application/json").body(body);
        self.read(&url, request).await
    }

    /// Waits for commands, or for the keys that followed the one that the device knows.
    pub async fn poll(&self, of: &DeviceIdentity, poll: &Poll, now: Ticks) -> Result<PollAnswer> {
        let timeout = Duration::from_secs(u64::from(poll.wait_seconds)) + GRACE;
        self.message(of, Method::POST, "/device/v1/poll", encode(poll).into(), now, timeout).await
    }

    /// The commands of an answer. One that a key of the server did not sign for this device is an error.
    pub fn commands(
        &self,
        of: &DeviceIdentity,
        keys: &CommandKeys,
        answer: &PollAnswer,
        now: Ticks,
    ) -> Result<Vec<Command>> {
        let commands = answer.commands.iter().map(|signed| of.open(keys, signed, now));
        let commands = commands.collect::<std::result::Result<Vec<_>, _>>();
        let url = format!("{}/device/v1/poll", self.base_url);
        commands.map_err(|reason| ClientError::Reply { url, reason })
    }

    /// Tells the server what came of commands.
    pub async fn send_receipts(&self, of: &DeviceIdentity, receipts: &[Receipt], now: Ticks) -> Result<()> {
        let signed = receipts.iter().map(|receipt| Signed::seal(receipt, Purpose::Receipt, &of.key));
        let body = encode(&Receipts { version: VERSION, receipts: signed.collect() });
        let timeout = Settings::default().request_timeout;
        self.bytes(of, Method::POST, "/device/v1/receipts", body.into(), now, timeout).await?;
        Ok(())
    }

    /// Sends what was collected for an action, or for one command of it.
    pub async fn upload(
        &self,
        of: &DeviceIdentity,
        action: uuid::Uuid,
        index: Option<u32>,
        name: &str,
        content: Bytes,
        now: Ticks,
    ) -> Result<Upload> {
        let (sha256, bytes) = (digest_hex(&content), content.len() as u64);
        let mut target = path_of(&["device", "v1", "uploads", &action.to_string()]);
        target += &format!("?name={}", &path_of(&[name])[1..]);
        if let Some(index) = index {
            target += &format!("&index={index}");
        }
        self.bytes(of, Method::PUT, &target, content, now, Duration::from_secs(300)).await?;
        Ok(Upload { name: name.to_owned(), sha256, bytes })
    }

    /// Gets a file of the library that a command names, if it is the one that the command means.
    pub async fn file(&self, of: &DeviceIdentity, sha256: &str, now: Ticks) -> Result<Bytes> {
        let target = path_of(&["device", "v1", "files", sha256]);
        let timeout = Duration::from_secs(300);
        let content = self.bytes(of, Method::GET, &target, Bytes::new(), now, timeout).await?;
        match digest_hex(&content) == sha256 {
            true => Ok(content),
            false => {
                let reason = "the file has another digest".to_owned();
                Err(ClientError::Reply { url: format!("{}{target}", self.base_url), reason })
            }
        }
    }

    async fn message<M: Message>(
        &self,
        of: &DeviceIdentity,
        method: Method,
        target: &str,
        body: Bytes,
        now: Ticks,
        timeout: Duration,
    ) -> Result<M> {
        let bytes = self.bytes(of, method, target, body, now, timeout).await?;
        let url = format!("{}{target}", self.base_url);
        decode(&bytes).map_err(|error| ClientError::Reply { url, reason: error.to_string() })
    }

    async fn bytes(
        &self,
        of: &DeviceIdentity,
        method: Method,
        target: &str,
        body: Bytes,
        now: Ticks,
        timeout: Duration,
    ) -> Result<Bytes> {
        let who = (of.tenant, &of.device);
        let signature = RequestSignature::sign(&of.key, who, method.as_str(), target, now, digest_hex(&body));
        let url = format!("{}{target}", self.base_url);
        let request = self.http.request(method, &url).header(AUTHORIZATION, signature.header());
        send(&url, request.timeout(timeout).body(body)).await
    }

    async fn read<M: Message>(&self, url: &str, request: reqwest::RequestBuilder) -> Result<M> {
        let bytes = send(url, request).await?;
        decode(&bytes).map_err(|error| ClientError::Reply { url: url.to_owned(), reason: error.to_string() })
    }
}

impl DeviceIdentity {
    /// The command, if the server signed it for this device.
    fn open(&self, keys: &CommandKeys, signed: &Signed, now: Ticks) -> std::result::Result<Command, String> {
        let command: Command = keys.open(signed, Purpose::Command, now).map_err(|error| error.to_string())?;
        match command.tenant_id == self.tenant && command.device_id == self.device {
            true => Ok(command),
            false => Err("a command is for another device".to_owned()),
        }
    }
}

async fn send(url: &str, request: reqwest::RequestBuilder) -> Result<Bytes> {
    let unreachable = |source| ClientError::Unreachable { url: url.to_owned(), source };
    let reply = request.send().await.map_err(unreachable)?;
    let status = reply.status();
    let bytes = reply.bytes().await.map_err(unreachable)?;
    if status.is_success() { Ok(bytes) } else { Err(api_error(status, &bytes)) }
}
