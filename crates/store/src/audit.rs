//! The audit log of a tenant. Records are added and never changed.

use model::Ticks;
use model::audit::{AuditEntry, AuditRecord, FIRST_HASH};

use crate::database::{self, Row, commit};
use crate::error::failed;
use crate::{StoreError, TenantStore};

const WRITE: &str = "write to the audit log";
const READ: &str = "read the audit log";

impl TenantStore {
    /// Adds a record behind the last one, and answers with it.
    pub async fn audit(&self, entry: &AuditEntry, at: Ticks) -> Result<AuditRecord, StoreError> {
        const LAST: &str = "SELECT sequence, hash FROM audit_log WHERE tenant = $1 \
                            ORDER BY sequence DESC LIMIT 1";
        const ADD: &str = "INSERT INTO audit_log (tenant, sequence, time, entry, previous, hash) \
                           VALUES ($1, $2, $3, $4, $5, $6)";
        let mut transaction = self.db.begin().await?;
        let last = database::query(LAST)
            .bind(&self.key)
            .try_map(|row: Row| Ok((row.try_get::<i64, _>("sequence")?, row.try_get::<String, _>("hash")?)))
            .fetch_optional(&mut *transaction)
            .await
            .map_err(failed(WRITE))?;
        let (sequence, hash) = last.unwrap_or((0, FIRST_HASH.to_owned()));
        let record = AuditRecord::after(sequence, &hash, at, entry);
        database::query(ADD)
            .bind(&self.key)
            .bind(record.sequence)
            .bind(record.time.0)
            .bind(&record.entry)
            .bind(&record.previous)
            .bind(&record.hash)
            .execute(&mut *transaction)
            .await
            .map_err(failed(WRITE))?;
        commit(transaction, WRITE).await?;
        Ok(record)
    }

    /// The records behind that sequence, the oldest first.
    pub async fn audit_records(&self, after: i64, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        const SQL: &str = "SELECT sequence, time, entry, previous, hash FROM audit_log \
                           WHERE tenant = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";
        let query = database::query(SQL).bind(&self.key).bind(after).bind(limit);
        query.try_map(record).fetch_all(self.db.readers()).await.map_err(failed(READ))
    }
}

fn record(row: Row) -> Result<AuditRecord, sqlx::Error> {
    Ok(AuditRecord {
        sequence: row.try_get("sequence")?,
        time: Ticks(row.try_get("time")?),
        entry: row.try_get("entry")?,
        previous: row.try_get("previous")?,
        hash: row.try_get("hash")?,
    })
}
