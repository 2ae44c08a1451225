//! One order for many devices: a job, with what became of it on each.

use std::collections::HashMap;
use std::sync::{MutexGuard, PoisonError};

use futures::future::BoxFuture;
use model::machine_action::{ActionKind, ActionStatus};
use model::{ActionId, AppId, DeviceId, Reach, TenantId, Ticks};
use sensor_proto::Order;
use serde::{Deserialize, Serialize};
use store::{JobDevice, JobRow};
use tracing::{info, warn};
use uuid::Uuid;

use crate::ActionError;
use crate::service::{Actions, Request, TenantActions};

/// Devices of one job.
pub const JOB_DEVICES_MAX: usize = 10_000;
/// Jobs of a tenant that are gone on with in one go, and devices of each.
const JOBS_AT_ONCE: u32 = 10;
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
    #[serde(default)]
    pub asked_by: JobCaller,
    /// The filter that chose the machines, for people to read.
    pub filter: Option<String>,
}

/// Who asked for a job, so that it can be found out later what he may do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobCaller {
    /// None where nothing is kept of who may do what: tokens of outside issuers.
    pub app: Option<AppId>,
    /// None for an app for itself.
    pub user: Option<Uuid>,
}

/// Says what those who started jobs may do now.
pub trait Requestors: Send + Sync {
    /// The devices for which the order may be given; none when it may not be given any more.
    fn reach<'a>(
        &'a self,
        tenant: TenantId,
        asked_by: &'a JobCaller,
        order: &'a Order,
    ) -> BoxFuture<'a, Result<Option<Reach>, ActionError>>;
}

/// The job of each tenant that had its turn last.
#[derive(Debug, Default)]
pub(crate) struct Turns(HashMap<TenantId, String>);

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
        asked_by: JobCaller,
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
            asked_by,
            filter,
        };
        let id = Uuid::new_v4().to_string();
        let text = serde_json::to_string(&body).unwrap_or_default();
        let row =
            JobRow { tenant: self.id(), id: id.clone(), body: text, created: self.now(), is_done: false };
        {
            let _naming = self.inner.library.naming().await;
            self.check_contents(&request.order).await?;
            self.store.add_job(&row, devices).await?;
        }
        info!(tenant = %self.id(), job = id, devices = devices.len(), by = body.requestor, "took a job");
        self.go_on(&row, &Reach::All).await?;
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
    async fn go_on(&self, row: &JobRow, reach: &Reach) -> Result<(), ActionError> {
        let body = read_body(row)?;
        let left = self.store.job_devices_left(&row.id, DEVICES_AT_ONCE as u32 + 1).await?;
        let in_reach = self.store.clone().within(reach.clone());
        for device in left.iter().take(DEVICES_AT_ONCE) {
            let outcome = match in_reach.machine(device).await? {
                None => Err("the machine was not found".to_owned()),
                Some(machine) => {
                    let request = body.request(&row.id, device);
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
                .set_job_device(&row.id, &JobDevice { device: device.clone(), action, refusal })
                .await?;
        }
        if left.len() <= DEVICES_AT_ONCE {
            self.store.end_job(&row.id).await?;
        }
        Ok(())
    }
}

impl Actions {
    /// Goes on with some jobs of each tenant in turn. One that cannot go on now keeps no other from it.
    pub(crate) async fn go_on_with_jobs(&self) -> Result<(), ActionError> {
        let tenants = self.inner.store.tenants_with_open_jobs().await?;
        for tenant in &tenants {
            let last = self.turns().0.get(tenant).cloned();
            let jobs = self.inner.store.tenant(*tenant).open_jobs(last.as_deref(), JOBS_AT_ONCE).await?;
            for row in jobs {
                self.turns().0.insert(*tenant, row.id.clone());
                if let Err(error) = self.take_turn(&row).await {
                    let error = &error as &dyn std::error::Error;
                    warn!(%tenant, job = row.id, error, "a job cannot go on now");
                }
            }
        }
        self.turns().0.retain(|tenant, _| tenants.contains(tenant));
        Ok(())
    }

    async fn take_turn(&self, row: &JobRow) -> Result<(), ActionError> {
        let of = self.tenant(row.tenant);
        let Some(requestors) = self.inner.requestors.get() else { return of.go_on(row, &Reach::All).await };
        let body = read_body(row)?;
        match requestors.reach(row.tenant, &body.asked_by, &body.order).await? {
            Some(reach) => of.go_on(row, &reach).await,
            None => {
                warn!(tenant = %row.tenant, job = row.id, by = body.requestor, "who asked for a job may not do so any more");
                Ok(of.store.refuse_job(&row.id, "who asked for the job may not do so any more").await?)
            }
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.inner.turns.lock().unwrap_or_else(PoisonError::into_inner)
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
