//! Incidents as Graph has them.

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use model::Permission::{SecurityIncidentRead, SecurityIncidentReadWrite};
use model::alert::Alert;
use model::incident::Incident;
use odata::{EntityType, Kind, Property};
use serde_json::{Value, json};
use store::{INCIDENT_TYPE, IncidentChange, Page};

use super::native::{self, Meaning, Native};
use super::{CLASSIFICATIONS, DETERMINATIONS, SEVERITIES, alerts};
use crate::body::JsonObject;
use crate::ctx::{Ctx, Param};
use crate::error::{ApiError, code};
use crate::list::{self, ListRequest};
use crate::routes::Access::Needs;
use crate::routes::Routes;
use crate::routes::alerts::{ASSIGNED_TO_BYTES_MAX, comment, members};
use crate::routes::incidents::{alerts_of, changes, incident};

const SET: &str = "security/incidents";
const TAGS_MAX: usize = 100;
static STATUSES: &[&str] =
    &["active", "resolved", "inProgress", "redirected", "unknownFutureValue", "awaitingAction"];

pub(super) static GRAPH_INCIDENT_TYPE: EntityType = EntityType {
    name: "Graph incident",
    properties: &[
        Property::new("id", Kind::String).filterable().sortable(),
        Property::new("incidentWebUrl", Kind::String),
        Property::new("redirectIncidentId", Kind::String).filterable().sortable(),
        Property::new("tenantId", Kind::String),
        Property::new("displayName", Kind::String).filterable().sortable(),
        Property::new("createdDateTime", Kind::DateTime).filterable().sortable(),
        Property::new("lastUpdateDateTime", Kind::DateTime).filterable().sortable(),
        Property::new("assignedTo", Kind::String).filterable().sortable(),
        Property::enumeration("classification", CLASSIFICATIONS).filterable().sortable(),
        Property::enumeration("determination", DETERMINATIONS).filterable().sortable(),
        Property::enumeration("status", STATUSES).filterable().sortable(),
        Property::enumeration("severity", SEVERITIES).filterable().sortable(),
        Property::new("customTags", Kind::Strings).filterable(),
        Property::list("systemTags"),
        Property::new("description", Kind::String),
        Property::list("comments"),
    ],
    expands: &["alerts"],
};

static MEANINGS: &[Meaning] = &[
    Meaning { graph: "id", native: Native::Number("incidentId") },
    Meaning { graph: "redirectIncidentId", native: Native::Number("redirectIncidentId") },
    Meaning { graph: "displayName", native: Native::Same("incidentName") },
    Meaning { graph: "createdDateTime", native: Native::Same("createdTime") },
    Meaning { graph: "lastUpdateDateTime", native: Native::Same("lastUpdateTime") },
    Meaning { graph: "assignedTo", native: Native::Same("assignedTo") },
    Meaning {
        graph: "classification",
        native: Native::Members { property: "classification", unknown: "Unknown" },
    },
    Meaning {
        graph: "determination",
        native: Native::Members { property: "determination", unknown: "NotAvailable" },
    },
    Meaning { graph: "status", native: Native::Members { property: "status", unknown: "Unknown" } },
    Meaning { graph: "severity", native: Native::Members { property: "severity", unknown: "UnSpecified" } },
    Meaning { graph: "customTags", native: Native::Same("tags") },
];

