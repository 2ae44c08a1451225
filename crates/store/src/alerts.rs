//! Alerts: raised by detections, worked on by people.

use std::collections::{BTreeMap, BTreeSet};

use model::alert::{Alert, AlertComment, AlertEvidence, AlertStatus, Classification, Determination};
use model::machine::Machine;
use model::time::TICKS_PER_DAY;
use model::{AlertId, DeviceId, Ticks};
use odata::Filter;
use sea_query::{Expr, ExprTrait, Query};
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};

use crate::database::{self, Connection, Row, commit, select};
use crate::entities::{ALERT, MACHINE};
use crate::entity_rows::{add, parse, read, read_where, replace};
use crate::error::failed;
use crate::page::{self, Page, PageRequest};
use crate::{StoreError, TenantStore, fold, unchanged};

/// How many items of evidence one alert holds.
const REPORTS_AT_ONCE: usize = 500;
pub const EVIDENCE_MAX: usize = 50;
/// How many comments one alert or incident holds.
pub const COMMENTS_MAX: usize = 1_000;
/// A hash with more is a SHA-256.
const SHA1_DIGITS: usize = 40;

/// How far apart events on one device may be whose alerts make one incident.
const INCIDENT_WINDOW_TICKS: i64 = TICKS_PER_DAY;

/// Which alerts a list is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertScope {
    All,
    Device(DeviceId),
    /// With a file of that SHA-1 or SHA-256 in the evidence.
    File(String),
    /// With that address in the evidence.
    Address(String),
    /// With a URL of that host, or of one below it, in the evidence.
    Domain(String),
    /// With an account of that name in the evidence, whatever its domain.
    User(String),
    Incidents(Vec<i64>),
}

/// What a person changes of an alert; what is none stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertChange {
    pub status: Option<AlertStatus>,
    /// An empty name assigns it to nobody.
    pub assigned_to: Option<String>,
    pub classification: Option<Classification>,
    pub determination: Option<Determination>,
    /// To add to the comments.
    pub comment: Option<String>,
    /// What the alert has to be like for it to be changed: its [`etag`].
    pub expected: Option<String>,
    /// The user's principal name or the app's name.
    pub by: String,
    pub at: Ticks,
}

/// An alert as a detection drafts it, evidence included, and the rule that made it.
#[derive(Clone, Debug, PartialEq)]
pub struct RaisedAlert {
    pub alert: Alert,
    pub rule_id: String,
    /// The `ReportId` of the event that it was raised for.
    pub report_id: Option<i64>,
}

impl TenantStore {
    /// The alert with its evidence.
    pub async fn alert(&self, id: &AlertId) -> Result<Option<Alert>, StoreError> {
        let in_reach = self.in_reach((ALERT.table, "machine_id"));
        read_where(self.db.readers(), &ALERT, &self.key, &id.0, in_reach).await
    }

    /// The alerts that pass the query, the newest first unless it says otherwise; with their evidence if it
    /// expands `evidence`.
    pub async fn list_alerts(
        &self,
        scope: AlertScope,
        query: &odata::Query,
        page: PageRequest<'_>,
    ) -> Result<Page<Alert>, StoreError> {
        let mut page: Page<Alert> =
            page::list(&self.db, &ALERT, &self.key, self.alerts_in_reach(&scope), query, page).await?;
        if !query.expand.contains(&"evidence") {
            page.items.iter_mut().for_each(|alert| alert.evidence.clear());
        }
        Ok(page)
    }

    /// How many alerts of the scope pass the filter.
    pub async fn alert_count(&self, scope: AlertScope, filter: Option<&Filter>) -> Result<u64, StoreError> {
        page::count(&self.db, &ALERT, &self.key, self.alerts_in_reach(&scope), filter).await
    }

    /// Changes an alert and answers with it as it is then, evidence included.
    pub async fn update_alert(&self, id: &AlertId, change: &AlertChange) -> Result<Alert, StoreError> {
        let mut transaction = self.db.begin().await?;
        let alert = self.change_alert(&mut transaction, id, change).await?;
        commit(transaction, "change an alert").await?;
        Ok(alert)
    }

