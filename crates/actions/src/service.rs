//! Actions over the store: asked for by people, told to devices, answered by them.

use std::path::PathBuf;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, OnceLock};

use model::investigation::{Investigation, InvestigationState};
use model::machine::Machine;
use model::machine_action::{
    ActionKind, ActionStatus, CommandStatus, LiveResponseResult, MachineAction, RelatedFile,
};
use model::{ActionId, Clock, DeviceId, TenantId, Ticks};
use sensor_proto::{LiveCommand, Order, Outcome, digest_hex};
use serde_json::{Value, json};
use store::{ActionWork, Store, TenantStore};
use tracing::{info, warn};
use uuid::Uuid;

use crate::contents::Contents;
use crate::jobs::{Requestors, Turns};
use crate::key_ring::{CommandKeyRow, KeyRing};
use crate::policy::Policy;
use crate::queue::{Change, Queue, Refusal, Why};
use crate::waiters::Waiters;
use crate::{ActionError, Limits};

/// Late orders that are ended in one go.
const LATE_MAX: u32 = 500;
const DETAIL_CHARS_MAX: usize = 2_000;

/// The actions of every tenant.
#[derive(Clone)]
pub struct Actions {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub keys: KeyRing,
    pub packages: Contents,
    pub library: Contents,
    pub limits: Limits,
    pub waiters: Waiters,
    /// When contents that nothing names were looked for, in ticks.
    pub swept: AtomicI64,
    /// Where the round of jobs goes on, and who is asked about those that started them.
    pub turns: Mutex<Turns>,
    pub requestors: OnceLock<Arc<dyn Requestors>>,
}

/// The actions of one tenant.
#[derive(Clone)]
pub struct TenantActions {
    pub(crate) inner: Arc<Inner>,
    pub(crate) store: TenantStore,
}

/// What somebody asks of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub order: Order,
    pub comment: String,
    pub title: Option<String>,
    /// What to write as who asks.
    pub requestor: String,
    /// Who asks, as an id that does not change.
    pub actor: String,
    /// The way it came, such as `PublicApi`.
    pub source: String,
    pub external_id: Option<String>,
    /// The same key again is the same request again.
    pub idempotency_key: Option<String>,
    /// How long it may take, in place of the usual limit.
    pub deadline_seconds: Option<i64>,
}

/// What a request would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    pub needs_approval: bool,
    pub expires: Ticks,
    /// How many open orders the device has.
    pub open: usize,
}

impl Actions {
    /// `folder` keeps what devices upload and what the library holds; `keys` sign commands.
    pub fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        keys: KeyRing,
        folder: PathBuf,
        limits: Limits,
    ) -> Actions {
        let packages = Contents::new(folder.join("packages"));
        let library = Contents::new(folder.join("library"));
        let waiters = Waiters::default();
        let (swept, turns, requestors) = (AtomicI64::new(0), Mutex::default(), OnceLock::new());
        let inner =
            Inner { store, clock, keys, packages, library, limits, waiters, swept, turns, requestors };
        Actions { inner: Arc::new(inner) }
    }

    /// Before a job goes on, this is asked whether who started it may still do so. Without it nobody is asked. Only
    /// the first one counts.
    pub fn ask_about_requestors(&self, requestors: Arc<dyn Requestors>) {
        let _ = self.inner.requestors.set(requestors);
    }

    pub fn tenant(&self, id: TenantId) -> TenantActions {
        TenantActions { inner: self.inner.clone(), store: self.inner.store.tenant(id) }
    }

    /// The keys that sign and signed commands, of all tenants, the one that signs last.
    pub fn command_keys(&self) -> Vec<CommandKeyRow> {
        self.inner.keys.rows()
    }

    /// Makes a key that signs commands from now on. Devices learn it the next time that they ask; what the one before
    /// signed they take for so many seconds more.
    pub async fn rotate_command_key(&self, overlap_seconds: i64) -> Result<CommandKeyRow, ActionError> {
        let now = self.inner.clock.now();
        let made = self.inner.keys.rotate(now, now.plus_seconds(overlap_seconds)).await?;
        info!(key = made.name(), overlap_seconds, "commands for devices are signed by a new key");
        Ok(made)
    }

    /// Ends the orders that are late, goes on with jobs, and forgets what has expired. To be called again and again.
    pub async fn tick(&self) -> Result<(), ActionError> {
        let now = self.inner.clock.now();
        for (tenant, device) in self.inner.store.late_queues(now, LATE_MAX).await? {
            self.tenant(tenant).expire(&device).await?;
        }
        self.go_on_with_jobs().await?;
        self.inner.store.forget_links(now.plus_seconds(-86_400)).await?;
        self.remove_old_packages().await?;
        self.sweep().await?;
        Ok(())
    }

    /// Lets devices go that wait for something to do: the server is about to stop.
    pub fn stop(&self) {
        self.inner.waiters.stop();
    }

    /// Calls [`Actions::tick`] for as long as it is polled.
    pub async fn run(&self) {
        loop {
            if let Err(error) = self.tick().await {
                warn!(error = &error as &dyn std::error::Error, "actions could not be looked after");
            }
            tokio::time::sleep(self.inner.limits.tick).await;
        }
    }
}

