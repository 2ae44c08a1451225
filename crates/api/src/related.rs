//! Alerts and machines of a file, an address, a domain or a user.

use axum::http::Uri;
use axum::response::Response;
use model::{DeviceId, Permission, Ticks};
use store::{ALERT_TYPE, AlertScope, MACHINE_TYPE, MachineScope};

use crate::ask;
use crate::ctx::{Ctx, Param};
use crate::error::ApiError;
use crate::list::{self, ListRequest, parameter};
use crate::routes::Access::Needs;
use crate::routes::{Routes, domains, files, ips, users};

const HOURS_MAX: i64 = 720;
/// Devices that one list is of.
const DEVICES_MAX: usize = 10_000;
/// Tables whose rows name files, addresses and users of a device.
const TABLES: &str = "DeviceProcessEvents, DeviceFileEvents, DeviceImageLoadEvents, DeviceEvents, \
                      DeviceNetworkEvents, DeviceLogonEvents, DeviceRegistryEvents";

/// What alerts and machines are of.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    File,
    Ip,
    Domain,
    User,
}

/// The paths of one kind, and what its lists demand.
pub(crate) struct Paths {
    pub alerts: &'static str,
    pub alert_count: &'static str,
    pub machines: &'static str,
    pub machine_count: &'static str,
    pub of: Of,
    pub needs: (Permission, Permission),
}

/// Alerts with something in their evidence, and the devices that saw it.
pub(crate) struct Relation {
    pub scope: AlertScope,
    pub devices: Vec<DeviceId>,
    pub is_known: bool,
}

pub(crate) fn routes(routes: &mut Routes, paths: &Paths) {
    let (of, (of_alerts, of_machines)) = (paths.of, paths.needs);
    let alerts = move |ctx: Ctx, param: Param, uri: Uri| alerts(ctx, of, param, uri);
    let alert_count = move |ctx: Ctx, param: Param, uri: Uri| alert_count(ctx, of, param, uri);
    let machines = move |ctx: Ctx, param: Param, uri: Uri| machines(ctx, of, param, uri);
    let machine_count = move |ctx: Ctx, param: Param, uri: Uri| machine_count(ctx, of, param, uri);
    routes
        .get(paths.alerts, Needs(of_alerts), alerts)
        .summary("Lists the alerts that have it in their evidence.")
        .lists(&ALERT_TYPE);
    routes
        .get(paths.alert_count, Needs(of_alerts), alert_count)
        .summary("Counts the alerts that have it in their evidence.")
        .counts(&ALERT_TYPE);
    routes
        .get(paths.machines, Needs(of_machines), machines)
        .summary("Lists the machines that saw it.")
        .lists(&MACHINE_TYPE);
    routes
        .get(paths.machine_count, Needs(of_machines), machine_count)
        .summary("Counts the machines that saw it.")
        .counts(&MACHINE_TYPE);
}

impl Of {
    async fn relation(self, ctx: &Ctx, id: &str) -> Result<Relation, ApiError> {
        match self {
            Of::File => files::relation(ctx, id).await,
            Of::Ip => ips::relation(ctx, id).await,
            Of::Domain => domains::relation(ctx, id).await,
            Of::User => users::relation(ctx, id).await,
        }
    }
}

async fn alerts(ctx: Ctx, of: Of, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &ALERT_TYPE, &uri)?;
    let relation = of.relation(&ctx, &id).await?;
    let page = ctx.store().list_alerts(relation.scope, &list.query, list.page()).await;
    list.answer(&ctx, "Alerts", page)
}

async fn alert_count(ctx: Ctx, of: Of, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let query = list::count_query(&ALERT_TYPE, &uri)?;
    let relation = of.relation(&ctx, &id).await?;
    Ok(list::count(ctx.store().alert_count(relation.scope, query.filter.as_ref()).await?))
}

async fn machines(ctx: Ctx, of: Of, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &MACHINE_TYPE, &uri)?;
    let scope = machine_scope(&ctx, of, &id).await?;
    let page = ctx.store().list_machines_of(&scope, &list.query, list.page()).await;
    list.answer(&ctx, "Machines", page)
}

async fn machine_count(ctx: Ctx, of: Of, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let query = list::count_query(&MACHINE_TYPE, &uri)?;
    let scope = machine_scope(&ctx, of, &id).await?;
    Ok(list::count(ctx.store().machine_count_of(&scope, query.filter.as_ref()).await?))
}

/// An address that was not seen, or by no machine in reach, is not found; of the others an empty list is the answer.
async fn machine_scope(ctx: &Ctx, of: Of, id: &str) -> Result<MachineScope, ApiError> {
    let relation = of.relation(ctx, id).await?;
    let scope = MachineScope::Ids(relation.devices);
    if matches!(of, Of::Ip) {
        let is_seen = match ctx.reaches_all() {
            true => relation.is_known,
            false => ctx.store().machine_count_of(&scope, None).await? > 0,
        };
        if !is_seen {
            return Err(ApiError::resource_not_found("Address", id));
        }
    }
    Ok(scope)
}

/// From when on statistics count: the parameter `lookBackHours`, 30 days at most.
pub(crate) fn look_back(ctx: &Ctx, uri: &Uri) -> Result<Ticks, ApiError> {
    let hours = match parameter(uri, "lookBackHours") {
        None => HOURS_MAX,
        Some(text) => {
            let hours = text.trim().parse::<i64>().ok().filter(|hours| (1..=HOURS_MAX).contains(hours));
            let wrong = || format!("'lookBackHours' takes a whole number from 1 to {HOURS_MAX}.");
            hours.ok_or_else(|| ApiError::invalid(wrong()))?
        }
    };
    Ok(ctx.now().plus_seconds(-hours * 3_600))
}

/// The devices with events that have a value in one of some columns. `value` holds no quote.
pub(crate) async fn devices_with(
    ctx: &Ctx,
    columns: &[&str],
    value: &str,
) -> Result<Vec<DeviceId>, ApiError> {
    let conditions: Vec<_> = columns.iter().map(|column| format!("{column} == '{value}'")).collect();
    devices_where(ctx, &conditions.join(" or ")).await
}

/// The devices that talked to a domain or to a name below it, or asked for one. `host` is of letters, digits, `-`,
/// `_` and dots.
pub(crate) async fn devices_of_domain(ctx: &Ctx, host: &str) -> Result<Vec<DeviceId>, ApiError> {
    devices_where(ctx, &of_domain(host)).await
}

fn of_domain(host: &str) -> String {
    let name = host.replace('.', r"\.");
    let url = format!(r"(?i)^([a-z][a-z0-9+.-]*://)?([^/?#@]*@)?([^/?#@:]*\.)?{name}\.?([:/?#]|$)");
    let queried = format!(r"(?i)^(.*\.)?{name}\.?$");
    format!(
        "(RemoteUrl contains '{host}' and RemoteUrl matches regex @'{url}') or (ActionType == 'DnsQueryResponse' \
         and AdditionalFields contains '{host}' \
         and tostring(parse_json(AdditionalFields).DnsQueryString) matches regex @'{queried}')"
    )
}

async fn devices_where(ctx: &Ctx, condition: &str) -> Result<Vec<DeviceId>, ApiError> {
    let query = format!("union {TABLES} | where {condition} | distinct DeviceId | take {DEVICES_MAX}");
    let ids = ask::texts(ctx, &query, "DeviceId").await?;
    Ok(ids.iter().filter_map(|id| DeviceId::parse(id)).collect())
}
