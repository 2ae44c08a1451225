//! Actions on devices, investigations, and the queue of each device: changed together or not at all.

use model::alert::Alert;
use model::investigation::Investigation;
use model::machine_action::MachineAction;
use model::{ActionId, DeviceId, TenantId, Ticks};
use odata::{Filter, Query};
use serde_json::json;
use uuid::Uuid;

use crate::database::{self, Row, Transaction, commit, uuid};
use crate::entities::{ALERT, INVESTIGATION, MACHINE_ACTION};
use crate::entity_rows::{add, parse, read, read_where, replace};
use crate::error::{failed, not_added};
use crate::page::{self, Page, PageRequest};
use crate::{Store, StoreError, TenantStore};

const QUEUE: &str = "read the queue of a device";
const REQUEST: &str = "look for a repeated request";
const RECEIPT: &str = "keep a receipt";
/// Receipts of one action that are kept.
const RECEIPTS_MAX: i64 = 200;
/// How long a repeated request is known by its key.
const REPEAT_DAYS: i64 = 7;

/// A change of the queue of one device and of what its orders stand for. It is undone unless committed.
pub struct ActionWork {
    transaction: Transaction,
    tenant: String,
    device: DeviceId,
}

/// What a device said about an action, as it signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptRow {
    pub device: String,
    pub received: Ticks,
    pub signed: String,
}

impl Store {
    /// Devices that have orders which are late, the latest first.
    pub async fn late_queues(&self, now: Ticks, limit: u32) -> Result<Vec<(TenantId, DeviceId)>, StoreError> {
        const SQL: &str = "SELECT tenant, device FROM device_queues WHERE next_deadline <= $1 \
                           ORDER BY next_deadline LIMIT $2";
        let query = database::query(SQL).bind(now.0).bind(i64::from(limit)).try_map(|row: Row| {
            Ok((TenantId(uuid(row.try_get("tenant")?)?), device(row.try_get("device")?)?))
        });
        query.fetch_all(self.db.readers()).await.map_err(failed("find late orders"))
    }
}

impl TenantStore {
    pub async fn action(&self, id: ActionId) -> Result<Option<MachineAction>, StoreError> {
        let in_reach = self.in_reach((MACHINE_ACTION.table, "machine_id"));
        read_where(self.db.readers(), &MACHINE_ACTION, &self.key, &id.to_string(), in_reach).await
    }

