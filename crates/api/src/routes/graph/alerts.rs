//! Alerts as Graph has them.

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use model::Permission::{SecurityAlertRead, SecurityAlertReadWrite};
use model::Ticks;
use model::alert::{Alert, AlertEvidence, EntityType as EvidenceKind, Severity};
use odata::{EntityType, Kind, Property};
use serde_json::{Value, json};
use store::{ALERT_TYPE, AlertChange, AlertScope, Page};

use super::native::{self, Meaning, Native};
use super::{CLASSIFICATIONS, DETERMINATIONS, SEVERITIES, graph_word};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list::{self, ListRequest};
use crate::routes::Access::Needs;
use crate::routes::Routes;
use crate::routes::alerts::{ASSIGNED_TO_BYTES_MAX, alert, comment, members};

const SET: &str = "security/alerts_v2";
static STATUSES: &[&str] = &["unknown", "new", "inProgress", "resolved", "unknownFutureValue"];

pub(super) static GRAPH_ALERT_TYPE: EntityType = EntityType {
    name: "Graph alert",
    properties: &[
        Property::new("id", Kind::String).filterable().sortable(),
        Property::new("providerAlertId", Kind::String).filterable().sortable(),
        Property::new("incidentId", Kind::String).filterable().sortable(),
        Property::enumeration("status", STATUSES).filterable().sortable(),
        Property::enumeration("severity", SEVERITIES).filterable().sortable(),
        Property::enumeration("classification", CLASSIFICATIONS).filterable().sortable(),
        Property::enumeration("determination", DETERMINATIONS).filterable().sortable(),
        Property::new("serviceSource", Kind::String).filterable().sortable(),
        Property::new("detectionSource", Kind::String),
        Property::new("detectorId", Kind::String).filterable().sortable(),
        Property::new("tenantId", Kind::String).filterable().sortable(),
        Property::new("title", Kind::String).filterable().sortable(),
        Property::new("description", Kind::String).filterable().sortable(),
        Property::new("recommendedActions", Kind::String).filterable().sortable(),
        Property::new("category", Kind::String).filterable().sortable(),
        Property::new("assignedTo", Kind::String).filterable().sortable(),
        Property::new("alertWebUrl", Kind::String),
        Property::new("incidentWebUrl", Kind::String),
        Property::new("actorDisplayName", Kind::String),
        Property::new("threatDisplayName", Kind::String).filterable().sortable(),
        Property::new("threatFamilyName", Kind::String).filterable().sortable(),
        Property::new("mitreTechniques", Kind::Strings).filterable(),
        Property::new("createdDateTime", Kind::DateTime).filterable().sortable(),
        Property::new("lastUpdateDateTime", Kind::DateTime).filterable().sortable(),
        Property::new("resolvedDateTime", Kind::DateTime).filterable().sortable(),
        Property::new("firstActivityDateTime", Kind::DateTime).filterable().sortable(),
        Property::new("lastActivityDateTime", Kind::DateTime).filterable().sortable(),
        Property::list("comments"),
        Property::list("evidence"),
        Property::list("systemTags"),
    ],
    expands: &[],
};

static MEANINGS: &[Meaning] = &[
    Meaning { graph: "id", native: Native::Same("id") },
    Meaning { graph: "providerAlertId", native: Native::Same("id") },
    Meaning { graph: "incidentId", native: Native::Number("incidentId") },
    Meaning { graph: "status", native: Native::Members { property: "status", unknown: "Unknown" } },
    Meaning { graph: "severity", native: Native::Members { property: "severity", unknown: "UnSpecified" } },
    Meaning {
        graph: "classification",
        native: Native::Members { property: "classification", unknown: "Unknown" },
    },
    Meaning {
        graph: "determination",
        native: Native::Members { property: "determination", unknown: "NotAvailable" },
    },
    Meaning { graph: "serviceSource", native: Native::Constant(SERVICE) },
    Meaning { graph: "detectorId", native: Native::Same("detectorId") },
    Meaning { graph: "tenantId", native: Native::Same("aadTenantId") },
    Meaning { graph: "title", native: Native::Same("title") },
    Meaning { graph: "description", native: Native::Same("description") },
    Meaning { graph: "recommendedActions", native: Native::Same("recommendedAction") },
    Meaning { graph: "category", native: Native::Same("category") },
    Meaning { graph: "assignedTo", native: Native::Same("assignedTo") },
    Meaning { graph: "threatDisplayName", native: Native::Same("threatName") },
    Meaning { graph: "threatFamilyName", native: Native::Same("threatFamilyName") },
    Meaning { graph: "mitreTechniques", native: Native::Same("mitreTechniques") },
    Meaning { graph: "createdDateTime", native: Native::Same("alertCreationTime") },
    Meaning { graph: "lastUpdateDateTime", native: Native::Same("lastUpdateTime") },
    Meaning { graph: "resolvedDateTime", native: Native::Same("resolvedTime") },
    Meaning { graph: "firstActivityDateTime", native: Native::Same("firstEventTime") },
    Meaning { graph: "lastActivityDateTime", native: Native::Same("lastEventTime") },
];