pub(super) fn routes(routes: &mut Routes) {
    routes
        .get("/v1.0/security/incidents", Needs(SecurityIncidentRead), list)
        .summary("Lists incidents, as Graph has them; with their alerts if `$expand` names `alerts`.")
        .lists(&GRAPH_INCIDENT_TYPE);
    routes
        .get("/v1.0/security/incidents/$count", Needs(SecurityIncidentRead), count)
        .summary("Counts incidents.")
        .counts(&GRAPH_INCIDENT_TYPE);
    routes
        .get("/v1.0/security/incidents/{id}", Needs(SecurityIncidentRead), read)
        .summary("Reads an incident, as Graph has it.")
        .gives(&GRAPH_INCIDENT_TYPE);
    routes
        .patch("/v1.0/security/incidents/{id}", Needs(SecurityIncidentReadWrite), update)
        .summary("Changes status, owner, verdict or tags of an incident.")
        .takes(r#"{"status":"resolved","assignedTo":"soc@contoso.example","classification":"truePositive","determination":"malware","customTags":["ransom"]}"#)
        .gives(&GRAPH_INCIDENT_TYPE);
    routes
        .post("/v1.0/security/incidents/{id}/comments", Needs(SecurityIncidentReadWrite), add_comment)
        .summary("Comments on an incident; answers with all of its comments.")
        .takes(r##"{"@odata.type":"#microsoft.graph.security.alertComment","comment":"looking"}"##)
        .answers(r#"{"value":[{"comment":"looking","createdByDisplayName":"soc@contoso.example","createdDateTime":"2024-05-06T07:00:00.0000000Z"}]}"#);
}

async fn list(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let list = ListRequest::read(&ctx, &GRAPH_INCIDENT_TYPE, &uri)?;
    let query = native::query(&list.query, &INCIDENT_TYPE, MEANINGS)?;
    let page = match ctx.store().list_incidents(&query, list.page()).await {
        Ok(Page { items, next, count }) => {
            let mut alerts = match list.query.expand.is_empty() {
                true => None,
                false => Some(alerts_of(&ctx, &items).await?),
            };
            let items = items.iter().map(|incident| {
                let alerts = alerts.as_mut().map(|all| all.remove(&incident.incident_id).unwrap_or_default());
                told(&ctx, incident, alerts.as_deref())
            });
            Ok(Page { items: items.collect(), next, count })
        }
        Err(error) => Err(error),
    };
    list.answer(&ctx, SET, page)
}

async fn count(ctx: Ctx, uri: Uri) -> Result<Response, ApiError> {
    ctx.whole_tenant()?;
    let query = list::count_query(&GRAPH_INCIDENT_TYPE, &uri)?;
    let query = native::query(&query, &INCIDENT_TYPE, MEANINGS)?;
    Ok(list::count(ctx.store().incident_count(query.filter.as_ref()).await?))
}

async fn read(ctx: Ctx, Param(id): Param, uri: Uri) -> Result<Response, ApiError> {
    let query = ListRequest::read(&ctx, &GRAPH_INCIDENT_TYPE, &uri)?.query;
    let incident = incident(&ctx, &id).await?;
    let alerts = match query.expand.is_empty() {
        true => None,
        false => alerts_of(&ctx, std::slice::from_ref(&incident)).await?.into_values().next(),
    };
    let alerts = alerts.or_else(|| (!query.expand.is_empty()).then(Vec::new));
    list::tagged(&ctx, SET, &told(&ctx, &incident, alerts.as_deref()), &store::etag(&incident))
}

async fn update(
    ctx: Ctx,
    Param(id): Param,
    headers: HeaderMap,
    mut body: JsonObject,
) -> Result<Response, ApiError> {
    let change = IncidentChange {
        status: body.take_choice("status", &["Active", "Resolved", "InProgress", "Redirected"], &[])?,
        assigned_to: body.take_short("assignedTo", ASSIGNED_TO_BYTES_MAX)?,
        classification: body.take_choice("classification", members("classification"), &[])?,
        determination: body.take_choice(
            "determination",
            members("determination"),
            &[("unknown", "NotAvailable")],
        )?,
        tags: body.take_texts("customTags", TAGS_MAX)?,
        expected: list::expected(&headers)?,
        ..nothing(&ctx)
    };
    if !changes(&change) {
        let message = "There is nothing to change: give one or more of status, assignedTo, classification, \
                       determination, customTags.";
        return Err(ApiError::new(code::INVALID_BODY, message));
    }
    let incident = changed(&ctx, &id, &change).await?;
    list::tagged(&ctx, SET, &told(&ctx, &incident, None), &store::etag(&incident))
}

async fn add_comment(ctx: Ctx, Param(id): Param, mut body: JsonObject) -> Result<Response, ApiError> {
    let comment = comment(&mut body)?.ok_or_else(|| ApiError::missing("comment"))?;
    let change = IncidentChange { comment: Some(comment), ..nothing(&ctx) };
    let incident = changed(&ctx, &id, &change).await?;
    list::collection(&ctx, "microsoft.graph.security.alertComment", &alerts::comments(&incident.comments))
}

/// A change of nothing, by the caller.
fn nothing(ctx: &Ctx) -> IncidentChange {
    IncidentChange {
        status: None,
        assigned_to: None,
        classification: None,
        determination: None,
        tags: None,
        comment: None,
        expected: None,
        by: ctx.author(),
        at: ctx.now(),
    }
}

async fn changed(ctx: &Ctx, id: &str, change: &IncidentChange) -> Result<Incident, ApiError> {
    let incident = incident(ctx, id).await?;
    Ok(ctx.store().update_incident(incident.incident_id, change).await?)
}

fn told(ctx: &Ctx, incident: &Incident, alerts: Option<&[Alert]>) -> Value {
    let mut told = json!({
        "@odata.type": "#microsoft.graph.security.incident",
        "id": incident.incident_id.to_string(),
        "incidentWebUrl": alerts::incident_url(&ctx.config().base_url, incident.incident_id),
        "redirectIncidentId": incident.redirect_incident_id.map(|id| id.to_string()),
        "tenantId": ctx.tenant(),
        "displayName": incident.incident_name,
        "createdDateTime": incident.created_time,
        "lastUpdateDateTime": incident.last_update_time,
        "assignedTo": incident.assigned_to,
        "classification": alerts::word(json!(incident.classification), "Unknown"),
        "determination": alerts::word(json!(incident.determination), "NotAvailable"),
        "status": alerts::word(json!(incident.status), ""),
        "severity": alerts::severity(incident.severity),
        "customTags": incident.tags,
        "systemTags": [],
        "description": null,
        "comments": alerts::comments(&incident.comments),
    });
    if let Some(alerts) = alerts {
        told["alerts"] = alerts.iter().map(|alert| alerts::told(ctx, alert)).collect();
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_of_graph_are_filters_of_incidents() {
        native::check(&GRAPH_INCIDENT_TYPE, &INCIDENT_TYPE, MEANINGS);
    }
}
