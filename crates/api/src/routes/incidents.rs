//! Incidents: alerts that belong together, by the paths of the XDR API.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use model::Permission::{IncidentRead, IncidentReadWrite};
use model::alert::{Alert, AlertEvidence, RelatedUser};
use model::incident::Incident;
use model::machine::Machine;
use model::{DeviceId, Ticks};
use serde::Serialize;
use serde_json::{Value, json};
use store::{AlertScope, INCIDENT_TYPE, IncidentChange, Page, PageRequest, StoreError};

use super::Access::Needs;
use super::Routes;
use super::alerts::{ASSIGNED_TO_BYTES_MAX, DETERMINATION_ALIASES, comment, members};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::limits::Limit;
use crate::list::{self, ListRequest, memory};

/// Of lists and of changes.
const LISTS: Limit = Limit::of_caller(50, 1_500);
/// Incidents of one page: each comes with its alerts.
const PAGE_MAX: u64 = 100;
/// Alerts that come with the incidents of one answer.
const ALERTS_MAX: u64 = 10_000;
const TAG_BYTES_MAX: usize = 200;
const TAGS_MAX: usize = 100;
const STATUSES: &[&str] = &["Active", "Resolved", "InProgress", "Redirected"];

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/api/incidents", Needs(IncidentRead), list)
        .summary("Lists incidents with their alerts, 100 a page.")
        .limit(LISTS)
        .lists(&INCIDENT_TYPE);
    routes
        .get("/api/incidents/$count", Needs(IncidentRead), count)
        .summary("Counts incidents.")
        .counts(&INCIDENT_TYPE);
    routes
        .get("/api/incidents/{id}", Needs(IncidentRead), read)
        .summary("Reads an incident with its alerts.")
        .gives(&INCIDENT_TYPE);
    routes
        .patch("/api/incidents/{id}", Needs(IncidentReadWrite), update)
        .summary("Changes status, owner, verdict or tags of an incident, or comments on it.")
        .limit(LISTS)
        .takes(r#"{"status":"Resolved","assignedTo":"soc@contoso.example","classification":"TruePositive","determination":"Malware","tags":["ransom"],"comment":"cleaned"}"#)
        .gives(&INCIDENT_TYPE);
    routes
        .get("/api/incidents/{id}/history", Needs(IncidentRead), history)
        .summary("Lists who changed what of an incident.")
        .lists(&memory::HISTORY_TYPE);
}

/// An incident with its alerts, on the wire.
#[derive(Serialize)]
pub(super) struct Body {
    #[serde(flatten)]
    incident: Incident,
    alerts: Vec<Value>,
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let mut list = ListRequest::read(&ctx, &INCIDENT_TYPE, &uri)?;
    list.also("alerts");
    let request = PageRequest { limit: PAGE_MAX.min(list.page().limit), ..list.page() };
    let page = match ctx.store().list_incidents(&list.query, request).await {
        Ok(Page { items, next, count }) => Ok(Page { items: bodies(&ctx, items).await?, next, count }),
        Err(error) => Err(error),
    };
    list.answer(&ctx, "Incidents", page)
}

async fn count(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let query = list::count_query(&INCIDENT_TYPE, &uri)?;
    Ok(list::count(ctx.store().incident_count(query.filter.as_ref()).await?))
}

async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    let incident = incident(&ctx, &id).await?;
    answer(&ctx, incident).await
}

async fn update(
    ctx: Ctx,
    Param(id): Param,
    headers: HeaderMap,
    body: JsonObject,
) -> Result<Response, ApiError> {
    let change = change(&ctx, list::expected(&headers)?, body)?;
    let incident = incident(&ctx, &id).await?;
    let changed = ctx.store().update_incident(incident.incident_id, &change).await.map_err(not_there)?;
    answer(&ctx, changed).await
}

async fn history(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let id = incident(&ctx, &id).await?.incident_id.to_string();
    let entries = ctx.store().entity_history("incident", &id).await?;
    memory::history(&ctx, &uri, entries)
}

pub(super) fn not_there(error: StoreError) -> ApiError {
    match error {
        StoreError::NotFound { id, .. } => ApiError::resource_not_found("Incident", &id),
        error => error.into(),
    }
}

pub(super) async fn incident(ctx: &Ctx, id: &str) -> Result<Incident, ApiError> {
    ctx.whole_tenant()?;
    let found = match id.trim().parse() {
        Ok(number) => ctx.store().incident(number).await?,
        Err(_) => None,
    };
    found.ok_or_else(|| ApiError::resource_not_found("Incident", id))
}

async fn answer(ctx: &Ctx, incident: Incident) -> Result<Response, ApiError> {
    let tag = store::etag(&incident);
    let body = bodies(ctx, vec![incident]).await?.pop();
    let body = body.ok_or_else(|| ApiError::internal("an incident has no body"))?;
    list::tagged(ctx, "Incidents", &body, &tag)
}