const SERVICE: &str = "microsoftDefenderForEndpoint";

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/v1.0/security/alerts_v2", Needs(SecurityAlertRead), list)
        .summary("Lists alerts with their evidence, as Graph has them.")
        .lists(&GRAPH_ALERT_TYPE);
    routes
        .get("/v1.0/security/alerts_v2/$count", Needs(SecurityAlertRead), count)
        .summary("Counts alerts.")
        .counts(&GRAPH_ALERT_TYPE);
    routes
        .get("/v1.0/security/alerts_v2/{id}", Needs(SecurityAlertRead), read)
        .summary("Reads an alert, as Graph has it.")
        .gives(&GRAPH_ALERT_TYPE);
    routes
        .patch("/v1.0/security/alerts_v2/{id}", Needs(SecurityAlertReadWrite), update)
        .summary("Changes status, owner or verdict of an alert.")
        .takes(r#"{"status":"inProgress","assignedTo":"soc@contoso.example","classification":"truePositive","determination":"malware"}"#)
        .gives(&GRAPH_ALERT_TYPE);
    routes
        .post("/v1.0/security/alerts_v2/{id}/comments", Needs(SecurityAlertReadWrite), add_comment)
        .summary("Comments on an alert; answers with all of its comments.")
        .takes(r##"{"@odata.type":"#microsoft.graph.security.alertComment","comment":"looking"}"##)
        .answers(r#"{"value":[{"comment":"looking","createdByDisplayName":"soc@contoso.example","createdDateTime":"2024-05-06T07:00:00.0000000Z"}]}"#);
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let list = ListRequest::read(&ctx, &GRAPH_ALERT_TYPE, &uri)?;
    let mut query = native::query(&list.query, &ALERT_TYPE, MEANINGS)?;
    query.expand.push("evidence");
    let page = ctx.store().list_alerts(AlertScope::All, &query, list.expanded_page()).await;
    let page = page.map(|Page { items, next, count }| Page {
        items: items.iter().map(|alert| told(&ctx, alert)).collect(),
        next,
        count,
    });
    list.answer(&ctx, SET, page)
}

async fn count(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    let query = list::count_query(&GRAPH_ALERT_TYPE, &uri)?;
    let query = native::query(&query, &ALERT_TYPE, MEANINGS)?;
    Ok(list::count(ctx.store().alert_count(AlertScope::All, query.filter.as_ref()).await?))
}

async fn read(ctx: Ctx, Param(id): Param) -> Result<Response, ApiError> {
    answer(&ctx, &alert(&ctx, &id).await?)
}

async fn update(
    ctx: Ctx,
    Param(id): Param,
    headers: HeaderMap,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let unknown = &[("unknown", "Unknown")];
    let change = AlertChange {
        status: body.take_choice("status", &["New", "InProgress", "Resolved"], &[])?,
        assigned_to: body.take_short("assignedTo", ASSIGNED_TO_BYTES_MAX)?,
        classification: body.take_choice("classification", members("classification"), unknown)?,
        determination: body.take_choice(
            "determination",
            members("determination"),
            &[("unknown", "NotAvailable")],
        )?,
        comment: None,
        expected: list::expected(&headers)?,
        by: ctx.author(),
        at: ctx.now(),
    };
    let AlertChange { status, assigned_to, classification, determination, .. } = &change;
    if status.is_none() && assigned_to.is_none() && classification.is_none() && determination.is_none() {
        let message = "There is nothing to change: give one or more of status, assignedTo, classification, \
                       determination.";
        return Err(ApiError::new(code::INVALID_BODY, message));
    }
    let alert = alert(&ctx, &id).await?;
    answer(&ctx, &ctx.store().update_alert(&alert.id, &change).await?)
}

async fn add_comment(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let comment = comment(&mut body)?.ok_or_else(|| ApiError::missing("comment"))?;
    let alert = alert(&ctx, &id).await?;
    let change = AlertChange {
        status: None,
        assigned_to: None,
        classification: None,
        determination: None,
        comment: Some(comment),
        expected: None,
        by: ctx.author(),
        at: ctx.now(),
    };
    let alert = ctx.store().update_alert(&alert.id, &change).await?;
    list::collection(&ctx, "microsoft.graph.security.alertComment", &comments(&alert.comments))
}

fn answer(ctx: &Ctx, alert: &Alert) -> Result<Response, ApiError> {
    list::tagged(ctx, SET, &told(ctx, alert), &store::etag(alert))
}

pub(super) fn comments(comments: &[model::alert::AlertComment]) -> Vec<Value> {
    let told = |comment: &model::alert::AlertComment| {
        json!({
            "comment": comment.comment,
            "createdByDisplayName": comment.created_by,
            "createdDateTime": comment.created_time,
        })
    };
    comments.iter().map(told).collect()
}

/// A member of one of our enumerations as Graph writes it; `unknown` where there is none.
pub(super) fn word(value: Value, unknown: &str) -> String {
    match value.as_str() {
        None => "unknown".to_owned(),
        Some(member) if member == unknown => "unknown".to_owned(),
        Some(member) => graph_word(member),
    }
}

pub(super) fn severity(severity: Severity) -> String {
    word(json!(severity), "UnSpecified")
}

/// Where an alert is read. There is no page for people yet: the address is that of this API.
fn alert_url(base_url: &str, alert: &Alert) -> String {
    format!("{base_url}/v1.0/{SET}/{}", alert.id)
}

pub(super) fn incident_url(base_url: &str, id: i64) -> String {
    format!("{base_url}/v1.0/security/incidents/{id}")
}

pub(super) fn told(ctx: &Ctx, alert: &Alert) -> Value {
    let base_url = &ctx.config().base_url;
    let time = |time: Option<Ticks>| time.unwrap_or(alert.alert_creation_time);
    let device = json!({
        "@odata.type": "#microsoft.graph.security.deviceEvidence",
        "createdDateTime": alert.alert_creation_time,
        "verdict": "unknown",
        "remediationStatus": "none",
        "remediationStatusDetails": null,
        "roles": [],
        "detailedRoles": [],
        "tags": [],
        "mdeDeviceId": alert.machine_id,
        "deviceDnsName": alert.computer_dns_name,
        "rbacGroupName": alert.rbac_group_name,
    });
    let evidence = alert.evidence.iter().filter_map(|evidence| item(alert, evidence));
    json!({
        "@odata.type": "#microsoft.graph.security.alert",
        "id": alert.id,
        "providerAlertId": alert.id,
        "incidentId": alert.incident_id.map(|id| id.to_string()),
        "status": word(json!(alert.status), "Unknown"),
        "severity": severity(alert.severity),
        "classification": word(json!(alert.classification), "Unknown"),
        "determination": word(json!(alert.determination), "NotAvailable"),
        "serviceSource": SERVICE,
        "detectionSource": detection_source(&alert.detection_source),
        "detectorId": alert.detector_id,
        "tenantId": alert.aad_tenant_id,
        "title": alert.title,
        "description": alert.description,
        "recommendedActions": alert.recommended_action.as_deref().unwrap_or_default(),
        "category": alert.category,
        "assignedTo": alert.assigned_to,
        "alertWebUrl": alert_url(base_url, alert),
        "incidentWebUrl": alert.incident_id.map(|id| incident_url(base_url, id)),
        "actorDisplayName": null,
        "threatDisplayName": alert.threat_name,
        "threatFamilyName": alert.threat_family_name,
        "mitreTechniques": alert.mitre_techniques,
        "createdDateTime": alert.alert_creation_time,
        "lastUpdateDateTime": alert.last_update_time,
        "resolvedDateTime": alert.resolved_time,
        "firstActivityDateTime": time(alert.first_event_time),
        "lastActivityDateTime": time(alert.last_event_time),
        "comments": comments(&alert.comments),
        "evidence": std::iter::once(device).chain(evidence).collect::<Vec<_>>(),
        "systemTags": [],
    })
}

fn detection_source(source: &str) -> String {
    match source {
        "WindowsDefenderAtp" => SERVICE.to_owned(),
        "WindowsDefenderAv" => "antivirus".to_owned(),
        "WindowsDefenderSmartScreen" => "smartScreen".to_owned(),
        "CustomerTI" => "customTi".to_owned(),
        source => graph_word(source),
    }
}

/// An item of evidence; none for a kind that Graph has no word for.
fn item(alert: &Alert, evidence: &AlertEvidence) -> Option<Value> {
    let file = json!({
        "sha1": evidence.sha1,
        "sha256": evidence.sha256,
        "fileName": evidence.file_name,
        "filePath": evidence.file_path,
    });
    let account = json!({
        "accountName": evidence.account_name,
        "domainName": evidence.domain_name,
        "userSid": evidence.user_sid,
        "azureAdUserId": evidence.aad_user_id,
        "userPrincipalName": evidence.user_principal_name,
    });
    let (kind, own) = match evidence.entity_type {
        EvidenceKind::User => ("user", json!({ "userAccount": account })),
        EvidenceKind::Process => (
            "process",
            json!({
                "processId": evidence.process_id,
                "processCommandLine": evidence.process_command_line,
                "processCreationDateTime": evidence.process_creation_time,
                "parentProcessId": evidence.parent_process_id,
                "parentProcessCreationDateTime": evidence.parent_process_creation_time,
                "mdeDeviceId": alert.machine_id,
                "imageFile": file,
                "userAccount": account,
            }),
        ),
        EvidenceKind::File => ("file", json!({ "mdeDeviceId": alert.machine_id, "fileDetails": file })),
        EvidenceKind::Ip => ("ip", json!({ "ipAddress": evidence.ip_address })),
        EvidenceKind::Url => ("url", json!({ "url": evidence.url })),
        EvidenceKind::Registry => (
            "registryValue",
            json!({
                "registryKey": evidence.registry_key,
                "registryHive": evidence.registry_hive,
                "registryValueType": evidence.registry_value_type,
                "registryValue": evidence.registry_value,
                "mdeDeviceId": alert.machine_id,
            }),
        ),
    };
    let mut item = json!({
        "@odata.type": format!("#microsoft.graph.security.{kind}Evidence"),
        "createdDateTime": evidence.evidence_creation_time.unwrap_or(alert.alert_creation_time),
        "verdict": "unknown",
        "remediationStatus": "none",
        "remediationStatusDetails": null,
        "roles": [],
        "detailedRoles": [],
        "tags": [],
    });
    let (Value::Object(members), Value::Object(own)) = (&mut item, own) else { return None };
    members.extend(own);
    Some(item)
}

#[cfg(test)]
mod tests {
    use odata::Filter;

    use super::*;

    #[test]
    fn filters_of_graph_are_filters_of_alerts() {
        native::check(&GRAPH_ALERT_TYPE, &ALERT_TYPE, MEANINGS);
        for (graph, expected) in [
            ("status eq 'new'", "status eq 'New'"),
            ("severity ne 'high'", "not (severity eq 'High')"),
            ("severity in ('low','medium')", "severity eq 'Low' or severity eq 'Medium'"),
            ("createdDateTime ge 2024-01-01", "alertCreationTime ge 2024-01-01T00:00:00.0000000Z"),
            ("incidentId eq '12'", "incidentId eq 12"),
            (
                "contains(title,'x') and mitreTechniques/any(t: t eq 'T1')",
                "contains(title,'x') and mitreTechniques/any(item: item eq 'T1')",
            ),
        ] {
            let filter = Filter::parse(&GRAPH_ALERT_TYPE, graph).unwrap();
            let query = odata::Query { filter: Some(filter), ..odata::Query::default() };
            let native = native::query(&query, &ALERT_TYPE, MEANINGS).unwrap().filter.unwrap();
            assert_eq!(simple(native).to_string(), expected, "{graph}");
        }
        let nothing = Filter::parse(&GRAPH_ALERT_TYPE, "determination eq 'unknown'").unwrap();
        let query = odata::Query { filter: Some(nothing), ..odata::Query::default() };
        let native = native::query(&query, &ALERT_TYPE, MEANINGS).unwrap().filter.unwrap();
        assert_eq!(native.to_string(), "determination eq 'NotAvailable' or determination eq null");
    }

    /// Without the alternatives of which there is one.
    fn simple(filter: Filter) -> Filter {
        match filter {
            Filter::Or(mut parts) if parts.len() == 1 => simple(parts.remove(0)),
            Filter::Or(parts) => Filter::Or(parts.into_iter().map(simple).collect()),
            Filter::And(parts) => Filter::And(parts.into_iter().map(simple).collect()),
            Filter::Not(inner) => Filter::Not(Box::new(simple(*inner))),
            filter => filter,
        }
    }
}
