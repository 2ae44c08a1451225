//! The server's side of the device channel: enrolment, polls, receipts, uploads.

use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use model::machine_action::{ActionStatus, CommandStatus};
use model::{ActionId, DeviceId, TenantId, Ticks};
use sensor_proto::{
    Command, CommandResult, Enrol, Enrolled, LiveCommand, Order, Outcome, Poll, PollAnswer, PrivateKey,
    PublicKey, Purpose, Receipt, Receipts, RequestSignature, Signed, VERSION, digest_hex,
};
use store::{ActionWork, DeviceKey, EnrolmentToken, KeyChange, PackageRow};
use tokio::fs;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::ActionError;
use crate::contents::NotKept;
use crate::queue::{Given, Queue};
use crate::service::{Actions, TenantActions, read_queue};

/// How far the clock of a device may be off.
const CLOCK_SECONDS_MAX: i64 = 300;
/// How often it is written that a device was heard of.
const CONTACT_SECONDS: i64 = 60;
/// How long an order that leads a device back to its state is good for.
const SETTLING_SECONDS: i64 = 3_600;
/// Tokens of a tenant that can be used.
const TOKENS_MAX: i64 = 20_000;
/// A token's bytes, of randomness.
const TOKEN_BYTES: usize = 24;

/// A device whose request was signed by its key.
#[derive(Clone, Debug)]
pub struct KnownDevice {
    pub tenant: TenantId,
    pub key: DeviceKey,
    /// What the body has to have.
    pub digest: String,
}

impl Actions {
    /// Who sends a request, by its header `Authorization`. The body is for the caller to compare with the digest.
    pub async fn authenticate(
        &self,
        header: &str,
        method: &str,
        target: &str,
    ) -> Result<KnownDevice, ActionError> {
        let refused = |reason: &str| ActionError::Unauthorized(reason.to_owned());
        let signature =
            RequestSignature::parse(header).ok_or_else(|| refused("the header is of another form"))?;
        let now = self.inner.clock.now();
        let off = now.unix_seconds() - signature.time.unix_seconds();
        if off.abs() > CLOCK_SECONDS_MAX {
            return Err(refused("its time is not that of the server"));
        }
        let store = self.inner.store.tenant(signature.tenant);
        let known = store.device_key(&signature.device).await?;
        let known = known.filter(|key| key.revoked.is_none());
        let key = known.ok_or_else(|| refused("there is no such key"))?;
        let public = PublicKey::parse(&key.public_key)?;
        signature.verify(&public, method, target).map_err(|error| refused(&error.to_string()))?;
        Ok(KnownDevice { tenant: signature.tenant, key, digest: signature.digest })
    }

    /// Makes a device known, by a token that works once.
    pub async fn enrol(&self, body: &[u8]) -> Result<Enrolled, ActionError> {
        let refused = |reason: &str| ActionError::Unauthorized(reason.to_owned());
        let signed: Signed = serde_json::from_slice(body)
            .map_err(|error| ActionError::Invalid(format!("The body is not a signed enrolment: {error}.")))?;
        let claimed: Enrol = signed.peek()?;
        let public = PublicKey::parse(&claimed.public_key)?;
        let enrol: Enrol = signed.open(Purpose::Enrol, &public)?;
        let now = self.inner.clock.now();
        let token = self.inner.store.enrolment_token(&digest_hex(enrol.token.as_bytes())).await?;
        let token =
            token.filter(|token| token.expires > now).ok_or_else(|| refused("the token is not good"))?;
        let tenant = token.tenant;
        let named = || DeviceId::from_name(tenant, enrol.device_name.trim());
        let device = enrol.device_id.clone().unwrap_or_else(named);
        if token.device.as_ref().is_some_and(|bound| *bound != device) {
            return Err(refused("the token is for another device"));
        }
        let key = DeviceKey {
            device: device.clone(),
            name: enrol.device_name.trim().to_lowercase(),
            public_key: public.to_string(),
            agent: enrol.agent.clone(),
            enrolled: now,
            last_contact: now,
            revoked: None,
        };
        match self.inner.store.tenant(tenant).enrol(&token, &key).await? {
            KeyChange::Enrolled => {}
            KeyChange::Used => return Err(refused("the token was used")),
            KeyChange::Taken => return Err(refused("the device has another key")),
            KeyChange::Revoked => return Err(refused("the key was revoked")),
        }
        // Before the answer: a device that has none enrols again.
        self.tenant(tenant).rejoin(&device).await?;
        info!(%tenant, %device, name = key.name, agent = key.agent, "enrolled a device");
        let command_key = self.inner.keys.present().signing.public().to_string();
        Ok(Enrolled { version: VERSION, tenant_id: tenant, device_id: device, command_key, now })
    }
}