impl TenantActions {
    pub fn id(&self) -> TenantId {
        self.store.id()
    }

    pub(crate) fn now(&self) -> Ticks {
        self.inner.clock.now()
    }

    /// What the tenant says about actions.
    pub async fn policy(&self) -> Result<Policy, ActionError> {
        let stored = self.store.action_policy().await?;
        // What cannot be read must not make everything allowed.
        let invalid =
            |error: serde_json::Error| ActionError::Queue { device: "policy".to_owned(), source: error };
        stored.map_or(Ok(Policy::default()), |body| serde_json::from_str(&body).map_err(invalid))
    }

    pub async fn set_policy(&self, policy: &Policy) -> Result<(), ActionError> {
        let body = serde_json::to_string(policy).unwrap_or_default();
        Ok(self.store.set_action_policy(&body).await?)
    }

    /// Says what a request would do; it does nothing.
    pub async fn plan(&self, machine: &Machine, request: &Request) -> Result<Plan, ActionError> {
        let (policy, now) = (self.policy().await?, self.now());
        self.check(&policy, machine, request, now).await?;
        let mut queue = read_queue(&machine.id, self.store.device_queue(&machine.id).await?)?;
        queue.expire(now);
        queue.check(&request.order).map_err(|refusal| self.refused(refusal, &request.order))?;
        Ok(Plan {
            needs_approval: policy.needs_approval(request.order.action()),
            expires: self.expiry(request, now),
            open: queue.open().len(),
        })
    }

    /// Accepts a request, or says why not and changes nothing. The second value says whether it is a repeat.
    pub async fn submit(
        &self,
        machine: &Machine,
        request: &Request,
    ) -> Result<(MachineAction, bool), ActionError> {
        let kind = request.order.action();
        let kind = kind.ok_or_else(|| ActionError::Invalid("The order is no machine action.".to_owned()))?;
        let now = self.now();
        let hash = request_hash(&machine.id, request);
        if let Some(key) = &request.idempotency_key {
            let mut work = self.store.begin_actions(&machine.id).await?;
            if let Some(known) = known_request(&mut work, key, &hash).await? {
                return Ok((known, true));
            }
        }
        let policy = self.policy().await?;
        self.check(&policy, machine, request, now).await?;
        let is_held = policy.needs_approval(Some(kind));

        let _naming = self.inner.library.naming().await;
        self.check_contents(&request.order).await?;
        let mut work = self.store.begin_actions(&machine.id).await?;
        if let Some(key) = &request.idempotency_key
            && let Some(known) = known_request(&mut work, key, &hash).await?
        {
            return Ok((known, true));
        }
        let mut queue = read_queue(&machine.id, work.queue().await?)?;
        let mut changes = queue.expire(now);
        let id = ActionId(Uuid::new_v4());
        let accepted = queue.request(id.0, request.order.clone(), self.expiry(request, now), is_held);
        changes.extend(accepted.map_err(|refusal| self.refused(refusal, &request.order))?);
        let action = new_action(id, kind, machine, request, is_held, now);
        work.add_action(&action, &request.actor).await?;
        if let Some(key) = &request.idempotency_key {
            work.add_request(key, &hash, id, now).await?;
        }
        self.write(&mut work, &queue, &changes, now).await?;
        work.commit().await?;
        info!(tenant = %self.id(), device = %machine.id, action = %id, kind = kind.name(), by = request.requestor, is_held, "accepted an action");
        self.inner.waiters.wake(self.id(), &machine.id);
        Ok((action, false))
    }

