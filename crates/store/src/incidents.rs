//! Incidents: alerts that belong together.
//!
//! An alert joins the open incident of its device whose events are near its own, or begins one. What an incident
//! is called and how severe it is follow from its alerts.

use std::collections::BTreeSet;

use model::Ticks;
use model::alert::{Alert, AlertComment, Classification, Determination, Severity};
use model::incident::{Incident, IncidentStatus};
use odata::{Filter, Query};
use serde_json::{Value as Json, json};

use crate::alerts::{COMMENTS_MAX, without_nulls};
use crate::database::{self, Connection, Row, commit};
use crate::entities::INCIDENT;
use crate::entity_rows::{add, read, replace};
use crate::error::failed;
use crate::page::{self, Page, PageRequest};
use crate::{StoreError, TenantStore, unchanged};

/// Alerts that the name of an incident is made of.
const NAMED_BY_MAX: i64 = 1_000;
/// Categories that the name of an incident tells.
const CATEGORIES_MAX: usize = 3;

/// What a person changes of an incident; what is none stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncidentChange {
    pub status: Option<IncidentStatus>,
    /// An empty name assigns it to nobody.
    pub assigned_to: Option<String>,
    pub classification: Option<Classification>,
    pub determination: Option<Determination>,
    /// Instead of those it has.
    pub tags: Option<Vec<String>>,
    /// To add to the comments.
    pub comment: Option<String>,
    /// What the incident has to be like for it to be changed: its [`crate::etag`].
    pub expected: Option<String>,
    pub by: String,
    pub at: Ticks,
}

impl TenantStore {
    pub async fn incident(&self, id: i64) -> Result<Option<Incident>, StoreError> {
        read(self.db.readers(), &INCIDENT, &self.key, &id.to_string()).await
    }

    /// The incidents that pass the query, the newest first unless it says otherwise.
    pub async fn list_incidents(
        &self,
        query: &Query,
        page: PageRequest<'_>,
    ) -> Result<Page<Incident>, StoreError> {
        page::list(&self.db, &INCIDENT, &self.key, None, query, page).await
    }

    /// How many incidents pass the filter.
    pub async fn incident_count(&self, filter: Option<&Filter>) -> Result<u64, StoreError> {
        page::count(&self.db, &INCIDENT, &self.key, None, filter).await
    }

    /// Changes an incident and answers with it as it is then.
    pub async fn update_incident(&self, id: i64, change: &IncidentChange) -> Result<Incident, StoreError> {
        let mut transaction = self.db.begin().await?;
        let name = id.to_string();
        let stored: Option<Incident> = read(&mut *transaction, &INCIDENT, &self.key, &name).await?;
        let mut incident = stored.ok_or_else(|| StoreError::not_found("incident", id))?;
        unchanged("incident", &name, &incident, change.expected.as_deref())?;
        change.apply(&mut incident);
        if incident.comments.len() > COMMENTS_MAX {
            let reason = format!("incident {id} has {COMMENTS_MAX} comments and takes no more");
            return Err(StoreError::invalid("comment", reason));
        }
        replace(&mut transaction, &INCIDENT, &self.key, &incident).await?;
        let by = (change.at, change.by.as_str());
        self.add_history(&mut transaction, (INCIDENT.name, &name), by, &change.told()).await?;
        commit(transaction, "change an incident").await?;
        Ok(incident)
    }

    /// The incident that an alert belongs to; a new one when there is none.
    pub(crate) async fn incident_for(
        &self,
        connection: &mut Connection,
        alert: &Alert,
        window_ticks: i64,
    ) -> Result<i64, StoreError> {
        const NEAR: &str = "SELECT alerts.incident_id FROM alerts JOIN incidents \
                            ON incidents.tenant = alerts.tenant AND incidents.id = CAST(alerts.incident_id AS TEXT) \
                            WHERE alerts.tenant = $1 AND alerts.machine_id = $2 AND alerts.last_event_time >= $3 \
                            AND alerts.first_event_time <= $4 AND incidents.status IN ('Active', 'InProgress') \
                            ORDER BY alerts.last_event_time DESC, alerts.id LIMIT 1";
        const NEXT: &str = "INSERT INTO counters (tenant, name, value) VALUES ($1, 'incident', 1) \
                            ON CONFLICT (tenant, name) DO UPDATE SET value = counters.value + 1 RETURNING value";
        let doing = "find the incident of an alert";
        let first = alert.first_event_time.unwrap_or(alert.alert_creation_time);
        let last = alert.last_event_time.unwrap_or(alert.alert_creation_time);
        let query = database::query(NEAR)
            .bind(&self.key)
            .bind(alert.machine_id.as_str())
            .bind(first.0.saturating_sub(window_ticks))
            .bind(last.0.saturating_add(window_ticks));
        let near = query.try_map(|row: Row| row.try_get::<i64, _>(0)).fetch_optional(&mut *connection).await;
        if let Some(id) = near.map_err(failed(doing))? {
            return Ok(id);
        }
        let next = database::query(NEXT).bind(&self.key).try_map(|row: Row| row.try_get::<i64, _>(0));
        let id = next.fetch_one(&mut *connection).await.map_err(failed(doing))?;
        add(connection, &INCIDENT, &self.key, &Incident::new(id, alert.alert_creation_time), &[]).await?;
        Ok(id)
    }