    /// Who asked for an action, as an id that does not change.
    pub async fn action_actor(&self, id: ActionId) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT actor FROM machine_actions WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id.to_string());
        let actor = query.try_map(|row: Row| row.try_get("actor"));
        actor.fetch_optional(self.db.readers()).await.map_err(failed("read who asked for an action"))
    }

    /// The actions that pass the query, the newest first unless it says otherwise.
    pub async fn list_actions(
        &self,
        query: &Query,
        page: PageRequest<'_>,
    ) -> Result<Page<MachineAction>, StoreError> {
        let in_reach = self.in_reach((MACHINE_ACTION.table, "machine_id"));
        page::list(&self.db, &MACHINE_ACTION, &self.key, in_reach, query, page).await
    }

    pub async fn action_count(&self, filter: Option<&Filter>) -> Result<u64, StoreError> {
        let in_reach = self.in_reach((MACHINE_ACTION.table, "machine_id"));
        page::count(&self.db, &MACHINE_ACTION, &self.key, in_reach, filter).await
    }

    /// How many actions were asked for since then, and how many live responses are open.
    pub async fn action_load(&self, since: Ticks) -> Result<(u64, u64), StoreError> {
        const MADE: &str = "SELECT COUNT(*) FROM machine_actions WHERE tenant = $1 AND creation_time >= $2";
        const LIVE: &str = "SELECT COUNT(*) FROM machine_actions WHERE tenant = $1 \
                            AND status IN ('Pending', 'InProgress') AND type = 'LiveResponse'";
        let count = |row: Row| row.try_get::<i64, _>(0).map(i64::unsigned_abs);
        let made = database::query(MADE).bind(&self.key).bind(since.0).try_map(count);
        let made = made.fetch_one(self.db.readers()).await.map_err(failed("count actions"))?;
        let live = database::query(LIVE).bind(&self.key).try_map(count);
        let live = live.fetch_one(self.db.readers()).await.map_err(failed("count actions"))?;
        Ok((made, live))
    }

    /// An investigation by its id, or the last one of an alert.
    pub async fn investigation(&self, id: &str) -> Result<Option<Investigation>, StoreError> {
        const SQL: &str = "SELECT id FROM investigations WHERE tenant = $1 AND triggering_alert_id = $2 \
                           ORDER BY start_time DESC, id DESC LIMIT 1";
        if let Some(found) = self.investigation_in_reach(id).await? {
            return Ok(Some(found));
        }
        let query = database::query(SQL).bind(&self.key).bind(crate::fold(id));
        let found = query.try_map(|row: Row| row.try_get::<String, _>("id"));
        let found = found.fetch_optional(self.db.readers()).await.map_err(failed("find an investigation"))?;
        match found {
            Some(id) => self.investigation_in_reach(&id).await,
            None => Ok(None),
        }
    }

    async fn investigation_in_reach(&self, id: &str) -> Result<Option<Investigation>, StoreError> {
        let in_reach = self.in_reach((INVESTIGATION.table, "machine_id"));
        read_where(self.db.readers(), &INVESTIGATION, &self.key, id, in_reach).await
    }

    /// The investigations that pass the query, the newest first unless it says otherwise.
    pub async fn list_investigations(
        &self,
        query: &Query,
        page: PageRequest<'_>,
    ) -> Result<Page<Investigation>, StoreError> {
        let in_reach = self.in_reach((INVESTIGATION.table, "machine_id"));
        page::list(&self.db, &INVESTIGATION, &self.key, in_reach, query, page).await
    }

    pub async fn investigation_count(&self, filter: Option<&Filter>) -> Result<u64, StoreError> {
        let in_reach = self.in_reach((INVESTIGATION.table, "machine_id"));
        page::count(&self.db, &INVESTIGATION, &self.key, in_reach, filter).await
    }

    /// The order that stands for an investigation, and who asked for it, by an id that does not change.
    pub async fn investigation_order(&self, id: &str) -> Result<Option<(Uuid, String)>, StoreError> {
        const SQL: &str = "SELECT order_id, actor FROM investigations WHERE tenant = $1 AND id = $2";
        let query = database::query(SQL).bind(&self.key).bind(id).try_map(|row: Row| {
            Ok((crate::database::uuid(row.try_get("order_id")?)?, row.try_get("actor")?))
        });
        query.fetch_optional(self.db.readers()).await.map_err(failed("read who asked for an investigation"))
    }

    /// The queue of a device as it is stored; none before its first order.
    pub async fn device_queue(&self, device: &DeviceId) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT body FROM device_queues WHERE tenant = $1 AND device = $2";
        let query = database::query(SQL).bind(&self.key).bind(device.as_str());
        let body = query.try_map(|row: Row| row.try_get("body"));
        body.fetch_optional(self.db.readers()).await.map_err(failed(QUEUE))
    }

    /// Begins a change of the queue of a device.
    pub async fn begin_actions(&self, device: &DeviceId) -> Result<ActionWork, StoreError> {
        let transaction = self.db.begin().await?;
        Ok(ActionWork { transaction, tenant: self.key.clone(), device: device.clone() })
    }

    /// What devices said about an action, in order.
    pub async fn receipts(&self, action: ActionId) -> Result<Vec<ReceiptRow>, StoreError> {
        const SQL: &str = "SELECT device, received, signed FROM action_receipts \
                           WHERE tenant = $1 AND action = $2 ORDER BY number";
        let query = database::query(SQL).bind(&self.key).bind(action.to_string()).try_map(|row: Row| {
            Ok(ReceiptRow {
                device: row.try_get("device")?,
                received: Ticks(row.try_get("received")?),
                signed: row.try_get("signed")?,
            })
        });
        query.fetch_all(self.db.readers()).await.map_err(failed("read receipts"))
    }
}