    /// Starts an investigation of a device.
    pub async fn investigate(
        &self,
        machine: &Machine,
        request: &Request,
        alert: Option<String>,
    ) -> Result<Investigation, ActionError> {
        let now = self.now();
        let policy = self.policy().await?;
        self.check(&policy, machine, request, now).await?;
        let mut work = self.store.begin_actions(&machine.id).await?;
        let mut queue = read_queue(&machine.id, work.queue().await?)?;
        let mut changes = queue.expire(now);
        let order = Uuid::new_v4();
        let is_held = policy.needs_approval(None);
        let accepted = queue.request(order, Order::Investigate, self.expiry(request, now), is_held);
        changes.extend(accepted.map_err(|refusal| self.refused(refusal, &request.order))?);
        let investigation = Investigation {
            id: work.next_investigation().await?.to_string(),
            start_time: Some(now),
            end_time: None,
            state: InvestigationState::Queued,
            cancelled_by: None,
            status_details: is_held.then(|| "Waits for the approval of a second person.".to_owned()),
            machine_id: machine.id.clone(),
            computer_dns_name: machine.computer_dns_name.clone(),
            triggering_alert_id: alert,
        };
        work.add_investigation(&investigation, order, &request.actor).await?;
        self.write(&mut work, &queue, &changes, now).await?;
        work.commit().await?;
        info!(tenant = %self.id(), device = %machine.id, investigation = investigation.id, by = request.requestor, "started an investigation");
        self.inner.waiters.wake(self.id(), &machine.id);
        Ok(investigation)
    }

    /// Cancels an action. Answers with it as it is then.
    pub async fn cancel(&self, id: ActionId, by: &str, comment: &str) -> Result<MachineAction, ActionError> {
        self.decide(id, by, comment, |queue| queue.cancel(id.0)).await
    }

    /// Lets an action go that waits for a second person, or ends it.
    pub async fn approve(
        &self,
        id: ActionId,
        actor: &str,
        by: &str,
        comment: &str,
        is_approved: bool,
    ) -> Result<MachineAction, ActionError> {
        let asked = self.store.action_actor(id).await?;
        let asked = asked.ok_or_else(|| not_found(id))?;
        if asked == actor {
            return Err(ActionError::SamePerson);
        }
        self.decide(id, by, comment, |queue| {
            let held = queue.open().iter().find(|entry| entry.id == id.0).ok_or(Refusal::NotOpen)?;
            match (held.is_held, is_approved) {
                (false, _) => Err(Refusal::NotHeld),
                (true, true) => queue.approve(id.0),
                (true, false) => queue.cancel(id.0),
            }
        })
        .await
    }

    /// Ends what is late on a device.
    async fn expire(&self, device: &DeviceId) -> Result<(), ActionError> {
        let now = self.now();
        let mut work = self.store.begin_actions(device).await?;
        let mut queue = read_queue(device, work.queue().await?)?;
        let changes = queue.expire(now);
        self.write(&mut work, &queue, &changes, now).await?;
        work.commit().await?;
        self.inner.waiters.wake(self.id(), device);
        Ok(())
    }

    async fn decide(
        &self,
        id: ActionId,
        by: &str,
        comment: &str,
        change: impl FnOnce(&mut Queue) -> Result<Vec<Change>, Refusal>,
    ) -> Result<MachineAction, ActionError> {
        let now = self.now();
        let known = self.store.action(id).await?.ok_or_else(|| not_found(id))?;
        let device = known.machine_id.clone();
        let mut work = self.store.begin_actions(&device).await?;
        let mut queue = read_queue(&device, work.queue().await?)?;
        let mut changes = queue.expire(now);
        match change(&mut queue) {
            Ok(more) => changes.extend(more),
            Err(Refusal::NotOpen) => {
                // It may have become late just now.
                self.write(&mut work, &queue, &changes, now).await?;
                let status = work.action(id).await?.map_or(known.status, |action| action.status);
                work.commit().await?;
                return Err(ActionError::Final { status });
            }
            Err(refusal) => return Err(self.refused(refusal, &Order::Investigate)),
        }
        self.write(&mut work, &queue, &changes, now).await?;
        let mut action = work.action(id).await?.ok_or_else(|| not_found(id))?;
        if action.status == ActionStatus::Cancelled {
            action.cancellation_requestor = Some(by.to_owned());
            action.cancellation_comment = Some(comment.to_owned());
            action.cancellation_date_time_utc = Some(now);
        } else {
            action.troubleshoot_info = Some(cut(&format!("Approved by {by}. {comment}")));
            action.last_update_date_time_utc = now;
        }
        work.replace_action(&action).await?;
        work.commit().await?;
        info!(tenant = %self.id(), %device, action = %id, by, status = action.status.name(), "decided about an action");
        self.inner.waiters.wake(self.id(), &device);
        Ok(action)
    }

