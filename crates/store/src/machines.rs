//! Machines: devices as the entity API shows them.

use std::collections::BTreeSet;
use std::sync::Arc;

use model::alert::Severity;
use model::machine::{Machine, RiskScore};
use model::{DeviceId, Reach};
use odata::{Filter, Query};
use sea_query::{Expr, ExprTrait, Order};
use serde_json::Value as Json;

use crate::database::{self, Connection, Row, commit, select};
use crate::device_groups::grouped;
use crate::entities::{MACHINE, MACHINE_TYPE};
use crate::entity_rows::{add, parse, read, read_where, replace};
use crate::error::failed;
use crate::filter::Indexes;
use crate::page::{self, Page, PageRequest};
use crate::written::{Written, WrittenMachines};
use crate::{StoreError, TenantStore, filter, fold};

/// How many ids one statement asks for.
const IDS_MAX: usize = 500;

/// Which machines a list is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineScope {
    All,
    /// Those of these ids that there are. At most 10,000.
    Ids(Vec<DeviceId>),
    /// With that tag, or with one that begins so. Letter case does not matter.
    Tag {
        tag: String,
        is_prefix: bool,
    },
}

impl TenantStore {
    pub async fn machine(&self, id: &DeviceId) -> Result<Option<Machine>, StoreError> {
        let in_reach = self.machine_in_reach();
        read_where(self.db.readers(), &MACHINE, &self.key, id.as_str(), in_reach).await
    }

    /// The machine with its JSON and ETag, which are made once for as long as it does not change.
    pub async fn written_machine(&self, id: &DeviceId) -> Result<Option<Arc<Written<Machine>>>, StoreError> {
        let written = self.db.written().filter(|_| self.reach.is_all());
        match written.and_then(|written| written.get(&self.key, id.as_str())) {
            Some(known) => Ok(Some(known)),
            // In a place of its own: it is seldom gone through and takes much room.
            None => Box::pin(self.write_machine_down(written, id)).await,
        }
    }

    async fn write_machine_down(
        &self,
        written: Option<&WrittenMachines>,
        id: &DeviceId,
    ) -> Result<Option<Arc<Written<Machine>>>, StoreError> {
        let changes = written.map(WrittenMachines::changes).unwrap_or_default();
        let Some(machine) = self.machine(id).await? else { return Ok(None) };
        let machine = Written::new(machine).map_err(|source| {
            let (entity, id) = (MACHINE.name, id.to_string());
            StoreError::Unreadable { entity, id, source }
        })?;
        let machine = Arc::new(machine);
        if let Some(written) = written {
            written.keep(changes, &self.key, machine.clone());
        }
        Ok(Some(machine))
    }

    /// The machine of that DNS name, the one seen last if several have it, else the one that the device
    /// directory knows by the name. Letter case does not matter.
    pub async fn machine_by_name(&self, name: &str) -> Result<Option<Machine>, StoreError> {
        const ALIASED: &str = "SELECT device FROM device_names WHERE tenant = $1 AND name_folded = $2";
        let mut named = sea_query::Query::select();
        named
            .column("body")
            .from(MACHINE.table)
            .and_where(Expr::col("tenant").eq(self.key.as_str()))
            .and_where(Expr::col("computer_dns_name").eq(fold(name)))
            .and_where_option(self.machine_in_reach())
            // The name leads: there are few machines of one name, and many that were seen of late.
            .order_by_expr(filter::column(&MACHINE, "last_seen", Indexes::Passed), Order::Desc)
            .order_by("id", Order::Asc)
            .limit(1);
        let row = select(&named).fetch_optional(self.db.readers()).await.map_err(failed("find a machine"))?;
        if let Some(row) = row {
            return parse(&MACHINE, &row).map(Some);
        }
        let device = database::query(ALIASED).bind(&self.key).bind(fold(name));
        let device = device.try_map(|row: Row| row.try_get::<String, _>(0));
        let device = device.fetch_optional(self.db.readers()).await.map_err(failed("find a machine"))?;
        match device.and_then(|device| DeviceId::parse(&device)) {
            Some(device) => self.machine(&device).await,
            None => Ok(None),
        }
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
                .and_where_option(self.machine_in_reach())
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
        self.list_machines_of(&MachineScope::All, query, page).await
    }