    /// Makes the name and the severity of an incident follow from its alerts again.
    pub(crate) async fn refresh_incident(
        &self,
        connection: &mut Connection,
        id: i64,
        at: Ticks,
    ) -> Result<(), StoreError> {
        const SQL: &str =
            "SELECT body FROM alerts WHERE tenant = $1 AND incident_id = $2 ORDER BY id LIMIT $3";
        let stored: Option<Incident> = read(&mut *connection, &INCIDENT, &self.key, &id.to_string()).await?;
        let Some(mut incident) = stored else { return Ok(()) };
        let query = database::query(SQL).bind(&self.key).bind(id).bind(NAMED_BY_MAX);
        let rows =
            query.fetch_all(&mut *connection).await.map_err(failed("read the alerts of an incident"))?;
        let alerts = rows.iter().map(|row| crate::entity_rows::parse(&crate::entities::ALERT, row));
        let mut alerts: Vec<Alert> = alerts.collect::<Result<_, _>>()?;
        alerts.sort_by(|one, other| {
            (one.alert_creation_time, &one.id.0).cmp(&(other.alert_creation_time, &other.id.0))
        });
        incident.incident_name = name(&alerts);
        incident.severity = alerts.iter().map(|alert| alert.severity).max().unwrap_or(Severity::UnSpecified);
        incident.last_update_time = incident.last_update_time.max(at);
        replace(connection, &INCIDENT, &self.key, &incident).await
    }

    /// Says of an incident that something of it changed.
    pub(crate) async fn touch_incident(
        &self,
        connection: &mut Connection,
        id: i64,
        at: Ticks,
    ) -> Result<(), StoreError> {
        let stored: Option<Incident> = read(&mut *connection, &INCIDENT, &self.key, &id.to_string()).await?;
        let Some(incident) = stored.filter(|incident| incident.last_update_time < at) else { return Ok(()) };
        replace(connection, &INCIDENT, &self.key, &Incident { last_update_time: at, ..incident }).await
    }
}

/// What alerts, the oldest first, are called together.
fn name(alerts: &[Alert]) -> String {
    let devices: BTreeSet<_> = alerts.iter().map(|alert| &alert.machine_id).collect();
    let mut categories: Vec<&str> = Vec::new();
    for alert in alerts {
        if !categories.contains(&alert.category.as_str()) {
            categories.push(&alert.category);
        }
    }
    let place = match (alerts, devices.len()) {
        ([first, ..], 1) => match &first.computer_dns_name {
            Some(name) => format!("on {name}"),
            None => "on one endpoint".to_owned(),
        },
        (_, count) => format!("on {count} endpoints"),
    };
    match alerts {
        [] => String::new(),
        [alert] => format!("{} {place}", alert.title),
        _ if categories.len() == 1 => format!("{} alerts of {} {place}", alerts.len(), categories[0]),
        _ => {
            let told = categories.iter().take(CATEGORIES_MAX).copied().collect::<Vec<_>>().join(", ");
            format!("Multi-stage incident involving {told} {place}")
        }
    }
}

impl IncidentChange {
    fn told(&self) -> Json {
        let IncidentChange { status, assigned_to, classification, determination, tags, comment, .. } = self;
        without_nulls(json!({
            "status": status,
            "assignedTo": assigned_to,
            "classification": classification,
            "determination": determination,
            "tags": tags,
            "comment": comment,
        }))
    }

    fn apply(&self, incident: &mut Incident) {
        incident.status = self.status.unwrap_or(incident.status);
        if let Some(name) = &self.assigned_to {
            incident.assigned_to = Some(name.clone()).filter(|name| !name.is_empty());
        }
        incident.classification = self.classification.unwrap_or(incident.classification);
        incident.determination = self.determination.unwrap_or(incident.determination);
        if let Some(tags) = &self.tags {
            incident.tags.clone_from(tags);
        }
        if let Some(comment) = &self.comment {
            incident.comments.push(AlertComment {
                comment: comment.clone(),
                created_by: self.by.clone(),
                created_time: self.at,
            });
        }
        incident.last_update_time = incident.last_update_time.max(self.at);
    }
}