    async fn check(
        &self,
        policy: &Policy,
        machine: &Machine,
        request: &Request,
        now: Ticks,
    ) -> Result<(), ActionError> {
        let kind = request.order.action();
        if request.order == Order::Offboard && !machine.os_platform.to_lowercase().starts_with("windows") {
            return Err(ActionError::OsNotSupported { os: machine.os_platform.clone() });
        }
        let key = self.store.device_key(&machine.id).await?;
        match key {
            None => return Err(ActionError::NotEnrolled),
            Some(key) if key.revoked.is_some() => return Err(ActionError::Offboarded),
            Some(_) => {}
        }
        policy.check_tags(machine, kind)?;
        policy.check_quota(kind, self.store.action_load(now.plus_seconds(-3_600)).await?)
    }

    fn expiry(&self, request: &Request, now: Ticks) -> Ticks {
        let usual = self.inner.limits.deadline.as_secs();
        let usual = i64::try_from(usual).unwrap_or(i64::MAX);
        now.plus_seconds(request.deadline_seconds.map_or(usual, |seconds| seconds.clamp(1, usual)))
    }

    /// Writes a queue and what its orders stand for.
    pub(crate) async fn write(
        &self,
        work: &mut ActionWork,
        queue: &Queue,
        changes: &[Change],
        now: Ticks,
    ) -> Result<(), ActionError> {
        for change in changes {
            let id = ActionId(change.id);
            if let Some(mut action) = work.action(id).await? {
                apply(&mut action, change, now);
                if action.kind == ActionKind::Offboard && action.status == ActionStatus::Succeeded {
                    work.revoke_key(now).await?;
                }
                work.replace_action(&action).await?;
            } else if let Some(mut investigation) = work.investigation(change.id).await? {
                conclude(&mut investigation, change, now);
                work.replace_investigation(&investigation, now).await?;
            }
        }
        let body = serde_json::to_string(queue).unwrap_or_default();
        Ok(work.put_queue(&body, queue.next_deadline()).await?)
    }

    fn refused(&self, refusal: Refusal, order: &Order) -> ActionError {
        match refusal {
            Refusal::Active { id } => {
                let kind = order.action().map_or("Investigation", ActionKind::name).to_owned();
                ActionError::Active { kind, id: id.to_string() }
            }
            Refusal::Full => ActionError::Full,
            Refusal::Offboarded => ActionError::Offboarded,
            Refusal::NotOpen => ActionError::Invalid("The action is over.".to_owned()),
            Refusal::Given => ActionError::Given,
            Refusal::NotHeld => ActionError::NotHeld,
        }
    }
}

/// The queue of a device as it was stored, or an empty one.
pub(crate) fn read_queue(device: &DeviceId, stored: Option<String>) -> Result<Queue, ActionError> {
    let unreadable = |source| ActionError::Queue { device: device.to_string(), source };
    stored.map_or(Ok(Queue::new()), |body| serde_json::from_str(&body).map_err(unreadable))
}

pub(crate) fn not_found(id: ActionId) -> ActionError {
    ActionError::NotFound { what: "Machine action", id: id.to_string() }
}

async fn known_request(
    work: &mut ActionWork,
    key: &str,
    hash: &str,
) -> Result<Option<MachineAction>, ActionError> {
    match work.request(key).await? {
        None => Ok(None),
        Some((known, _)) if known != hash => Err(ActionError::OtherRequest),
        Some((_, id)) => Ok(Some(work.action(id).await?.ok_or_else(|| not_found(id))?)),
    }
}

/// What makes two requests the same: the device, the order and the comment, by the same caller.
fn request_hash(device: &DeviceId, request: &Request) -> String {
    let text = json!([device, request.order, request.comment, request.actor]).to_string();
    digest_hex(text.as_bytes())
}

fn new_action(
    id: ActionId,
    kind: ActionKind,
    machine: &Machine,
    request: &Request,
    is_held: bool,
    now: Ticks,
) -> MachineAction {
    let related_file_info = match &request.order {
        Order::StopAndQuarantine { sha1 } => {
            Some(RelatedFile { file_identifier: sha1.clone(), file_identifier_type: "Sha1".to_owned() })
        }
        _ => None,
    };
    let commands = match &request.order {
        Order::LiveResponse { commands, .. } => commands.iter().enumerate().map(live_command).collect(),
        _ => Vec::new(),
    };
    MachineAction {
        id,
        kind,
        title: request.title.clone(),
        scope: scope(&request.order),
        requestor: request.requestor.clone(),
        requestor_comment: request.comment.clone(),
        request_source: Some(request.source.clone()),
        status: ActionStatus::Pending,
        machine_id: machine.id.clone(),
        computer_dns_name: machine.computer_dns_name.clone(),
        creation_date_time_utc: now,
        last_update_date_time_utc: now,
        cancellation_requestor: None,
        cancellation_comment: None,
        cancellation_date_time_utc: None,
        error_h_result: 0,
        external_id: request.external_id.clone(),
        related_file_info,
        commands,
        troubleshoot_info: is_held.then(|| "Waits for the approval of a second person.".to_owned()),
    }
}

