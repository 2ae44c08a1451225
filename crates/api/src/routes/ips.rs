//! Addresses that devices talked to.

use std::net::IpAddr;

use axum::http::Uri;
use axum::response::Response;
use model::Permission::{AlertRead, IpRead, MachineRead};
use model::Ticks;
use odata::{EntityType, Kind, Property};
use profiles::Reader;
use serde::Serialize;
use store::AlertScope;

use super::Access::Needs;
use super::Routes;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::{list, related};

pub(super) static IP_TYPE: EntityType = EntityType {
    name: "address",
    properties: &[Property::new("id", Kind::String).filterable().sortable()],
    expands: &[],
};

static STATS_TYPE: EntityType = EntityType {
    name: "address statistics",
    properties: &[
        Property::new("ipAddress", Kind::String),
        Property::new("organizationPrevalence", Kind::Int64),
        Property::new("orgFirstSeen", Kind::DateTime),
        Property::new("orgLastSeen", Kind::DateTime),
    ],
    expands: &[],
};

/// An address, on the wire.
#[derive(Serialize)]
pub(super) struct Ip {
    pub id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    ip_address: String,
    organization_prevalence: u64,
    org_first_seen: Option<Ticks>,
    org_last_seen: Option<Ticks>,
}

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/ips/{ip}", Needs(IpRead), read)
        .summary("Says whether an address was seen.")
        .gives(&IP_TYPE);
    routes
        .get("/api/ips/{ip}/stats", Needs(IpRead), stats)
        .summary("Counts the devices that talked to an address.")
        .gives(&STATS_TYPE);
    related::routes(
        routes,
        &related::Paths {
            alerts: "/api/ips/{ip}/alerts",
            alert_count: "/api/ips/{ip}/alerts/$count",
            machines: "/api/ips/{ip}/machines",
            machine_count: "/api/ips/{ip}/machines/$count",
            of: related::Of::Ip,
            needs: (AlertRead, MachineRead),
        },
    );
}

async fn read(ctx: Ctx, Param(ip): Param, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let id = address(&ip)?.to_string();
    let known = Reader::new(ctx.store()).address(&id).await?;
    known.ok_or_else(|| ApiError::resource_not_found("Address", &ip))?;
    list::single(&ctx, "Ips", &IP_TYPE, &uri, &Ip { id })
}

async fn stats(ctx: Ctx, Param(ip): Param, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let since = related::look_back(&ctx, &uri)?;
    let ip_address = address(&ip)?.to_string();
    let known = Reader::new(ctx.store()).address(&ip_address).await?;
    let stats = Stats {
        ip_address,
        organization_prevalence: known.as_ref().map_or(0, |k| k.profile.devices.device_count(Some(since))),
        org_first_seen: known.as_ref().map(|known| Ticks(known.span.first)),
        org_last_seen: known.as_ref().map(|known| Ticks(known.span.last)),
    };
    list::single(&ctx, "microsoft.windowsDefenderATP.api.InOrgIPStats", &STATS_TYPE, &uri, &stats)
}

/// The address that a text says.
pub(crate) fn address(text: &str) -> Result<IpAddr, ApiError> {
    let wrong =
        || ApiError::new(code::INVALID_ADDRESS, "An address is an IPv4 or IPv6 address, such as 10.0.0.5.");
    text.trim().parse::<IpAddr>().map(|ip| ip.to_canonical()).map_err(|_| wrong())
}

/// The alerts of an address, and the devices that talked to it.
pub(crate) async fn relation(ctx: &Ctx, ip: &str) -> Result<related::Relation, ApiError> {
    let id = address(ip)?.to_string();
    let known = Reader::new(ctx.store()).address(&id).await?;
    let mut devices = Vec::new();
    if let Some(known) = &known {
        devices.extend(known.profile.devices.devices().map(|seen| seen.device()));
    }
    if devices.len() >= profiles::DEVICES_MAX {
        devices = related::devices_with(ctx, &["RemoteIP"], &id).await?;
    }
    Ok(related::Relation { scope: AlertScope::Address(id), devices, is_known: known.is_some() })
}
