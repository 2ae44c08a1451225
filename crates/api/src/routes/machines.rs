//! Machines: devices as the entity API shows them.

use axum::http::Uri;
use axum::response::Response;
use model::DeviceId;
use model::Permission::{AlertRead, MachineRead};
use model::machine::Machine;
use store::{ALERT_TYPE, AlertScope, MACHINE_TYPE};

use super::Access::Needs;
use super::Routes;
use crate::ctx::{Ctx, Param};
use crate::error::ApiError;
use crate::list::{self, ListRequest};

pub(super) fn routes(routes: &mut Routes) {
    routes.get("/api/machines", Needs(MachineRead), list).summary("Lists machines.");
    routes.get("/api/machines/$count", Needs(MachineRead), count).summary("Counts machines.");
    routes
        .get("/api/machines/{id}", Needs(MachineRead), read)
        .summary("Reads a machine by its id or DNS name.");
    routes
        .get("/api/machines/{id}/alerts", Needs(AlertRead), alerts)
        .summary("Lists the alerts of a machine.");
    routes
        .get("/api/machines/{id}/alerts/$count", Needs(AlertRead), alert_count)
        .summary("Counts the alerts of a machine.");
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &MACHINE_TYPE, &uri)?;
    let page = ctx.store().list_machines(&list.query, list.page()).await;
    list.answer(&ctx, "Machines", page)
}

async fn count(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let query = list::count_query(&MACHINE_TYPE, &uri)?;
    Ok(list::count(ctx.store().machine_count(query.filter.as_ref()).await?))
}

async fn read(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let machine = machine(&ctx, &id).await?;
    list::single(&ctx, "Machines", &MACHINE_TYPE, &uri, &machine)
}

async fn alerts(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &ALERT_TYPE, &uri)?;
    let scope = AlertScope::Device(machine(&ctx, &id).await?.id);
    let page = ctx.store().list_alerts(scope, &list.query, list.page()).await;
    list.answer(&ctx, "Alerts", page)
}

async fn alert_count(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let query = list::count_query(&ALERT_TYPE, &uri)?;
    let scope = AlertScope::Device(machine(&ctx, &id).await?.id);
    Ok(list::count(ctx.store().alert_count(scope, query.filter.as_ref()).await?))
}

async fn machine(ctx: &Ctx, id: &str) -> Result<Machine, ApiError> {
    let machine = match DeviceId::parse(id) {
        Some(id) => ctx.store().machine(&id).await?,
        None => ctx.store().machine_by_name(id).await?,
    };
    machine.ok_or_else(|| ApiError::resource_not_found("Machine", id))
}
