//! One action for many machines, as one job.

use actions::{JOB_DEVICES_MAX, Job};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use model::DeviceId;
use model::Permission::MachineRead;
use model::machine_action::{ActionKind, ActionStatus};
use odata::Limits;
use serde_json::{Value, json};
use store::{MACHINE_TYPE, PageRequest};

use super::Access::{Needs, NeedsOneOf};
use super::Routes;
use super::action_policy::{invalid, kind_of};
use super::actions::{ACTING, is_dry_run, missing, order, permission_of, request};
use super::live_response;
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::ApiError;
use crate::list;

pub(super) fn routes(routes: &mut Routes) {
    routes.post("/api/machineactions/bulk", NeedsOneOf(ACTING), start).summary(
        "Asks for an action on every machine that passes a filter; it takes the action's permission.",
    );
    routes
        .get("/api/machineactions/bulk/{id}", Needs(MachineRead), read)
        .summary("Reads a job, with what became of it on each machine.");
}

async fn start(ctx: Ctx, uri: Uri, headers: HeaderMap, mut body: JsonObject) -> Result<Response, ApiError> {
    let kind = kind_of(&body.take_text("Type")?.ok_or_else(|| missing("Type"))?, "Type")?;
    let ctx = ctx.demand(permission_of(kind), Some(kind.name())).await?.demand(MachineRead, None).await?;
    let filter = body.take_text("Filter")?;
    let ids = body.take("MachineIds")?;
    let order = match kind {
        ActionKind::LiveResponse => live_response::order(&ctx, &mut body).await?,
        kind => order(kind, &mut body)?,
    };
    let ctx = live_response::allowed(ctx, &order).await?;
    let request = request(&ctx, order, &headers, &mut body, kind != ActionKind::LiveResponse)?;
    let devices = match (&filter, ids) {
        (Some(filter), None) => filtered(&ctx, filter).await?,
        (None, Some(ids)) => known(&ctx, listed(&ids)?).await?,
        _ => return Err(invalid("The body has to have either 'Filter' or 'MachineIds'.".to_owned())),
    };
    if is_dry_run(&uri)? {
        return list::json(&dry_run(&ctx, kind, &request, &devices).await?);
    }
    let job = ctx.actions().start_job(&request, ctx.job_caller(), filter, &devices).await?;
    let mut response = list::json(&shown(&job))?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let mut job = ctx.actions().job(&id).await?;
    if !ctx.store().reach().is_all() {
        let ids: Vec<DeviceId> = job.devices.iter().map(|of| of.device.clone()).collect();
        let seen = ctx.store().machines_with_ids(&ids).await?;
        job.devices.retain(|of| seen.iter().any(|machine| machine.id == of.device));
        // A job without a machine in reach is as if absent.
        if job.devices.is_empty() {
            return Err(ApiError::resource_not_found("Job", &id));
        }
    }
    list::json(&shown(&job))
}

/// The machines that pass a filter of OData.
async fn filtered(ctx: &Ctx, filter: &str) -> Result<Vec<DeviceId>, ApiError> {
    let query = odata::parse(&MACHINE_TYPE, &[("$filter", filter)], Limits::new(JOB_DEVICES_MAX as u64))?;
    let page = PageRequest { limit: JOB_DEVICES_MAX as u64, cursor: None };
    let found = ctx.store().list_machines(&query, page).await?;
    if found.next.is_some() {
        return Err(invalid(format!("'Filter' lets more than {JOB_DEVICES_MAX} machines pass.")));
    }
    if found.items.is_empty() {
        return Err(invalid("'Filter' lets no machine pass.".to_owned()));
    }
    Ok(found.items.into_iter().map(|machine| machine.id).collect())
}

/// The same ids, if there is a machine for each that the caller can see.
async fn known(ctx: &Ctx, ids: Vec<DeviceId>) -> Result<Vec<DeviceId>, ApiError> {
    let found = ctx.store().machines_with_ids(&ids).await?;
    let missing = ids.iter().find(|id| !found.iter().any(|machine| machine.id == **id));
    match missing {
        None => Ok(ids),
        Some(id) => Err(ApiError::resource_not_found("Machine", id.as_str())),
    }
}

fn listed(ids: &Value) -> Result<Vec<DeviceId>, ApiError> {
    let ids = ids.as_array().map(|ids| ids.iter().map(|id| id.as_str().and_then(DeviceId::parse)));
    let ids: Option<Vec<DeviceId>> = ids.and_then(Iterator::collect);
    let mut ids = ids.ok_or_else(|| invalid("'MachineIds' takes a list of ids of machines.".to_owned()))?;
    ids.sort_unstable();
    ids.dedup();
    match (1..=JOB_DEVICES_MAX).contains(&ids.len()) {
        true => Ok(ids),
        false => Err(invalid(format!("'MachineIds' takes 1 to {JOB_DEVICES_MAX} ids."))),
    }
}

async fn dry_run(
    ctx: &Ctx,
    kind: ActionKind,
    request: &actions::Request,
    devices: &[DeviceId],
) -> Result<Value, ApiError> {
    let mut results = Vec::with_capacity(devices.len());
    let mut accepted = 0;
    for device in devices {
        let refusal = match ctx.store().machine(device).await? {
            None => Some("the machine was not found".to_owned()),
            Some(machine) => ctx.actions().plan(&machine, request).await.err().map(|error| error.to_string()),
        };
        accepted += u64::from(refusal.is_none());
        results.push(json!({ "machineId": device, "refusal": refusal }));
    }
    Ok(json!({ "dryRun": true, "type": kind, "accepted": accepted, "machines": results }))
}

fn shown(job: &Job) -> Value {
    let count = |wanted: ActionStatus| job.devices.iter().filter(|of| of.status == Some(wanted)).count();
    let is_open = |status: &Option<ActionStatus>| status.is_some_and(|status| !status.is_final());
    let is_left = |of: &&actions::JobResult| of.action.is_none() && of.refusal.is_none();
    let refused = job.devices.iter().filter(|of| of.refusal.is_some()).count();
    let open = job.devices.iter().filter(|of| is_open(&of.status)).count();
    let left = job.devices.iter().filter(is_left).count();
    let machines = job.devices.iter().map(|of| {
        json!({ "machineId": of.device, "actionId": of.action, "status": of.status, "refusal": of.refusal })
    });
    let machines: Vec<Value> = machines.collect();
    json!({
        "id": job.id,
        "type": job.kind,
        "requestor": job.body.requestor,
        "requestorComment": job.body.comment,
        "filter": job.body.filter,
        "created": job.created,
        "status": if left == 0 && open == 0 { "Completed" } else { "InProgress" },
        "counts": {
            "machines": job.devices.len(),
            "waiting": left,
            "refused": refused,
            "open": open,
            "succeeded": count(ActionStatus::Succeeded),
            "failed": count(ActionStatus::Failed),
            "timedOut": count(ActionStatus::TimeOut),
            "cancelled": count(ActionStatus::Cancelled),
        },
        "machines": machines,
    })
}