impl ActionWork {
    /// The queue as it is stored.
    pub async fn queue(&mut self) -> Result<Option<String>, StoreError> {
        const SQL: &str = "SELECT body FROM device_queues WHERE tenant = $1 AND device = $2";
        let query = database::query(SQL).bind(&self.tenant).bind(self.device.as_str());
        let body = query.try_map(|row: Row| row.try_get("body"));
        body.fetch_optional(&mut *self.transaction).await.map_err(failed(QUEUE))
    }

    pub async fn put_queue(&mut self, body: &str, next_deadline: Option<Ticks>) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO device_queues (tenant, device, body, next_deadline) \
                           VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, device) \
                           DO UPDATE SET body = excluded.body, next_deadline = excluded.next_deadline";
        let query = database::query(SQL).bind(&self.tenant).bind(self.device.as_str()).bind(body);
        let query = query.bind(next_deadline.map(|at| at.0));
        query.execute(&mut *self.transaction).await.map_err(failed("write the queue of a device"))?;
        Ok(())
    }

    /// The hash and the action of the request that had this key, if one had.
    pub async fn request(&mut self, key: &str) -> Result<Option<(String, ActionId)>, StoreError> {
        const SQL: &str = "SELECT request_hash, action FROM action_requests \
                           WHERE tenant = $1 AND idempotency_key = $2";
        let query = database::query(SQL)
            .bind(&self.tenant)
            .bind(key)
            .try_map(|row: Row| Ok((row.try_get("request_hash")?, ActionId(uuid(row.try_get("action")?)?))));
        query.fetch_optional(&mut *self.transaction).await.map_err(failed(REQUEST))
    }

    /// Notes which action a request with a key made, and forgets those of long ago.
    pub async fn add_request(
        &mut self,
        key: &str,
        hash: &str,
        action: ActionId,
        now: Ticks,
    ) -> Result<(), StoreError> {
        const FORGET: &str = "DELETE FROM action_requests WHERE tenant = $1 AND created < $2";
        const ADD: &str = "INSERT INTO action_requests (tenant, idempotency_key, request_hash, action, created) \
                           VALUES ($1, $2, $3, $4, $5)";
        let before = now.plus_seconds(-REPEAT_DAYS * 86_400);
        let forget = database::query(FORGET).bind(&self.tenant).bind(before.0);
        forget.execute(&mut *self.transaction).await.map_err(failed(REQUEST))?;
        let added = database::query(ADD).bind(&self.tenant).bind(key).bind(hash).bind(action.to_string());
        let added = added.bind(now.0).execute(&mut *self.transaction).await;
        added.map_err(not_added(REQUEST, "request", key))?;
        Ok(())
    }

    pub async fn action(&mut self, id: ActionId) -> Result<Option<MachineAction>, StoreError> {
        read(&mut *self.transaction, &MACHINE_ACTION, &self.tenant, &id.to_string()).await
    }

    pub async fn add_action(&mut self, action: &MachineAction, actor: &str) -> Result<(), StoreError> {
        add(&mut self.transaction, &MACHINE_ACTION, &self.tenant, action, &[("actor", actor)]).await
    }

    pub async fn replace_action(&mut self, action: &MachineAction) -> Result<(), StoreError> {
        replace(&mut self.transaction, &MACHINE_ACTION, &self.tenant, action).await
    }

    /// The investigation that an order stands for.
    pub async fn investigation(&mut self, order: Uuid) -> Result<Option<Investigation>, StoreError> {
        const SQL: &str = "SELECT body FROM investigations WHERE tenant = $1 AND order_id = $2";
        let query = database::query(SQL).bind(&self.tenant).bind(order.to_string());
        let row = query.fetch_optional(&mut *self.transaction).await;
        let row = row.map_err(failed("find an investigation"))?;
        row.map(|row| parse(&INVESTIGATION, &row)).transpose()
    }

    /// The next number of an investigation of the tenant.
    pub async fn next_investigation(&mut self) -> Result<i64, StoreError> {
        const SQL: &str = "INSERT INTO counters (tenant, name, value) VALUES ($1, 'investigation', 1) \
                           ON CONFLICT (tenant, name) DO UPDATE SET value = counters.value + 1 RETURNING value";
        let query = database::query(SQL).bind(&self.tenant).try_map(|row: Row| row.try_get(0));
        query.fetch_one(&mut *self.transaction).await.map_err(failed("draw the number of an investigation"))
    }

    pub async fn add_investigation(
        &mut self,
        investigation: &Investigation,
        order: Uuid,
        actor: &str,
    ) -> Result<(), StoreError> {
        let order = order.to_string();
        let extra = [("order_id", order.as_str()), ("actor", actor)];
        add(&mut self.transaction, &INVESTIGATION, &self.tenant, investigation, &extra).await?;
        self.tell_alert(investigation, investigation.start_time.unwrap_or_default()).await
    }

    pub async fn replace_investigation(
        &mut self,
        investigation: &Investigation,
        now: Ticks,
    ) -> Result<(), StoreError> {
        replace(&mut self.transaction, &INVESTIGATION, &self.tenant, investigation).await?;
        self.tell_alert(investigation, now).await
    }

    /// Writes into the alert of an investigation how it stands, where there is such an alert of the device.
    async fn tell_alert(&mut self, investigation: &Investigation, now: Ticks) -> Result<(), StoreError> {
        let Some(id) = &investigation.triggering_alert_id else { return Ok(()) };
        let transaction = &mut self.transaction;
        let alert: Option<Alert> = read(&mut **transaction, &ALERT, &self.tenant, &crate::fold(id)).await?;
        let Some(mut alert) = alert.filter(|alert| alert.machine_id == self.device) else { return Ok(()) };
        alert.investigation_id = investigation.id.parse().ok();
        alert.investigation_state = json!(investigation.state).as_str().map(str::to_owned);
        alert.last_update_time = alert.last_update_time.max(now);
        replace(transaction, &ALERT, &self.tenant, &alert).await
    }

    /// Keeps what the device said, unless it said the same before or has said too much.
    pub async fn add_receipt(
        &mut self,
        action: Uuid,
        received: Ticks,
        signed: &str,
    ) -> Result<(), StoreError> {
        const SQL: &str = "INSERT INTO action_receipts (tenant, action, device, number, received, signed) \
             SELECT $1, $2, $3, COUNT(*), $4, $5 FROM action_receipts WHERE tenant = $1 AND action = $2 \
             HAVING COUNT(*) < $6 AND COALESCE(SUM(CASE WHEN signed = $5 THEN 1 ELSE 0 END), 0) = 0";
        let query =
            database::query(SQL).bind(&self.tenant).bind(action.to_string()).bind(self.device.as_str());
        let query = query.bind(received.0).bind(signed).bind(RECEIPTS_MAX);
        query.execute(&mut *self.transaction).await.map_err(failed(RECEIPT))?;
        Ok(())
    }

    /// Makes the key of the device worthless.
    pub async fn revoke_key(&mut self, now: Ticks) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE device_keys SET revoked = $3 \
                           WHERE tenant = $1 AND device = $2 AND revoked IS NULL";
        let query = database::query(SQL).bind(&self.tenant).bind(self.device.as_str()).bind(now.0);
        query.execute(&mut *self.transaction).await.map_err(failed("revoke the key of a device"))?;
        Ok(())
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        commit(self.transaction, "change the actions of a device").await
    }
}

pub(crate) fn device(text: &str) -> Result<DeviceId, sqlx::Error> {
    let invalid = || sqlx::Error::Decode(format!("'{text}' is not the id of a device").into());
    DeviceId::parse(text).ok_or_else(invalid)
}
