//! Users that were at devices.

use axum::http::Uri;
use axum::response::Response;
use model::Permission::{AlertRead, MachineRead, UserRead};
use model::Ticks;
use odata::{EntityType, Kind, Property};
use profiles::{DeviceOfUser, Known, Logon, Reader, User, user_name};
use serde::Serialize;
use store::AlertScope;

use super::Access::Needs;
use super::Routes;
use crate::ctx::{Ctx, Param};
use crate::error::ApiError;
use crate::{list, related};

/// Users of one name, of different domains.
const NAMESAKES_MAX: u64 = 100;
/// Devices of one user.
const DEVICES_MAX: u64 = 10_000;

pub(super) static USER_TYPE: EntityType = EntityType {
    name: "user",
    properties: &[
        Property::new("id", Kind::String).filterable().sortable(),
        Property::new("accountName", Kind::String).filterable().sortable(),
        Property::new("accountDomain", Kind::String).filterable().sortable(),
        Property::new("accountSid", Kind::String).filterable().sortable(),
        Property::new("firstSeen", Kind::DateTime).filterable().sortable(),
        Property::new("lastSeen", Kind::DateTime).filterable().sortable(),
        Property::new("mostPrevalentMachineId", Kind::String).filterable().sortable(),
        Property::new("leastPrevalentMachineId", Kind::String).filterable().sortable(),
        Property::new("logonTypes", Kind::String).filterable().sortable(),
        Property::new("logOnMachinesCount", Kind::Int64).filterable().sortable(),
        Property::new("isDomainAdmin", Kind::Bool).filterable().sortable(),
        Property::new("isOnlyNetworkUser", Kind::Bool).filterable().sortable(),
    ],
    expands: &[],
};

/// A user, on the wire.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserBody {
    id: String,
    account_name: String,
    account_domain: Option<String>,
    account_sid: Option<String>,
    first_seen: Ticks,
    last_seen: Ticks,
    most_prevalent_machine_id: Option<String>,
    least_prevalent_machine_id: Option<String>,
    logon_types: String,
    log_on_machines_count: Option<u64>,
    /// Events do not say it.
    is_domain_admin: Option<bool>,
    is_only_network_user: Option<bool>,
}

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/users/{id}", Needs(UserRead), read)
        .summary("Reads a user by name, or by domain and name.")
        .gives(&USER_TYPE);
    related::routes(
        routes,
        &related::Paths {
            alerts: "/api/users/{id}/alerts",
            alert_count: "/api/users/{id}/alerts/$count",
            machines: "/api/users/{id}/machines",
            machine_count: "/api/users/{id}/machines/$count",
            of: related::Of::User,
            needs: (AlertRead, MachineRead),
        },
    );
}

async fn read(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    list::single(&ctx, "Users", &USER_TYPE, &uri, &user(&ctx, &id).await?)
}

/// The user of that id, or the one of that name that was seen last.
pub(super) async fn user(ctx: &Ctx, id: &str) -> Result<UserBody, ApiError> {
    ctx.whole_tenant()?;
    let found = found(ctx, id).await?.into_iter().max_by_key(|(_, known)| known.span.last);
    let (id, known) = found.ok_or_else(|| ApiError::resource_not_found("User", id))?;
    let devices = Reader::new(ctx.store()).devices_of(&id, DEVICES_MAX).await?;
    let count = Reader::new(ctx.store()).device_count_of(&id).await?;
    let days = |device: &&DeviceOfUser| device.logon.profile.days.count();
    let most = devices.iter().max_by_key(days);
    let least = devices.iter().min_by_key(days);
    let mut user = body(&id, &known);
    user.most_prevalent_machine_id = most.map(|device| device.device.to_string());
    user.least_prevalent_machine_id = least.map(|device| device.device.to_string());
    user.log_on_machines_count = Some(count);
    Ok(user)
}

async fn found(ctx: &Ctx, id: &str) -> Result<Vec<(String, Known<User>)>, ApiError> {
    let reader = Reader::new(ctx.store());
    let folded = store::fold(id.trim());
    if let Some(known) = reader.user(&folded).await? {
        return Ok(vec![(folded, known)]);
    }
    Ok(reader.users_named(&folded, NAMESAKES_MAX).await?)
}

fn body(id: &str, known: &Known<User>) -> UserBody {
    let logon_types = known.profile.logon_types.iter().collect::<Vec<_>>();
    UserBody {
        account_sid: known.profile.sid.as_ref().map(|latest| latest.value.clone()),
        ..of(id, (Ticks(known.span.first), Ticks(known.span.last)), &logon_types)
    }
}

/// A user as a device knows it.
pub(super) fn at_device(id: &str, logon: &Known<Logon>) -> UserBody {
    let logon_types = logon.profile.logon_types.iter().collect::<Vec<_>>();
    of(id, (Ticks(logon.span.first), Ticks(logon.span.last)), &logon_types)
}

fn of(id: &str, (first_seen, last_seen): (Ticks, Ticks), logon_types: &[&str]) -> UserBody {
    UserBody {
        id: id.to_owned(),
        account_name: user_name(id).to_owned(),
        account_domain: id.split_once('\\').map(|(domain, _)| domain.to_owned()),
        account_sid: None,
        first_seen,
        last_seen,
        most_prevalent_machine_id: None,
        least_prevalent_machine_id: None,
        logon_types: logon_types.join(", "),
        log_on_machines_count: None,
        is_domain_admin: None,
        is_only_network_user: (!logon_types.is_empty())
            .then(|| logon_types.iter().all(|kind| kind.eq_ignore_ascii_case("Network"))),
    }
}

/// The alerts of users of a name, and the devices they were at.
pub(crate) async fn relation(ctx: &Ctx, id: &str) -> Result<related::Relation, ApiError> {
    let users = found(ctx, id).await?;
    let mut devices = Vec::new();
    for (user, _) in &users {
        let of_user = Reader::new(ctx.store()).devices_of(user, DEVICES_MAX).await?;
        devices.extend(of_user.into_iter().map(|device| device.device));
    }
    devices.truncate(DEVICES_MAX as usize);
    let scope = AlertScope::User(user_name(id.trim()).to_owned());
    Ok(related::Relation { scope, devices, is_known: !users.is_empty() })
}