    /// Changes several alerts the same way, all of them or none.
    pub async fn update_alerts(&self, ids: &[AlertId], change: &AlertChange) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        for id in ids {
            self.change_alert(&mut transaction, id, change).await?;
        }
        commit(transaction, "change alerts").await
    }

    async fn change_alert(
        &self,
        connection: &mut Connection,
        id: &AlertId,
        change: &AlertChange,
    ) -> Result<Alert, StoreError> {
        let in_reach = self.in_reach((ALERT.table, "machine_id"));
        let stored: Option<Alert> = read_where(&mut *connection, &ALERT, &self.key, &id.0, in_reach).await?;
        let mut alert = stored.ok_or_else(|| StoreError::not_found("alert", id))?;
        unchanged("alert", &id.0, &alert, change.expected.as_deref())?;
        change.apply(&mut alert);
        if alert.comments.len() > COMMENTS_MAX {
            let reason = format!("alert {id} has {COMMENTS_MAX} comments and takes no more");
            return Err(StoreError::invalid("comment", reason));
        }
        replace(connection, &ALERT, &self.key, &alert).await?;
        let by = (change.at, change.by.as_str());
        self.add_history(connection, (ALERT.name, &id.0), by, &change.told()).await?;
        self.refresh_risk_score(connection, &alert.machine_id).await?;
        if let Some(incident) = alert.incident_id {
            self.touch_incident(connection, incident, change.at).await?;
        }
        Ok(alert)
    }

    /// The `ReportId` of the event that each of some alerts was raised for, where that is known.
    pub async fn alert_reports(&self, ids: &[AlertId]) -> Result<BTreeMap<AlertId, i64>, StoreError> {
        let mut reports = BTreeMap::new();
        for some in ids.chunks(REPORTS_AT_ONCE) {
            let mut statement = Query::select();
            statement
                .columns(["id", "report_id"])
                .from(ALERT.table)
                .and_where(Expr::col("tenant").eq(self.key.as_str()))
                .and_where(Expr::col("id").is_in(some.iter().map(|id| id.0.as_str())))
                .and_where(Expr::col("report_id").ne(""));
            let rows = select(&statement).try_map(|row: Row| {
                let report: String = row.try_get("report_id")?;
                Ok((AlertId(row.try_get("id")?), report.parse().ok()))
            });
            let rows: Vec<(AlertId, Option<i64>)> =
                rows.fetch_all(self.db.readers()).await.map_err(failed("read the events of alerts"))?;
            reports.extend(rows.into_iter().filter_map(|(id, report)| Some((id, report?))));
        }
        Ok(reports)
    }

    /// Adds an alert that somebody made, or extends an open one of the same rule and device by it. Answers with
    /// the alert that holds it.
    pub async fn add_alert(&self, raised: &RaisedAlert) -> Result<Alert, StoreError> {
        if raised.alert.aad_tenant_id != self.id {
            return Err(StoreError::OtherTenant { entity: "alert", id: raised.alert.id.to_string() });
        }
        let mut transaction = self.db.begin().await?;
        let id = self.raise(&mut transaction, raised, i64::MAX).await?;
        self.refresh_risk_score(&mut transaction, &raised.alert.machine_id).await?;
        let stored: Option<Alert> = read(&mut *transaction, &ALERT, &self.key, &id.0).await?;
        commit(transaction, "write an alert").await?;
        stored.ok_or_else(|| StoreError::not_found("alert", id))
    }

    /// Stores what a detection raised and moves the follower, or does neither. Answers, for each one raised,
    /// with the id of the alert that holds it now.
    ///
    /// An unresolved alert of the same rule and device is extended instead of a second one added, when its
    /// time of events and the new one are not more than `window_ticks` apart. An alert whose id is stored
    /// already is left as it is, so raising twice is raising once.
    pub async fn commit_alerts(
        &self,
        follower: &str,
        position: i64,
        raised: &[RaisedAlert],
        window_ticks: i64,
    ) -> Result<Vec<AlertId>, StoreError> {
        if let Some(other) = raised.iter().find(|raised| raised.alert.aad_tenant_id != self.id) {
            return Err(StoreError::OtherTenant { entity: "alert", id: other.alert.id.to_string() });
        }
        let mut transaction = self.db.begin().await?;
        let mut holders = Vec::new();
        for raised in raised {
            holders.push(self.raise(&mut transaction, raised, window_ticks).await?);
        }
        let devices: BTreeSet<_> = raised.iter().map(|raised| &raised.alert.machine_id).collect();
        for device in devices {
            self.refresh_risk_score(&mut transaction, device).await?;
        }
        self.move_follower(&mut transaction, follower, position).await?;
        commit(transaction, "write alerts").await?;
        Ok(holders)
    }

    fn alerts_in_reach(&self, scope: &AlertScope) -> Option<Expr> {
        let of_scope = scope.condition(&self.key);
        let both = of_scope.into_iter().chain(self.in_reach((ALERT.table, "machine_id")));
        both.reduce(ExprTrait::and)
    }

    async fn raise(
        &self,
        connection: &mut Connection,
        raised: &RaisedAlert,
        window_ticks: i64,
    ) -> Result<AlertId, StoreError> {
        let RaisedAlert { alert, rule_id, report_id } = raised;
        if read::<IgnoredAny>(&mut *connection, &ALERT, &self.key, &alert.id.0).await?.is_some() {
            return Ok(alert.id.clone());
        }
        if let Some(mut open) = self.open_alert(connection, raised, window_ticks).await? {
            if extend(&mut open, alert) {
                replace(connection, &ALERT, &self.key, &open).await?;
                if let Some(incident) = open.incident_id {
                    self.touch_incident(connection, incident, open.last_update_time).await?;
                }
            }
            return Ok(open.id);
        }
        let mut alert = alert.clone();
        alert.evidence.truncate(EVIDENCE_MAX);
        let device = alert.machine_id.as_str();
        let machine: Option<Machine> = read(&mut *connection, &MACHINE, &self.key, device).await?;
        alert.rbac_group_name = machine.and_then(|machine| machine.rbac_group_name).or(alert.rbac_group_name);
        let incident = match alert.incident_id {
            Some(incident) => incident,
            None => self.incident_for(connection, &alert, INCIDENT_WINDOW_TICKS).await?,
        };
        alert.incident_id = Some(incident);
        let report = report_id.map(|id| id.to_string()).unwrap_or_default();
        add(connection, &ALERT, &self.key, &alert, &[("rule", rule_id), ("report_id", &report)]).await?;
        self.refresh_incident(connection, incident, alert.last_update_time).await?;
        Ok(alert.id)
    }

    /// The alert to extend by the one raised: of those that may be, the one with the latest events.
    async fn open_alert(
        &self,
        connection: &mut Connection,
        raised: &RaisedAlert,
        window_ticks: i64,
    ) -> Result<Option<Alert>, StoreError> {
        const SQL: &str = "SELECT body FROM alerts WHERE tenant = $1 AND machine_id = $2 AND rule = $3 \
                           AND status <> 'Resolved' AND last_event_time >= $4 AND first_event_time <= $5 \
                           ORDER BY last_event_time DESC, id LIMIT 1";
        let alert = &raised.alert;
        let (Some(first), Some(last)) = (alert.first_event_time, alert.last_event_time) else {
            return Ok(None);
        };
        let query = database::query(SQL)
            .bind(&self.key)
            .bind(alert.machine_id.as_str())
            .bind(&raised.rule_id)
            .bind(first.0.saturating_sub(window_ticks))
            .bind(last.0.saturating_add(window_ticks));
        let row = query.fetch_optional(connection).await.map_err(failed("find an open alert"))?;
        row.map(|row| parse(&ALERT, &row)).transpose()
    }
}

