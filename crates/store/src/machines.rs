//! Machines: devices as the entity API shows them.

use model::DeviceId;
use model::alert::Severity;
use model::machine::{Machine, RiskScore};
use odata::{Filter, Query};
use sea_query::{Expr, ExprTrait, Order};
use serde_json::Value as Json;
use sqlx::Row as _;

use crate::database::{Connection, Row, commit, select};
use crate::entities::MACHINE;
use crate::entity_rows::{add, parse, read, replace};
use crate::error::failed;
use crate::page::{self, Page, PageRequest};
use crate::{StoreError, TenantStore, fold};

/// How many ids one statement asks for.
const IDS_MAX: usize = 500;

impl TenantStore {
    pub async fn machine(&self, id: &DeviceId) -> Result<Option<Machine>, StoreError> {
        read(self.db.readers(), &MACHINE, &self.key, id.as_str()).await
    }

    /// The machine of that DNS name, the one seen last if several have it, else the one that the device
    /// directory knows by the name. Letter case does not matter.
    pub async fn machine_by_name(&self, name: &str) -> Result<Option<Machine>, StoreError> {
        const NAMED: &str = "SELECT body FROM machines WHERE tenant = $1 AND computer_dns_name = $2 \
                             ORDER BY last_seen DESC, id LIMIT 1";
        const ALIASED: &str = "SELECT machines.body AS body FROM device_names JOIN machines \
                               ON machines.tenant = device_names.tenant AND machines.id = device_names.device \
                               WHERE device_names.tenant = $1 AND device_names.name_folded = $2";
        for sql in [NAMED, ALIASED] {
            let query = sqlx::query(sql).bind(&self.key).bind(fold(name));
            let row = query.fetch_optional(self.db.readers()).await.map_err(failed("find a machine"))?;
            if let Some(row) = row {
                return parse(&MACHINE, &row).map(Some);
            }
        }
        Ok(None)
    }

    /// Those of the machines that there are, by id.
    pub async fn machines_with_ids(&self, ids: &[DeviceId]) -> Result<Vec<Machine>, StoreError> {
        let mut ids: Vec<_> = ids.iter().map(DeviceId::as_str).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut machines = Vec::new();
        for some in ids.chunks(IDS_MAX) {
            let mut statement = sea_query::Query::select();
            statement
                .column("body")
                .from(MACHINE.table)
                .and_where(Expr::col("tenant").eq(self.key.as_str()))
                .and_where(Expr::col("id").is_in(some.iter().copied()))
                .order_by("id", Order::Asc);
            let rows = select(&statement).fetch_all(self.db.readers()).await;
            for row in rows.map_err(failed("read machines"))? {
                machines.push(parse(&MACHINE, &row)?);
            }
        }
        Ok(machines)
    }

    /// The machines that pass the query, by id unless it says otherwise.
    pub async fn list_machines(
        &self,
        query: &Query,
        page: PageRequest<'_>,
    ) -> Result<Page<Machine>, StoreError> {
        page::list(&self.db, &MACHINE, &self.key, None, query, page).await
    }

    /// How many machines pass the filter.
    pub async fn machine_count(&self, filter: Option<&Filter>) -> Result<u64, StoreError> {
        page::count(&self.db, &MACHINE, &self.key, None, filter).await
    }

    /// Writes machines whole and moves the follower, or does neither.
    ///
    /// The risk score is not taken from the given machines: it follows from their alerts. A machine that is
    /// stored as given already is not a change.
    pub async fn commit_machines(
        &self,
        follower: &str,
        position: i64,
        machines: &[Machine],
    ) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        self.write_machines(&mut transaction, machines).await?;
        self.move_follower(&mut transaction, follower, position).await?;
        commit(transaction, "write machines").await
    }

    /// Writes machines whole, except their risk score, and leaves those alone that are stored as given.
    pub(crate) async fn write_machines(
        &self,
        connection: &mut Connection,
        machines: &[Machine],
    ) -> Result<(), StoreError> {
        for machine in machines {
            let risk_score = self.risk_score(connection, &machine.id).await?;
            let machine = Machine { risk_score, ..machine.clone() };
            let stored = read::<Json>(&mut *connection, &MACHINE, &self.key, machine.id.as_str()).await?;
            match stored {
                None => add(connection, &MACHINE, &self.key, &machine, &[]).await?,
                Some(stored) if serde_json::to_value(&machine).is_ok_and(|given| given == stored) => {}
                Some(_) => replace(connection, &MACHINE, &self.key, &machine).await?,
            }
        }
        Ok(())
    }

    /// Makes the risk score of a machine, if there is one, follow its alerts again.
    pub(crate) async fn refresh_risk_score(
        &self,
        connection: &mut Connection,
        device: &DeviceId,
    ) -> Result<(), StoreError> {
        let stored: Option<Machine> = read(&mut *connection, &MACHINE, &self.key, device.as_str()).await?;
        let Some(machine) = stored else { return Ok(()) };
        let risk_score = self.risk_score(connection, device).await?;
        if risk_score == machine.risk_score {
            return Ok(());
        }
        replace(connection, &MACHINE, &self.key, &Machine { risk_score, ..machine }).await
    }

    /// The highest severity among the device's alerts that are not resolved.
    async fn risk_score(
        &self,
        connection: &mut Connection,
        device: &DeviceId,
    ) -> Result<RiskScore, StoreError> {
        // Naming the statuses lets one index answer; `<>` and DISTINCT would lead past it.
        const SQL: &str = "SELECT severity FROM alerts WHERE tenant = $1 AND machine_id = $2 \
                           AND status IN ('Unknown', 'New', 'InProgress') GROUP BY status, severity";
        let severities = sqlx::query(SQL).bind(&self.key).bind(device.as_str()).try_map(severity);
        let severities =
            severities.fetch_all(connection).await.map_err(failed("read the alerts of a device"))?;
        Ok(match severities.into_iter().max() {
            None | Some(Severity::UnSpecified) => RiskScore::None,
            Some(Severity::Informational) => RiskScore::Informational,
            Some(Severity::Low) => RiskScore::Low,
            Some(Severity::Medium) => RiskScore::Medium,
            Some(Severity::High) => RiskScore::High,
        })
    }
}

fn severity(row: Row) -> Result<Severity, sqlx::Error> {
    let name: String = row.try_get(0)?;
    serde_json::from_value(name.into()).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
