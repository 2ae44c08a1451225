//! Machines: devices as the entity API shows them, and what people set of them.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use model::Permission::{AlertRead, MachineRead, MachineReadWrite, UserRead};
use model::machine::Machine;
use model::{DeviceId, Ticks};
use profiles::Reader;
use store::{ALERT_TYPE, AlertScope, MACHINE_TYPE, MachineChange, MachineScope, StoreError, TagChange};

use super::Access::Needs;
use super::users::USER_TYPE;
use super::{Routes, ips, users};
use crate::ask;
use crate::body::JsonObject;
use crate::ctx::{Arguments, Ctx, Param};
use crate::error::{ApiError, code};
use crate::list::{self, ListRequest, memory, parameter};

const TAG_BYTES_MAX: usize = 200;
/// Tags that one call sets.
const TAGS_MAX: usize = 200;
/// Machines of one call.
const BATCH_MAX: usize = 500;
/// Users of one machine.
const USERS_MAX: u64 = 10_000;
const DEVICE_VALUES: &[&str] = &["Normal", "Low", "High"];

/// How far from the time that is asked for an address counts.
const WINDOW_MINUTES: i64 = 15;
const RETIRED_WINDOW_MINUTES: i64 = 16;
/// How long ago that time may be.
const DAYS_MAX: i64 = 30;