    /// The machines of a scope that pass the query, by id unless it says otherwise.
    pub async fn list_machines_of(
        &self,
        scope: &MachineScope,
        query: &Query,
        page: PageRequest<'_>,
    ) -> Result<Page<Machine>, StoreError> {
        let query = Query { filter: self.narrowed(query.filter.as_ref())?, ..query.clone() };
        page::list(&self.db, &MACHINE, &self.key, scope.condition(&self.key), &query, page).await
    }

    /// How many machines pass the filter.
    pub async fn machine_count(&self, filter: Option<&Filter>) -> Result<u64, StoreError> {
        self.machine_count_of(&MachineScope::All, filter).await
    }

    /// The filter that only machines in reach pass. It is a part of the filter, so that it can lead to the rows.
    fn narrowed(&self, filter: Option<&Filter>) -> Result<Option<Filter>, StoreError> {
        let Reach::Groups(groups) = &self.reach else { return Ok(filter.cloned()) };
        let property = MACHINE_TYPE.property("rbacGroupId");
        let property = property.ok_or_else(|| StoreError::invalid("filter", "'rbacGroupId' is not there"))?;
        let values = groups.iter().map(|group| odata::Value::Int(*group)).collect();
        let own = Filter::In { property, values };
        Ok(Some(match filter {
            None => own,
            Some(filter) => Filter::And(vec![own, filter.clone()]),
        }))
    }

    /// How many machines of a scope pass the filter.
    pub async fn machine_count_of(
        &self,
        scope: &MachineScope,
        filter: Option<&Filter>,
    ) -> Result<u64, StoreError> {
        let filter = self.narrowed(filter)?;
        page::count(&self.db, &MACHINE, &self.key, scope.condition(&self.key), filter.as_ref()).await
    }

    /// Writes machines whole and moves the follower, or does neither.
    ///
    /// Risk score and device group are not taken from the given machines: the one follows from their alerts, the
    /// other from the rules. A machine that is
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

    /// Writes machines whole, except their risk score, their device group and what people set of them,
    /// and leaves those alone that are stored as given.
    pub(crate) async fn write_machines(
        &self,
        connection: &mut Connection,
        machines: &[Machine],
    ) -> Result<(), StoreError> {
        let groups = self.groups_in(connection).await?;
        for machine in machines {
            let risk_score = self.risk_score(connection, &machine.id).await?;
            let mut machine = Machine { risk_score, ..machine.clone() };
            self.machine_settings(connection, &machine.id).await?.apply(&mut machine);
            let machine = grouped(&groups, machine);
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
        let severities = database::query(SQL).bind(&self.key).bind(device.as_str()).try_map(severity);
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

impl MachineScope {
    fn condition(&self, tenant: &str) -> Option<Expr> {
        match self {
            MachineScope::All => None,
            MachineScope::Ids(ids) => {
                let ids = ids.iter().map(DeviceId::as_str).collect::<BTreeSet<_>>();
                Some(Expr::col((MACHINE.table, "id")).is_in(ids))
            }
            MachineScope::Tag { tag, is_prefix } => {
                let value = || Expr::col((MACHINE.strings_table, "value"));
                let is_tag =
                    if *is_prefix { filter::starts_with(value(), tag) } else { value().eq(fold(tag)) };
                let mut ids = sea_query::Query::select();
                ids.column((MACHINE.strings_table, "id"))
                    .from(MACHINE.strings_table)
                    .and_where(Expr::col((MACHINE.strings_table, "tenant")).eq(tenant))
                    .and_where(Expr::col((MACHINE.strings_table, "property")).eq("machineTags"))
                    .and_where(is_tag);
                Some(Expr::col((MACHINE.table, "id")).in_subquery(ids))
            }
        }
    }
}

fn severity(row: Row) -> Result<Severity, sqlx::Error> {
    let name: String = row.try_get(0)?;
    serde_json::from_value(name.into()).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
