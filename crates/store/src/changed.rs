//! The entities that changes are of, as they are now.

use model::{ActionId, AlertId, DeviceId, Ticks};
use odata::{CompareOp, EntityType, Filter, Query, Value};
use serde::Serialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use crate::page::PageRequest;
use crate::{
    ALERT_TYPE, AlertScope, INCIDENT_TYPE, INDICATOR_TYPE, INVESTIGATION_TYPE, IndicatorOwner,
    MACHINE_ACTION_TYPE, MACHINE_TYPE, StoreError, TenantStore,
};

/// What may be asked of the entities whose changes are of that kind.
pub fn changed_type(kind: &str) -> Option<&'static EntityType> {
    match kind {
        "alert" => Some(&ALERT_TYPE),
        "incident" => Some(&INCIDENT_TYPE),
        "indicator" => Some(&INDICATOR_TYPE),
        "investigation" => Some(&INVESTIGATION_TYPE),
        "machine" => Some(&MACHINE_TYPE),
        "machine action" => Some(&MACHINE_ACTION_TYPE),
        _ => None,
    }
}

impl TenantStore {
    /// The entity of a change as JSON; none when it is gone or out of reach.
    pub async fn changed_entity(&self, kind: &str, id: &str) -> Result<Option<Json>, StoreError> {
        let entity = match kind {
            "alert" => json!(self.alert(&AlertId(id.to_owned())).await?),
            "incident" => json!(self.incident(id.parse().unwrap_or_default()).await?),
            "indicator" => json!(self.indicator(&IndicatorOwner::Anyone, id).await?),
            "investigation" => json!(self.investigation(id).await?),
            "machine" => match DeviceId::parse(id) {
                Some(id) => json!(self.machine(&id).await?),
                None => Json::Null,
            },
            "machine action" => match Uuid::parse_str(id) {
                Ok(id) => json!(self.action(ActionId(id)).await?),
                Err(_) => Json::Null,
            },
            _ => Json::Null,
        };
        Ok(Some(entity).filter(|entity| !entity.is_null()))
    }

    /// The same, if it passes a filter of its type.
    pub async fn changed_entity_that_passes(
        &self,
        kind: &str,
        id: &str,
        filter: &Filter,
        now: Ticks,
    ) -> Result<Option<Json>, StoreError> {
        let key = if kind == "incident" { "incidentId" } else { "id" };
        let Some(property) = changed_type(kind).and_then(|of| of.property(key)) else { return Ok(None) };
        let value = match id.parse() {
            Ok(number) if kind == "incident" => Value::Int(number),
            _ => Value::String(id.to_owned()),
        };
        let is_it = Filter::Compare { property, op: CompareOp::Eq, value };
        let query = Query { filter: Some(Filter::And(vec![is_it, filter.clone()])), ..Query::default() };
        let page = PageRequest { limit: 1, cursor: None };
        match kind {
            "alert" => {
                let query = Query { expand: vec!["evidence"], ..query };
                Ok(first(self.list_alerts(AlertScope::All, &query, page).await?.items))
            }
            "incident" => Ok(first(self.list_incidents(&query, page).await?.items)),
            "indicator" => {
                Ok(first(self.list_indicators(&IndicatorOwner::Anyone, now, &query, page).await?.items))
            }
            "investigation" => Ok(first(self.list_investigations(&query, page).await?.items)),
            "machine" => Ok(first(self.list_machines(&query, page).await?.items)),
            "machine action" => Ok(first(self.list_actions(&query, page).await?.items)),
            _ => Ok(None),
        }
    }
}

fn first<T: Serialize>(items: Vec<T>) -> Option<Json> {
    items.first().map(|item| json!(item))
}