pub(super) fn routes(routes: &mut Routes) {
    routes.get("/api/machines", Needs(MachineRead), list).summary("Lists machines.").lists(&MACHINE_TYPE);
    routes
        .get("/api/machines/$count", Needs(MachineRead), count)
        .summary("Counts machines.")
        .counts(&MACHINE_TYPE);
    routes
        .get("/api/machines/{id}", Needs(MachineRead), read)
        .summary("Reads a machine by its id or DNS name.")
        .gives(&MACHINE_TYPE);
    routes
        .patch("/api/machines/{id}", Needs(MachineReadWrite), update)
        .summary("Replaces the tags of a machine, or sets its value.")
        .takes(r#"{"machineTags":["vip"],"deviceValue":"High"}"#)
        .gives(&MACHINE_TYPE);
    routes
        .get("/api/machines/{id}/alerts", Needs(AlertRead), alerts)
        .summary("Lists the alerts of a machine.")
        .lists(&ALERT_TYPE);
    routes
        .get("/api/machines/{id}/alerts/$count", Needs(AlertRead), alert_count)
        .summary("Counts the alerts of a machine.")
        .counts(&ALERT_TYPE);
    routes
        .get("/api/machines/{id}/logonusers", Needs(UserRead), logon_users)
        .summary("Lists the users that were at a machine.")
        .lists(&USER_TYPE);
    routes
        .get("/api/machines/{id}/history", Needs(MachineRead), history)
        .summary("Lists who set what of a machine.")
        .lists(&memory::HISTORY_TYPE);
    routes
        .post("/api/machines/{id}/tags", Needs(MachineReadWrite), tag)
        .summary("Adds or removes a tag of a machine.")
        .takes(r#"{"Value":"vip","Action":"Add"}"#)
        .gives(&MACHINE_TYPE);
    routes
        .post("/api/machines/addOrRemoveTagForMultipleMachines", Needs(MachineReadWrite), tag_many)
        .summary("Adds or removes a tag of several machines, of all or none.")
        .takes(r#"{"Value":"vip","Action":"Add","MachineIds":["1e5bc9d7e413ddd7902c2932e418702b84d0cc07"]}"#)
        .lists(&MACHINE_TYPE);
    routes
        .post("/api/machines/{id}/setDeviceValue", Needs(MachineReadWrite), set_value)
        .summary("Says what a machine is worth.")
        .takes(r#"{"DeviceValue":"High"}"#)
        .gives(&MACHINE_TYPE);
    routes
        .get("/api/machines/findbyip()", Needs(MachineRead), find_by_ip)
        .summary("Lists the machines that had an address within 15 minutes of a time: `(ip='10.0.0.5',timestamp=2024-05-06T07:00:00Z)`.")
        .lists(&MACHINE_TYPE);
    routes
        .get("/api/machines/find()", Needs(MachineRead), find)
        .summary("The retired form of it: `(timestamp=2024-05-06T07:00:00Z,key='10.0.0.5')`; 404 when there is none.")
        .lists(&MACHINE_TYPE);
    routes
        .get("/api/machines/findbytag", Needs(MachineRead), find_by_tag)
        .summary("Lists the machines with the tag of the parameter `tag`, or with one that begins so if `useStartsWithFilter` is true.")
        .lists(&MACHINE_TYPE);
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

async fn read(ctx: Ctx, Param(given): Param, uri: Uri) -> Result<Response, ApiError> {
    let id = match DeviceId::parse(&given) {
        Some(id) => id,
        None => Box::pin(machine(&ctx, &given)).await?.id,
    };
    let machine = ctx.store().written_machine(&id).await?;
    let machine = machine.ok_or_else(|| ApiError::resource_not_found("Machine", &given))?;
    list::written(&ctx, "Machines", &MACHINE_TYPE, &uri, &machine)
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

async fn logon_users(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let machine = machine(&ctx, &id).await?;
    let found = Reader::new(ctx.store()).users_at(&machine.id, USERS_MAX).await?;
    let users = found.iter().map(|at| users::at_device(&at.user, &at.logon)).collect();
    memory::answer(&ctx, "Users", &USER_TYPE, &uri, users)
}

async fn history(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let machine = machine(&ctx, &id).await?;
    let entries = ctx.store().entity_history("machine", machine.id.as_str()).await?;
    memory::history(&ctx, &uri, entries)
}

async fn update(
    ctx: Ctx,
    Param(id): Param,
    uri: Uri,
    headers: HeaderMap,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let tags = body.take_texts("machineTags", TAGS_MAX)?;
    let tags =
        tags.map(|tags| tags.iter().map(|tag| tag_of(tag)).collect::<Result<Vec<_>, _>>()).transpose()?;
    let device_value = body.take_choice("deviceValue", DEVICE_VALUES, &[])?;
    if tags.is_none() && device_value.is_none() {
        let message = "There is nothing to change: give machineTags or deviceValue.";
        return Err(ApiError::new(code::INVALID_BODY, message));
    }
    let change = MachineChange {
        device_value,
        expected: list::expected(&headers)?,
        ..change(&ctx, tags.map(TagChange::Replace))
    };
    changed(&ctx, &id, &uri, &change).await
}

async fn tag(
    ctx: Ctx,
    Param(id): Param,
    uri: Uri,
    headers: HeaderMap,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let tags = read_tag(&mut body)?;
    let change = MachineChange { expected: list::expected(&headers)?, ..change(&ctx, Some(tags)) };
    changed(&ctx, &id, &uri, &change).await
}

async fn tag_many(ctx: Ctx, uri: Uri, mut body: JsonObject) -> Result<Response, ApiError> {
    let tags = read_tag(&mut body)?;
    let given = body.take_texts("MachineIds", BATCH_MAX)?.filter(|ids| !ids.is_empty());
    let given: BTreeSet<_> = given.ok_or_else(|| ApiError::missing("MachineIds"))?.into_iter().collect();
    let mut ids = Vec::new();
    for id in given {
        ids.push(machine(&ctx, id.trim()).await?.id);
    }
    let machines = ctx.store().change_machines(&ids, &change(&ctx, Some(tags))).await.map_err(not_there)?;
    memory::answer(&ctx, "Machines", &MACHINE_TYPE, &uri, machines)
}

async fn set_value(
    ctx: Ctx,
    Param(id): Param,
    uri: Uri,
    headers: HeaderMap,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let device_value = body.take_choice("DeviceValue", DEVICE_VALUES, &[])?;
    let device_value = Some(device_value.ok_or_else(|| ApiError::missing("DeviceValue"))?);
    let change = MachineChange { device_value, expected: list::expected(&headers)?, ..change(&ctx, None) };
    changed(&ctx, &id, &uri, &change).await
}

/// A change by the caller.
fn change(ctx: &Ctx, tags: Option<TagChange>) -> MachineChange {
    MachineChange { tags, device_value: None, expected: None, by: ctx.author(), at: ctx.now() }
}

async fn changed(ctx: &Ctx, id: &str, uri: &Uri, change: &MachineChange) -> Result<Response, ApiError> {
    let machine = machine(ctx, id).await?;
    let machines = ctx.store().change_machines(&[machine.id], change).await.map_err(not_there)?;
    let machine = machines.first().ok_or_else(|| ApiError::resource_not_found("Machine", id))?;
    list::single(ctx, "Machines", &MACHINE_TYPE, uri, machine)
}

fn not_there(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound { id, .. } => ApiError::resource_not_found("Machine", &id),
        error => error.into(),
    }
}

fn read_tag(body: &mut JsonObject) -> Result<TagChange, ApiError> {
    let tag = tag_of(&body.need_text("Value", TAG_BYTES_MAX)?)?;
    let action: Option<String> = body.take_choice("Action", &["Add", "Remove"], &[])?;
    match action.ok_or_else(|| ApiError::missing("Action"))?.as_str() {
        "Add" => Ok(TagChange::Add(tag)),
        _ => Ok(TagChange::Remove(tag)),
    }
}

fn tag_of(text: &str) -> Result<String, ApiError> {
    let tag = text.trim();
    if tag.is_empty() || tag.len() > TAG_BYTES_MAX || tag.chars().any(char::is_control) {
        return Err(ApiError::invalid(format!("A tag takes 1 to {TAG_BYTES_MAX} bytes of text.")));
    }
    Ok(tag.to_owned())
}

async fn find_by_ip(ctx: Ctx, arguments: Arguments, uri: Uri) -> Result<Response, ApiError> {
    let ip = arguments.get("ip").ok_or_else(|| ApiError::missing("ip"))?;
    let devices = devices_with_address(&ctx, ip, &arguments, WINDOW_MINUTES).await?;
    scoped(&ctx, &uri, &MachineScope::Ids(devices)).await
}

async fn find(ctx: Ctx, arguments: Arguments, uri: Uri) -> Result<Response, ApiError> {
    let ip = arguments.get("key").ok_or_else(|| ApiError::missing("key"))?;
    let devices = devices_with_address(&ctx, ip, &arguments, RETIRED_WINDOW_MINUTES).await?;
    if devices.is_empty() {
        return Err(ApiError::resource_not_found("Machine with address", ip));
    }
    scoped(&ctx, &uri, &MachineScope::Ids(devices)).await
}

async fn devices_with_address(
    ctx: &Ctx,
    ip: &str,
    arguments: &Arguments,
    window_minutes: i64,
) -> Result<Vec<DeviceId>, ApiError> {
    let ip = ips::address(ip)?;
    let time = arguments.get("timestamp").ok_or_else(|| ApiError::missing("timestamp"))?;
    let time = odata::parse_datetime(time).map(Ticks);
    let wrong = || ApiError::invalid("'timestamp' takes a time such as 2024-05-06T07:00:00Z.");
    let time = time.ok_or_else(wrong)?;
    if time < ctx.now().plus_seconds(-DAYS_MAX * 86_400) {
        return Err(ApiError::invalid(format!("'timestamp' takes a time of the last {DAYS_MAX} days.")));
    }
    let (from, to) = (time.plus_seconds(-window_minutes * 60), time.plus_seconds(window_minutes * 60));
    let within = format!("where Timestamp between (datetime({from}) .. datetime({to}))");
    let query = format!(
        "union (DeviceNetworkInfo | {within} | where IPAddresses has '{ip}' | project DeviceId), \
         (DeviceNetworkEvents | {within} | where LocalIP == '{ip}' | project DeviceId) \
         | distinct DeviceId | take 10000"
    );
    let ids = ask::texts(ctx, &query, "DeviceId").await?;
    Ok(ids.iter().filter_map(|id| DeviceId::parse(id)).collect())
}

async fn find_by_tag(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let tag = parameter(&uri, "tag").filter(|tag| !tag.trim().is_empty());
    let tag = tag.ok_or_else(|| ApiError::missing("tag"))?;
    let is_prefix = match parameter(&uri, "useStartsWithFilter").as_deref().map(str::trim) {
        None | Some("") => false,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(_) => return Err(ApiError::invalid("'useStartsWithFilter' takes true or false.")),
    };
    scoped(&ctx, &uri, &MachineScope::Tag { tag: tag.trim().to_owned(), is_prefix }).await
}

async fn scoped(ctx: &Ctx, uri: &Uri, scope: &MachineScope) -> Result<Response, ApiError> {
    let list = ListRequest::read(ctx, &MACHINE_TYPE, uri)?;
    let page = ctx.store().list_machines_of(scope, &list.query, list.page()).await;
    list.answer(ctx, "Machines", page)
}

pub(super) async fn machine(ctx: &Ctx, id: &str) -> Result<Machine, ApiError> {
    let machine = match DeviceId::parse(id) {
        Some(id) => ctx.store().machine(&id).await?,
        None => ctx.store().machine_by_name(id).await?,
    };
    machine.ok_or_else(|| ApiError::resource_not_found("Machine", id))
}
