//! Domains that devices asked for or talked to.

use axum::http::Uri;
use axum::response::Response;
use model::Permission::{AlertRead, MachineRead, UrlRead};
use model::Ticks;
use odata::{EntityType, Kind, Property};
use profiles::{Reader, domain_id};
use serde::Serialize;
use store::AlertScope;

use super::Access::Needs;
use super::Routes;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::{list, related};

pub(super) static DOMAIN_TYPE: EntityType = EntityType {
    name: "domain",
    properties: &[Property::new("host", Kind::String).filterable().sortable()],
    expands: &[],
};

static STATS_TYPE: EntityType = EntityType {
    name: "domain statistics",
    properties: &[
        Property::new("host", Kind::String),
        Property::new("organizationPrevalence", Kind::Int64),
        Property::new("orgFirstSeen", Kind::DateTime),
        Property::new("orgLastSeen", Kind::DateTime),
    ],
    expands: &[],
};

/// A domain, on the wire.
#[derive(Serialize)]
pub(super) struct Domain {
    pub host: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    host: String,
    organization_prevalence: u64,
    org_first_seen: Option<Ticks>,
    org_last_seen: Option<Ticks>,
}

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/domains/{domain}", Needs(UrlRead), read)
        .summary("Says whether a domain was seen.")
        .gives(&DOMAIN_TYPE);
    routes
        .get("/api/domains/{domain}/stats", Needs(UrlRead), stats)
        .summary("Counts the devices that talked to a domain.")
        .gives(&STATS_TYPE);
    related::routes(
        routes,
        &related::Paths {
            alerts: "/api/domains/{domain}/alerts",
            alert_count: "/api/domains/{domain}/alerts/$count",
            machines: "/api/domains/{domain}/machines",
            machine_count: "/api/domains/{domain}/machines/$count",
            of: related::Of::Domain,
            needs: (AlertRead, MachineRead),
        },
    );
}

async fn read(ctx: Ctx, Param(domain): Param, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let host = host(&domain)?;
    let known = Reader::new(ctx.store()).domain(&host).await?;
    known.ok_or_else(|| ApiError::resource_not_found("Domain", &domain))?;
    list::single(&ctx, "Domains", &DOMAIN_TYPE, &uri, &Domain { host })
}

async fn stats(ctx: Ctx, Param(domain): Param, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let since = related::look_back(&ctx, &uri)?;
    let host = host(&domain)?;
    let known = Reader::new(ctx.store()).domain(&host).await?;
    let stats = Stats {
        host,
        organization_prevalence: known.as_ref().map_or(0, |k| k.profile.devices.device_count(Some(since))),
        org_first_seen: known.as_ref().map(|known| Ticks(known.span.first)),
        org_last_seen: known.as_ref().map(|known| Ticks(known.span.last)),
    };
    list::single(&ctx, "microsoft.windowsDefenderATP.api.InOrgDomainStats", &STATS_TYPE, &uri, &stats)
}

fn host(domain: &str) -> Result<String, ApiError> {
    let wrong = || ApiError::new(code::INVALID_DOMAIN, "A domain is a name such as cdn.fabrikam.example.");
    domain_id(domain.trim()).ok_or_else(wrong)
}

/// The alerts of a domain, and the devices that talked to it.
pub(crate) async fn relation(ctx: &Ctx, domain: &str) -> Result<related::Relation, ApiError> {
    let host = host(domain)?;
    let known = Reader::new(ctx.store()).domain(&host).await?;
    let devices = known.iter().flat_map(|known| known.profile.devices.devices().map(|seen| seen.device()));
    let mut devices: Vec<_> = devices.collect();
    if devices.len() >= profiles::DEVICES_MAX {
        devices = related::devices_of_domain(ctx, &host).await?;
    }
    Ok(related::Relation { scope: AlertScope::Domain(host), devices, is_known: known.is_some() })
}