impl AlertScope {
    fn condition(&self, tenant: &str) -> Option<Expr> {
        let evidence = |condition: Expr| {
            let mut ids = Query::select();
            ids.column("id")
                .from("alert_evidence")
                .and_where(Expr::col("tenant").eq(tenant))
                .and_where(condition);
            Some(Expr::col((ALERT.table, "id")).in_subquery(ids))
        };
        match self {
            AlertScope::All => None,
            AlertScope::Device(device) => Some(Expr::col((ALERT.table, "machine_id")).eq(device.as_str())),
            AlertScope::File(hash) => {
                let column = if hash.len() > SHA1_DIGITS { "sha256" } else { "sha1" };
                evidence(Expr::col(column).eq(fold(hash)))
            }
            AlertScope::Address(address) => evidence(Expr::col("ip_address").eq(fold(address))),
            AlertScope::Domain(domain) => {
                let first = model::host_labels(domain);
                // The character after the dot: hosts below the domain are between the two.
                let end = format!("{}/", first.trim_end_matches('.'));
                evidence(Expr::col("host_labels").gte(first).and(Expr::col("host_labels").lt(end)))
            }
            AlertScope::User(name) => evidence(Expr::col("account_name").eq(fold(name))),
            AlertScope::Incidents(ids) => {
                Some(Expr::col((ALERT.table, "incident_id")).is_in(ids.iter().copied()))
            }
        }
    }
}