/// The answer that makes keys known. It has nothing else: the device stores them and asks again.
fn keys_alone(keys: Vec<Signed>, now: Ticks) -> PollAnswer {
    PollAnswer { version: VERSION, now, commands: Vec::new(), cancelled: Vec::new(), keys }
}

impl TenantActions {
    /// Lets a device that was offboarded take orders again.
    async fn rejoin(&self, device: &DeviceId) -> Result<(), ActionError> {
        if !read_queue(device, self.store.device_queue(device).await?)?.is_offboarded() {
            return Ok(());
        }
        let mut work = self.store.begin_actions(device).await?;
        let mut queue = read_queue(device, work.queue().await?)?;
        queue.rejoin();
        self.write(&mut work, &queue, &[], self.now()).await?;
        Ok(work.commit().await?)
    }

    /// Makes tokens, each of which lets one device enrol; bound to a device, it may replace its key.
    pub async fn make_tokens(
        &self,
        count: usize,
        valid_seconds: i64,
        device: Option<&DeviceId>,
        by: &str,
    ) -> Result<Vec<String>, ActionError> {
        let now = self.now();
        let mut texts = Vec::with_capacity(count);
        let mut tokens = Vec::with_capacity(count);
        for _ in 0..count {
            let text = random_text()?;
            tokens.push(EnrolmentToken {
                tenant: self.id(),
                hash: digest_hex(text.as_bytes()),
                created: now,
                created_by: by.to_owned(),
                expires: now.plus_seconds(valid_seconds),
                device: device.cloned(),
            });
            texts.push(text);
        }
        if !self.store.add_enrolment_tokens(&tokens, TOKENS_MAX).await? {
            let message = format!("There are {TOKENS_MAX} tokens that were not used; no more are made.");
            return Err(ActionError::Quota { message, retry_after_seconds: 3_600 });
        }
        Ok(texts)
    }

    /// What there is to do for a device: at once, or as soon as there is something, or nothing after a while.
    pub async fn poll(&self, key: &DeviceKey, poll: &Poll) -> Result<PollAnswer, ActionError> {
        let device = &key.device;
        let wait = Duration::from_secs(u64::from(poll.wait_seconds)).min(self.inner.limits.poll_wait);
        let until = Instant::now() + wait;
        if self.now() >= key.last_contact.plus_seconds(CONTACT_SECONDS) || key.agent != poll.agent {
            self.store.note_contact(device, &poll.agent, self.now()).await?;
        }
        let waiter = self.inner.waiters.wait(self.id(), device);
        loop {
            let woken = waiter.notified();
            tokio::pin!(woken);
            // What happens between looking and waiting is not missed.
            woken.as_mut().enable();
            // One state of the keys for the whole of an answer.
            let keys = self.inner.keys.present();
            let next = poll.command_key.as_deref().map(|name| keys.after(name)).unwrap_or_default();
            if !next.is_empty() {
                return Ok(keys_alone(next, self.now()));
            }
            let answer = self.look(device, poll, &keys.signing).await?;
            let is_over = Instant::now() >= until || self.inner.waiters.is_stopped();
            if is_over || !answer.commands.is_empty() || !answer.cancelled.is_empty() {
                return Ok(answer);
            }
            let look_again = until.min(Instant::now() + self.inner.limits.look_again);
            let _ = tokio::time::timeout_at(look_again, woken).await;
            if self.store.device_key(device).await?.is_none_or(|key| key.revoked.is_some()) {
                return Err(ActionError::Unauthorized("the key was revoked meanwhile".to_owned()));
            }
        }
    }

