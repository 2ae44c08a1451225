//! What is said about deleting rows of the lake: how long they are kept, and what is kept whatever that says.

use model::lake::{LegalHold, Policies, Retention};
use model::{TenantId, Ticks};

use crate::database::{self, Database, Row, uuid};
use crate::error::{failed, not_added};
use crate::{Store, StoreError, TenantStore};

const POLICIES: &str = "read what may be deleted from the lake";
const RETENTION: &str = "set how long rows are kept";
const HOLD: &str = "change a legal hold";

impl Store {
    /// What every tenant says about deleting rows.
    pub async fn lake_policies(&self) -> Result<Policies, StoreError> {
        policies(&self.db, "").await
    }
}

impl TenantStore {
    /// What the tenant says about deleting its rows: rules by table, holds by name.
    pub async fn lake_policies(&self) -> Result<Policies, StoreError> {
        policies(&self.db, &self.key).await
    }

    /// Keeps rows of a table, or of every table without a rule of its own, for so many days; for ever without
    /// days.
    pub async fn set_retention(&self, table: Option<&str>, days: Option<i64>) -> Result<(), StoreError> {
        const SET: &str = "INSERT INTO lake_retention (tenant, table_name, days) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, table_name) DO UPDATE SET days = excluded.days";
        const UNSET: &str = "DELETE FROM lake_retention WHERE tenant = $1 AND table_name = $2";
        let table = table.unwrap_or_default();
        let query = match days {
            Some(days) => database::query(SET).bind(&self.key).bind(table).bind(days),
            None => database::query(UNSET).bind(&self.key).bind(table),
        };
        query.execute(self.db.writer()).await.map_err(failed(RETENTION))?;
        Ok(())
    }

    /// Keeps a table, or every table, from being deleted until the hold is released.
    pub async fn add_hold(&self, hold: &LegalHold) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO lake_holds (tenant, name, table_name, reason, created) \
                           VALUES ($1, $2, $3, $4, $5)";
        let query = database::query(ADD).bind(&self.key).bind(&hold.name);
        let query = query.bind(hold.table.as_deref().unwrap_or_default()).bind(&hold.reason);
        let added = query.bind(hold.created.0).execute(self.db.writer()).await;
        added.map_err(not_added(HOLD, "legal hold", &hold.name))?;
        Ok(())
    }

    pub async fn release_hold(&self, name: &str) -> Result<(), StoreError> {
        let query = database::query("DELETE FROM lake_holds WHERE tenant = $1 AND name = $2");
        let released =
            query.bind(&self.key).bind(name).execute(self.db.writer()).await.map_err(failed(HOLD))?;
        if released.rows_affected() == 0 { Err(StoreError::not_found("legal hold", name)) } else { Ok(()) }
    }
}

/// The policies of a tenant; of all of them when it is empty.
async fn policies(db: &Database, tenant: &str) -> Result<Policies, StoreError> {
    const RULES: &str = "SELECT tenant, table_name, days FROM lake_retention WHERE $1 = '' OR tenant = $1 \
                         ORDER BY tenant, table_name";
    const HOLDS: &str = "SELECT tenant, name, table_name, reason, created FROM lake_holds \
                         WHERE $1 = '' OR tenant = $1 ORDER BY tenant, name";
    let mut transaction = db.begin_reading().await?;
    let retention = database::query(RULES).bind(tenant).try_map(|row: Row| {
        Ok(Retention {
            tenant: TenantId(uuid(row.try_get("tenant")?)?),
            table: table_of(row.try_get("table_name")?),
            days: row.try_get("days")?,
        })
    });
    let retention = retention.fetch_all(&mut *transaction).await.map_err(failed(POLICIES))?;
    let holds = database::query(HOLDS).bind(tenant).try_map(|row: Row| {
        Ok(LegalHold {
            tenant: TenantId(uuid(row.try_get("tenant")?)?),
            name: row.try_get("name")?,
            table: table_of(row.try_get("table_name")?),
            reason: row.try_get("reason")?,
            created: Ticks(row.try_get("created")?),
        })
    });
    let holds = holds.fetch_all(&mut *transaction).await.map_err(failed(POLICIES))?;
    Ok(Policies { retention, holds })
}

/// The table of a rule; the empty name stands for every table.
fn table_of(name: String) -> Option<String> {
    (!name.is_empty()).then_some(name)
}
