//! Alerts: raised by detections, worked on by people.

use std::collections::BTreeSet;

use model::alert::{Alert, AlertComment, AlertEvidence, AlertStatus, Classification, Determination};
use model::{AlertId, DeviceId, Ticks};
use odata::{Filter, Query};
use sea_query::{Expr, ExprTrait};
use serde::de::IgnoredAny;

use crate::database::{Connection, commit};
use crate::entities::ALERT;
use crate::entity_rows::{add, parse, read, replace};
use crate::error::failed;
use crate::page::{self, Page, PageRequest};
use crate::{StoreError, TenantStore};

/// How many items of evidence one alert holds.
pub const EVIDENCE_MAX: usize = 50;

/// Which alerts a list is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlertScope {
    All,
    Device(DeviceId),
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
    /// The user's principal name or the app's name.
    pub by: String,
    pub at: Ticks,
}

/// An alert as a detection drafts it, evidence included, and the rule that made it.
#[derive(Clone, Debug, PartialEq)]
pub struct RaisedAlert {
    pub alert: Alert,
    pub rule_id: String,
}

impl TenantStore {
    /// The alert with its evidence.
    pub async fn alert(&self, id: &AlertId) -> Result<Option<Alert>, StoreError> {
        read(self.db.readers(), &ALERT, &self.key, &id.0).await
    }

    /// The alerts that pass the query, the newest first unless it says otherwise; with their evidence if it
    /// expands `evidence`.
    pub async fn list_alerts(
        &self,
        scope: AlertScope,
        query: &Query,
        page: PageRequest<'_>,
    ) -> Result<Page<Alert>, StoreError> {
        let mut page: Page<Alert> =
            page::list(&self.db, &ALERT, &self.key, scope.condition(), query, page).await?;
        if !query.expand.contains(&"evidence") {
            page.items.iter_mut().for_each(|alert| alert.evidence.clear());
        }
        Ok(page)
    }

    /// How many alerts of the scope pass the filter.
    pub async fn alert_count(&self, scope: AlertScope, filter: Option<&Filter>) -> Result<u64, StoreError> {
        page::count(&self.db, &ALERT, &self.key, scope.condition(), filter).await
    }

    /// Changes an alert and answers with it as it is then, evidence included.
    pub async fn update_alert(&self, id: &AlertId, change: &AlertChange) -> Result<Alert, StoreError> {
        let mut transaction = self.db.begin().await?;
        let stored: Option<Alert> = read(&mut *transaction, &ALERT, &self.key, &id.0).await?;
        let mut alert = stored.ok_or_else(|| StoreError::not_found("alert", id))?;
        change.apply(&mut alert);
        replace(&mut transaction, &ALERT, &self.key, &alert).await?;
        self.refresh_risk_score(&mut transaction, &alert.machine_id).await?;
        commit(transaction, "change an alert").await?;
        Ok(alert)
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

    async fn raise(
        &self,
        connection: &mut Connection,
        raised: &RaisedAlert,
        window_ticks: i64,
    ) -> Result<AlertId, StoreError> {
        let RaisedAlert { alert, rule_id } = raised;
        if read::<IgnoredAny>(&mut *connection, &ALERT, &self.key, &alert.id.0).await?.is_some() {
            return Ok(alert.id.clone());
        }
        if let Some(mut open) = self.open_alert(connection, raised, window_ticks).await? {
            if extend(&mut open, alert) {
                replace(connection, &ALERT, &self.key, &open).await?;
            }
            return Ok(open.id);
        }
        let mut alert = alert.clone();
        alert.evidence.truncate(EVIDENCE_MAX);
        add(connection, &ALERT, &self.key, &alert, &[("rule", rule_id)]).await?;
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
        let query = sqlx::query(SQL)
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
    fn condition(&self) -> Option<Expr> {
        match self {
            AlertScope::All => None,
            AlertScope::Device(device) => Some(Expr::col("machine_id").eq(device.as_str())),
        }
    }
}

impl AlertChange {
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