/// What a body asks for.
fn change(ctx: &Ctx, expected: Option<String>, mut body: JsonObject) -> Result<IncidentChange, ApiError> {
    let tags = body.take_texts("tags", TAGS_MAX)?;
    if tags.iter().flatten().any(|tag| tag.trim().is_empty() || tag.len() > TAG_BYTES_MAX) {
        return Err(ApiError::invalid(format!("A tag takes 1 to {TAG_BYTES_MAX} bytes of text.")));
    }
    let change = IncidentChange {
        status: body.take_choice("status", STATUSES, &[])?,
        assigned_to: body.take_short("assignedTo", ASSIGNED_TO_BYTES_MAX)?,
        classification: body.take_choice("classification", members("classification"), &[])?,
        determination: body.take_choice("determination", members("determination"), DETERMINATION_ALIASES)?,
        tags,
        comment: comment(&mut body)?,
        expected,
        by: ctx.author(),
        at: ctx.now(),
    };
    if !changes(&change) {
        let message = "There is nothing to change: give one or more of status, assignedTo, classification, \
                       determination, tags, comment.";
        return Err(ApiError::new(code::INVALID_BODY, message));
    }
    Ok(change)
}

/// Whether a change changes anything.
pub(super) fn changes(change: &IncidentChange) -> bool {
    let IncidentChange { status, assigned_to, classification, determination, tags, comment, .. } = change;
    status.is_some()
        || assigned_to.is_some()
        || classification.is_some()
        || determination.is_some()
        || tags.is_some()
        || comment.is_some()
}

/// The alerts of some incidents, evidence included, the newest first.
pub(super) async fn alerts_of(
    ctx: &Ctx,
    incidents: &[Incident],
) -> Result<BTreeMap<i64, Vec<Alert>>, ApiError> {
    let ids: Vec<_> = incidents.iter().map(|incident| incident.incident_id).collect();
    let query = odata::Query { expand: vec!["evidence"], ..odata::Query::default() };
    let request = PageRequest { limit: ALERTS_MAX, cursor: None };
    let alerts = ctx.store().list_alerts(AlertScope::Incidents(ids), &query, request).await?.items;
    let mut by_incident: BTreeMap<i64, Vec<Alert>> = BTreeMap::new();
    for alert in alerts {
        by_incident.entry(alert.incident_id.unwrap_or_default()).or_default().push(alert);
    }
    Ok(by_incident)
}

async fn bodies(ctx: &Ctx, incidents: Vec<Incident>) -> Result<Vec<Body>, ApiError> {
    let mut alerts = alerts_of(ctx, &incidents).await?;
    let devices: BTreeSet<DeviceId> =
        alerts.values().flatten().map(|alert| alert.machine_id.clone()).collect();
    let machines = ctx.store().machines_with_ids(&devices.into_iter().collect::<Vec<_>>()).await?;
    let machines: BTreeMap<_, _> = machines.iter().map(|machine| (&machine.id, machine)).collect();
    let bodies = incidents.into_iter().map(|incident| {
        let alerts = alerts.remove(&incident.incident_id).unwrap_or_default();
        let alerts = alerts.iter().map(|alert| told(alert, machines.get(&alert.machine_id).copied()));
        Body { alerts: alerts.collect(), incident }
    });
    Ok(bodies.collect())
}

fn told(alert: &Alert, machine: Option<&Machine>) -> Value {
    let first = |time: Option<Ticks>| time.unwrap_or(alert.alert_creation_time);
    json!({
        "alertId": alert.id,
        "providerAlertId": alert.id,
        "incidentId": alert.incident_id,
        "serviceSource": "MicrosoftDefenderATP",
        "creationTime": alert.alert_creation_time,
        "lastUpdatedTime": alert.last_update_time,
        "resolvedTime": alert.resolved_time,
        "firstActivity": first(alert.first_event_time),
        "lastActivity": first(alert.last_event_time),
        "title": alert.title,
        "description": alert.description,
        "category": alert.category,
        "status": alert.status,
        "severity": alert.severity,
        "investigationId": alert.investigation_id,
        "investigationState": alert.investigation_state,
        "classification": alert.classification,
        "determination": alert.determination,
        "detectionSource": alert.detection_source,
        "detectorId": alert.detector_id,
        "assignedTo": alert.assigned_to,
        "actorName": null,
        "threatFamilyName": alert.threat_family_name,
        "mitreTechniques": alert.mitre_techniques,
        "devices": machine.iter().map(|machine| device(alert, machine)).collect::<Vec<_>>(),
        "entities": alert.evidence.iter().map(|evidence| entity(alert, evidence)).collect::<Vec<_>>(),
    })
}

fn device(alert: &Alert, machine: &Machine) -> Value {
    let user = |user: &RelatedUser| json!({ "accountName": user.user_name, "domainName": user.domain_name });
    json!({
        "mdatpDeviceId": machine.id,
        "aadDeviceId": machine.aad_device_id,
        "deviceDnsName": machine.computer_dns_name,
        "osPlatform": machine.os_platform,
        "version": machine.version,
        "osProcessor": machine.os_processor,
        "osBuild": machine.os_build,
        "healthStatus": machine.health_status,
        "riskScore": machine.risk_score,
        "rbacGroupName": machine.rbac_group_name,
        "rbacGroupId": machine.rbac_group_id,
        "firstSeen": machine.first_seen,
        "tags": machine.machine_tags,
        "defenderAvStatus": machine.defender_av_status,
        "onboardingStatus": machine.onboarding_status,
        // Who the event of the alert was of.
        "loggedOnUsers": alert.related_user.iter().map(user).collect::<Vec<_>>(),
    })
}

/// What an item of evidence says, without what it says nothing of.
fn entity(alert: &Alert, evidence: &AlertEvidence) -> Value {
    let mut entity = serde_json::to_value(evidence).unwrap_or_default();
    if let Value::Object(members) = &mut entity {
        members.retain(|_, value| !value.is_null());
        members.insert("deviceId".to_owned(), json!(alert.machine_id));
    }
    entity
}
