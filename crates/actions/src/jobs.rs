//! One order for many devices: a job, with what became of it on each.

use model::machine_action::{ActionKind, ActionStatus};
use model::{ActionId, DeviceId, Ticks};
use sensor_proto::Order;
use serde::{Deserialize, Serialize};
use store::{JobDevice, JobRow};
use tracing::info;
use uuid::Uuid;

use crate::ActionError;
use crate::service::{Actions, Request, TenantActions};

/// Devices of one job.
pub const JOB_DEVICES_MAX: usize = 10_000;
/// Jobs that are gone on with in one go, and devices of each.
const JOBS_MAX: u32 = 20;
const DEVICES_AT_ONCE: usize = 500;
/// A quota that is used up is waited for.
const WAITS: &str = "waits";

/// What a job is, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobBody {
    version: u32,
    pub order: Order,
    pub comment: String,
    pub title: Option<String>,
    pub requestor: String,
    pub actor: String,
    pub external_id: Option<String>,
    pub deadline_seconds: Option<i64>,
    /// The filter that chose the machines, for people to read.
    pub filter: Option<String>,
}

/// A job and what became of it on each device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: String,
    pub kind: ActionKind,
    pub body: JobBody,
    pub created: Ticks,
    /// Whether every device has an action or was refused one.
    pub is_submitted: bool,
    pub devices: Vec<JobResult>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobResult {
    pub device: DeviceId,
    pub action: Option<ActionId>,
    /// None before there is an action, and when it was refused.
    pub status: Option<ActionStatus>,
    pub refusal: Option<String>,
}

impl TenantActions {
    /// Takes an order for many devices. It is carried on with in the background, also after a restart.
    pub async fn start_job(
        &self,
        request: &Request,
        filter: Option<String>,
        devices: &[DeviceId],
    ) -> Result<Job, ActionError> {
        if devices.is_empty() || devices.len() > JOB_DEVICES_MAX {
            let message = format!("A job takes 1 to {JOB_DEVICES_MAX} machines, not {}.", devices.len());
            return Err(ActionError::Invalid(message));
        }
        let body = JobBody {
            version: 1,
            order: request.order.clone(),
            comment: request.comment.clone(),
            title: request.title.clone(),
            requestor: request.requestor.clone(),
            actor: request.actor.clone(),
            external_id: request.external_id.clone(),
            deadline_seconds: request.deadline_seconds,
            filter,
        };
        let id = Uuid::new_v4().to_string();
        let text = serde_json::to_string(&body).unwrap_or_default();
        let row =
            JobRow { tenant: self.id(), id: id.clone(), body: text, created: self.now(), is_done: false };
        self.store.add_job(&row, devices).await?;
        info!(tenant = %self.id(), job = id, devices = devices.len(), by = body.requestor, "took a job");
        self.go_on(&row).await?;
        self.job(&id).await
    }

    pub async fn job(&self, id: &str) -> Result<Job, ActionError> {
        let missing = || ActionError::NotFound { what: "Job", id: id.chars().take(64).collect() };
        let row = self.store.job(&id.to_lowercase()).await?.ok_or_else(missing)?;
        let body = read_body(&row)?;
        let kind = body.order.action().ok_or_else(missing)?;
        let mut devices = Vec::new();
        for JobDevice { device, action, refusal } in self.store.job_devices(&row.id).await? {
            let status = match action {
                Some(action) => self.store.action(action).await?.map(|action| action.status),
                None => None,
            };
            devices.push(JobResult { device, action, status, refusal });
        }
        Ok(Job { id: row.id, kind, body, created: row.created, is_submitted: row.is_done, devices })
    }

    /// Asks for the action on the devices that have none yet. Doing so twice makes no second action: the request of
    /// each device has a key.
    async fn go_on(&self, row: &JobRow) -> Result<(), ActionError> {
        let body = read_body(row)?;
        let devices = self.store.job_devices(&row.id).await?;
        let is_left = |of: &&JobDevice| of.action.is_none() && of.refusal.is_none();
        let left: Vec<&JobDevice> = devices.iter().filter(is_left).collect();
        for of in left.iter().take(DEVICES_AT_ONCE) {
            let outcome = match self.store.machine(&of.device).await? {
                None => Err("the machine was not found".to_owned()),
                Some(machine) => {
                    let request = body.request(&row.id, &of.device);
                    match self.submit(&machine, &request).await {
                        Ok((action, _)) => Ok(action.id),
                        Err(ActionError::Store(error)) => return Err(error.into()),
                        Err(ActionError::Quota { .. }) => Err(WAITS.to_owned()),
                        Err(error) => Err(error.to_string()),
                    }
                }
            };
            let (action, refusal) = match outcome {
                Ok(action) => (Some(action), None),
                // The next round tries again.
                Err(reason) if reason == WAITS => return Ok(()),
                Err(reason) => (None, Some(reason)),
            };
            self.store
                .set_job_device(&row.id, &JobDevice { device: of.device.clone(), action, refusal })
                .await?;
        }
        if left.len() <= DEVICES_AT_ONCE {
            self.store.end_job(&row.id).await?;
        }
        Ok(())
    }
}

impl Actions {
    pub(crate) async fn go_on_with_jobs(&self) -> Result<(), ActionError> {
        for row in self.inner.store.open_jobs(JOBS_MAX).await? {
            self.tenant(row.tenant).go_on(&row).await?;
        }
        Ok(())
    }
}

impl JobBody {
    fn request(&self, job: &str, device: &DeviceId) -> Request {
        Request {
            order: self.order.clone(),
            comment: self.comment.clone(),
            title: self.title.clone(),
            requestor: self.requestor.clone(),
            actor: self.actor.clone(),
            source: "Bulk".to_owned(),
            external_id: self.external_id.clone(),
            idempotency_key: Some(format!("job {job} {device}")),
            deadline_seconds: self.deadline_seconds,
        }
    }
}

fn read_body(row: &JobRow) -> Result<JobBody, ActionError> {
    let unreadable = |source| ActionError::Queue { device: format!("of job {}", row.id), source };
    serde_json::from_str(&row.body).map_err(unreadable)
}