    async fn look(
        &self,
        device: &DeviceId,
        poll: &Poll,
        signing: &PrivateKey,
    ) -> Result<PollAnswer, ActionError> {
        let now = self.now();
        let mut queue = read_queue(device, self.store.device_queue(device).await?)?;
        let is_late = queue.next_deadline().is_some_and(|deadline| deadline <= now);
        let mut given = Vec::new();
        if is_late || queue.has_news(&poll.state, &poll.running) {
            let mut work = self.store.begin_actions(device).await?;
            queue = read_queue(device, work.queue().await?)?;
            let mut changes = queue.expire(now);
            let (more, orders) = queue.poll(&poll.state, now.plus_seconds(SETTLING_SECONDS));
            changes.extend(more);
            self.write(&mut work, &queue, &changes, now).await?;
            work.commit().await?;
            given = orders;
        }
        let given = given.into_iter().filter(|given| !poll.running.contains(&given.id));
        let commands = given.map(|given| self.seal(device, given, now, signing)).collect();
        let is_open = |id| queue.open().iter().any(|entry| entry.id == id);
        let cancelled = poll.running.iter().copied().filter(|id| !is_open(*id)).collect();
        Ok(PollAnswer { version: VERSION, now, commands, cancelled, keys: Vec::new() })
    }

    fn seal(&self, device: &DeviceId, given: Given, now: Ticks, signing: &PrivateKey) -> Signed {
        let Given { id, sequence, order, expires } = given;
        let (tenant_id, device_id) = (self.id(), device.clone());
        let command =
            Command { version: VERSION, id, tenant_id, device_id, sequence, issued: now, expires, order };
        Signed::seal(&command, Purpose::Command, signing)
    }

    /// Takes what a device says of its orders. Repeats change nothing.
    pub async fn receive(&self, key: &DeviceKey, receipts: &Receipts) -> Result<(), ActionError> {
        let public = PublicKey::parse(&key.public_key)?;
        let mut opened = Vec::with_capacity(receipts.receipts.len());
        for signed in &receipts.receipts {
            let receipt: Receipt = signed.open(Purpose::Receipt, &public)?;
            if receipt.tenant_id != self.id() || receipt.device_id != key.device {
                let message = "A receipt is of another device than the one that sends it.";
                return Err(ActionError::Invalid(message.to_owned()));
            }
            opened.push((receipt, signed));
        }
        let now = self.now();
        let mut work = self.store.begin_actions(&key.device).await?;
        let mut queue = read_queue(&key.device, work.queue().await?)?;
        let mut changes = queue.expire(now);
        self.write(&mut work, &queue, &changes, now).await?;
        for (receipt, signed) in opened {
            if let Outcome::Progress { result } = &receipt.outcome {
                note_progress(&mut work, receipt.id, result, now).await?;
            }
            let outcome = self.checked(&queue, &receipt).await?;
            changes = queue.receive(receipt.id, &outcome);
            self.write(&mut work, &queue, &changes, now).await?;
            let is_known = work.action(ActionId(receipt.id)).await?.is_some()
                || work.investigation(receipt.id).await?.is_some();
            if is_known {
                let text = serde_json::to_string(signed).unwrap_or_default();
                work.add_receipt(receipt.id, now, &text).await?;
            }
            for change in &changes {
                info!(tenant = %self.id(), device = %key.device, action = %change.id, status = change.status.name(), simulated = receipt.is_simulated, "a device answered");
            }
        }
        work.commit().await?;
        self.inner.waiters.wake(self.id(), &key.device);
        Ok(())
    }

    /// What the device says, unless it says that there is a package which is not there.
    async fn checked(&self, queue: &Queue, receipt: &Receipt) -> Result<Outcome, ActionError> {
        let entry = queue.open().iter().find(|entry| entry.id == receipt.id);
        let needs_package = entry.is_some_and(|entry| matches!(entry.order, Order::CollectPackage { .. }));
        let Outcome::Succeeded { package, .. } = &receipt.outcome else { return Ok(receipt.outcome.clone()) };
        if !needs_package {
            return Ok(receipt.outcome.clone());
        }
        let stored = self.store.package(ActionId(receipt.id), None).await?;
        let is_there = match (package, stored) {
            (Some(said), Some(stored)) => said.sha256 == stored.sha256,
            _ => false,
        };
        let message = "The device says that it sent a package, and it did not arrive.".to_owned();
        Ok(if is_there { receipt.outcome.clone() } else { Outcome::Failed { error: -1, message } })
    }