fn scope(order: &Order) -> Option<String> {
    let mode = match order {
        Order::Isolate { mode } => serde_json::to_value(mode),
        Order::Scan { mode } => serde_json::to_value(mode),
        _ => return None,
    };
    mode.ok().and_then(|mode| mode.as_str().map(str::to_owned))
}

fn live_command((index, command): (usize, &LiveCommand)) -> LiveResponseResult {
    let (kind, params) = match command {
        LiveCommand::PutFile { file_name, .. } => ("PutFile", vec![("FileName", file_name)]),
        LiveCommand::RunScript { script_name, arguments, .. } => {
            let mut params = vec![("ScriptName", script_name)];
            if !arguments.is_empty() {
                params.push(("Args", arguments));
            }
            ("RunScript", params)
        }
        LiveCommand::GetFile { path } => ("GetFile", vec![("Path", path)]),
    };
    let params: Vec<Value> =
        params.into_iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    LiveResponseResult {
        index: u32::try_from(index).unwrap_or(u32::MAX),
        start_time: None,
        end_time: None,
        command_status: CommandStatus::Created,
        errors: Vec::new(),
        command: json!({ "type": kind, "params": params }),
    }
}

fn apply(action: &mut MachineAction, change: &Change, now: Ticks) {
    action.status = change.status;
    action.last_update_date_time_utc = action.last_update_date_time_utc.max(now);
    match &change.why {
        Why::Given | Why::Asked => {}
        Why::Superseded { by } => {
            action.cancellation_requestor = Some("Bartizan".to_owned());
            action.cancellation_comment = Some(format!("Superseded by action {by}."));
            action.cancellation_date_time_utc = Some(now);
        }
        Why::Late => action.troubleshoot_info = Some("The device did not answer in time.".to_owned()),
        Why::Done(Outcome::Succeeded { detail, findings, .. }) => {
            let found = match findings.len() {
                0 => detail.clone(),
                count => format!("{detail} {count} threats were found."),
            };
            action.troubleshoot_info = Some(cut(found.trim())).filter(|text| !text.is_empty());
        }
        Why::Done(Outcome::Failed { error, message }) => {
            action.error_h_result = *error;
            action.troubleshoot_info = Some(cut(message));
            for command in &mut action.commands {
                if command.command_status == CommandStatus::Created {
                    command.command_status = CommandStatus::Failed;
                }
            }
        }
        Why::Done(Outcome::Progress { .. }) => {}
    }
}

fn conclude(investigation: &mut Investigation, change: &Change, now: Ticks) {
    investigation.state = match (&change.why, change.status) {
        (Why::Done(Outcome::Succeeded { findings, .. }), _) if findings.is_empty() => {
            InvestigationState::Benign
        }
        (Why::Done(Outcome::Succeeded { findings, .. }), _) => {
            match findings.iter().all(|finding| finding.is_removed) {
                true => InvestigationState::SuccessfullyRemediated,
                false => InvestigationState::PartiallyRemediated,
            }
        }
        (_, ActionStatus::InProgress) => InvestigationState::Running,
        (_, ActionStatus::Failed) => InvestigationState::Failed,
        _ => InvestigationState::TerminatedBySystem,
    };
    investigation.status_details = match &change.why {
        Why::Done(Outcome::Succeeded { detail, findings, .. }) => {
            let threats: Vec<_> =
                findings.iter().take(20).map(|f| format!("{} in {}", f.threat, f.path)).collect();
            Some(cut(&[detail.as_str(), &threats.join("; ")].join(" ")))
                .filter(|text| !text.trim().is_empty())
        }
        Why::Done(Outcome::Failed { message, .. }) => Some(cut(message)),
        Why::Late => Some("The device did not answer in time.".to_owned()),
        _ => None,
    };
    if change.status.is_final() {
        investigation.end_time = Some(now);
    }
}

pub(crate) fn cut(text: &str) -> String {
    text.chars().take(DETAIL_CHARS_MAX).collect()
}