impl AlertChange {
    /// What it changes, for the history.
    fn told(&self) -> Json {
        let AlertChange { status, assigned_to, classification, determination, comment, .. } = self;
        let told = json!({
            "status": status,
            "assignedTo": assigned_to,
            "classification": classification,
            "determination": determination,
            "comment": comment,
        });
        without_nulls(told)
    }

    fn apply(&self, alert: &mut Alert) {
        if let Some(status) = self.status {
            alert.status = status;
            alert.resolved_time = match status {
                AlertStatus::Resolved => alert.resolved_time.or(Some(self.at)),
                AlertStatus::Unknown | AlertStatus::New | AlertStatus::InProgress => None,
            };
        }
        if let Some(name) = &self.assigned_to {
            alert.assigned_to = Some(name.clone()).filter(|name| !name.is_empty());
        }
        alert.classification = self.classification.or(alert.classification);
        alert.determination = self.determination.or(alert.determination);
        if let Some(comment) = &self.comment {
            alert.comments.push(AlertComment {
                comment: comment.clone(),
                created_by: self.by.clone(),
                created_time: self.at,
            });
        }
        alert.last_update_time = alert.last_update_time.max(self.at);
    }
}

/// The members of an object that say something.
pub(crate) fn without_nulls(mut object: Json) -> Json {
    if let Json::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// Takes the times and the evidence of another alert in. Says whether that changed anything.
fn extend(open: &mut Alert, other: &Alert) -> bool {
    let before = (open.first_event_time, open.last_event_time, open.evidence.len());
    open.first_event_time = open.first_event_time.min(other.first_event_time);
    open.last_event_time = open.last_event_time.max(other.last_event_time);
    for evidence in &other.evidence {
        let is_new = !open.evidence.iter().any(|known| is_same(known, evidence));
        if is_new && open.evidence.len() < EVIDENCE_MAX {
            open.evidence.push(evidence.clone());
        }
    }
    let has_changed = before != (open.first_event_time, open.last_event_time, open.evidence.len());
    if has_changed {
        open.last_update_time = open.last_update_time.max(other.last_update_time);
    }
    has_changed
}

/// Whether two items of evidence are about the same thing; when each was noted does not matter.
fn is_same(one: &AlertEvidence, other: &AlertEvidence) -> bool {
    let noted = one.evidence_creation_time;
    *one == AlertEvidence { evidence_creation_time: noted, ..other.clone() }
}