    /// Keeps what a device uploads for an action that it was given.
    pub async fn upload<E: std::fmt::Display>(
        &self,
        device: &KnownDevice,
        action: ActionId,
        index: Option<u32>,
        name: &str,
        parts: impl Stream<Item = Result<Bytes, E>>,
    ) -> Result<PackageRow, ActionError> {
        let limit = self.upload_limit(&device.key.device, action, index).await?;
        if self.store.package_bytes().await?.saturating_add(limit) > self.inner.limits.package_bytes_tenant {
            let message = "The tenant has as many packages as it may have.".to_owned();
            return Err(ActionError::Quota { message, retry_after_seconds: 3_600 });
        }
        let packages = &self.inner.packages;
        let staged = packages.stage(self.id(), &device.digest, limit, parts).await;
        let staged = staged.map_err(|error| match error {
            NotKept::TooLarge => ActionError::TooLarge { what: "the package", bytes_max: limit },
            NotKept::Other => {
                ActionError::Unauthorized("the body has another digest than was signed".to_owned())
            }
            NotKept::CutOff(reason) => ActionError::Invalid(format!("The body is cut off: {reason}.")),
            NotKept::Io(source) => ActionError::Io { doing: "keep a package", source },
        })?;
        let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        let sha256 = device.digest.clone();
        let package = PackageRow { action, index, name, sha256, bytes: staged.bytes, created: self.now() };
        let _removing = packages.removing().await;
        let kept = packages.place(staged).await;
        kept.map_err(|source| ActionError::Io { doing: "keep a package", source })?;
        if let Some(replaced) = self.store.put_package(&package).await? {
            packages.remove(self.id(), &replaced).await;
        }
        Ok(package)
    }

    async fn upload_limit(
        &self,
        device: &DeviceId,
        action: ActionId,
        index: Option<u32>,
    ) -> Result<u64, ActionError> {
        let queue = read_queue(device, self.store.device_queue(device).await?)?;
        let entry = queue.open().iter().find(|entry| entry.id == action.0 && entry.is_given);
        let limit = match (entry.map(|entry| &entry.order), index) {
            (Some(Order::CollectPackage { bytes_max }), None) => Some(*bytes_max),
            (Some(Order::LiveResponse { commands, result_bytes_max }), Some(index)) => {
                (index as usize).lt(&commands.len()).then_some(*result_bytes_max)
            }
            _ => None,
        };
        limit.ok_or_else(|| ActionError::NotFound {
            what: "An open action of the device",
            id: action.to_string(),
        })
    }

    /// A file of the library that an open order of the device names.
    pub async fn library_content(&self, device: &DeviceId, sha256: &str) -> Result<fs::File, ActionError> {
        let queue = read_queue(device, self.store.device_queue(device).await?)?;
        let names = |command: &LiveCommand| match command {
            LiveCommand::PutFile { sha256: of, .. } | LiveCommand::RunScript { sha256: of, .. } => {
                of == sha256
            }
            LiveCommand::GetFile { .. } => false,
        };
        let is_named = queue.open().iter().filter(|entry| entry.is_given).any(|entry| match &entry.order {
            Order::LiveResponse { commands, .. } => commands.iter().any(names),
            _ => false,
        });
        if !is_named {
            return Err(ActionError::NotFound { what: "File", id: sha256.chars().take(64).collect() });
        }
        self.inner.library.open(self.id(), sha256).await
    }
}

/// Notes that one command of a live response is done.
async fn note_progress(
    work: &mut ActionWork,
    id: uuid::Uuid,
    result: &CommandResult,
    now: Ticks,
) -> Result<(), ActionError> {
    let Some(mut action) = work.action(ActionId(id)).await? else { return Ok(()) };
    if action.status != ActionStatus::InProgress {
        return Ok(());
    }
    let Some(command) = action.commands.iter_mut().find(|command| command.index == result.index) else {
        warn!(action = %id, index = result.index, "a device told of a command that it was not given");
        return Ok(());
    };
    command.start_time = Some(result.started);
    command.end_time = Some(result.ended);
    command.command_status = if result.has_failed { CommandStatus::Failed } else { CommandStatus::Completed };
    command.errors = result.errors.clone();
    action.last_update_date_time_utc = now;
    Ok(work.replace_action(&action).await?)
}

/// A secret that fits a URL.
pub(crate) fn random_text() -> Result<String, ActionError> {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    let mut bytes = [0u8; TOKEN_BYTES];
    let failed =
        |_| ActionError::Io { doing: "draw random bytes", source: std::io::Error::other("no randomness") };
    aws_lc_rs::rand::fill(&mut bytes).map_err(failed)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
