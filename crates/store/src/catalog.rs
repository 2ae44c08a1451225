//! The catalog of the lake: its files, how much of its log they hold, and what may be deleted. It spans all
//! tenants.

use model::lake::{CatalogChange, CatalogState, DataFile, LegalHold, Policies, ProducerMark, Retention};
use model::{TenantId, Ticks};
use sqlx::Row as _;

use crate::database::{Row, Transaction, commit, uuid};
use crate::error::{failed, not_added};
use crate::{Store, StoreError, TenantStore};

const CHANGE: &str = "record a change of the lake's files";
const STATE: &str = "read the state of the lake";
const POLICIES: &str = "read what may be deleted from the lake";
const RETENTION: &str = "set how long rows are kept";
const HOLD: &str = "change a legal hold";

impl Store {
    /// Records a change whole or not at all. Marks only rise. A file that is there already, and one to be removed
    /// that is not listed any more, are conflicts.
    pub async fn commit_lake(&self, change: &CatalogChange) -> Result<(), StoreError> {
        let mut transaction = self.db.begin().await?;
        for (path, at) in &change.removed {
            remove_file(&mut transaction, path, *at).await?;
        }
        for file in &change.added {
            add_file(&mut transaction, file).await?;
        }
        for path in &change.purged {
            let query = sqlx::query("DELETE FROM lake_files WHERE path = $1 AND removed IS NOT NULL");
            query.bind(path).execute(&mut *transaction).await.map_err(failed(CHANGE))?;
        }
        raise_marks(&mut transaction, change).await?;
        commit(transaction, CHANGE).await
    }

    /// What the catalog holds: the beginning of everything before the first change. Files come by tenant, table
    /// and first sequence.
    pub async fn lake_state(&self) -> Result<CatalogState, StoreError> {
        const FILES: &str = "SELECT tenant, table_name, day, path, row_count, bytes, first_time, last_time, \
                             first_sequence, last_sequence, schema_version, checksums, index_bytes, level, added, \
                             removed \
                             FROM lake_files ORDER BY tenant, table_name, first_sequence, path";
        const SEGMENT: &str = "SELECT segment FROM lake_log WHERE id = 1";
        const PRODUCERS: &str =
            "SELECT tenant, producer, sequence FROM lake_producers ORDER BY tenant, producer";
        const SEQUENCES: &str = "SELECT tenant, sequence FROM lake_sequences ORDER BY tenant";
        let mut transaction = self.db.begin_reading().await?;
        let files = sqlx::query(FILES).try_map(data_file);
        let files = files.fetch_all(&mut *transaction).await.map_err(failed(STATE))?;
        let segment = sqlx::query(SEGMENT).try_map(|row: Row| row.try_get("segment"));
        let segment: Option<i64> = segment.fetch_optional(&mut *transaction).await.map_err(failed(STATE))?;
        let producers = sqlx::query(PRODUCERS).try_map(producer_mark);
        let producers = producers.fetch_all(&mut *transaction).await.map_err(failed(STATE))?;
        let sequences = sqlx::query(SEQUENCES)
            .try_map(|row: Row| Ok((TenantId(uuid(row.try_get("tenant")?)?), row.try_get("sequence")?)));
        let sequences = sequences.fetch_all(&mut *transaction).await.map_err(failed(STATE))?;
        Ok(CatalogState { files, log_segment: segment.unwrap_or_default(), producers, sequences })
    }

    /// What every tenant says about deleting rows.
    pub async fn lake_policies(&self) -> Result<Policies, StoreError> {
        const RULES: &str = "SELECT tenant, table_name, days FROM lake_retention ORDER BY tenant, table_name";
        const HOLDS: &str =
            "SELECT tenant, name, table_name, reason, created FROM lake_holds ORDER BY tenant, name";
        let mut transaction = self.db.begin_reading().await?;
        let retention = sqlx::query(RULES).try_map(|row: Row| {
            Ok(Retention {
                tenant: TenantId(uuid(row.try_get("tenant")?)?),
                table: table_of(row.try_get("table_name")?),
                days: row.try_get("days")?,
            })
        });
        let retention = retention.fetch_all(&mut *transaction).await.map_err(failed(POLICIES))?;
        let holds = sqlx::query(HOLDS).try_map(|row: Row| {
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
}

impl TenantStore {
    /// Keeps rows of a table, or of every table without a rule of its own, for so many days; for ever without
    /// days.
    pub async fn set_retention(&self, table: Option<&str>, days: Option<i64>) -> Result<(), StoreError> {
        const SET: &str = "INSERT INTO lake_retention (tenant, table_name, days) VALUES ($1, $2, $3) \
                           ON CONFLICT (tenant, table_name) DO UPDATE SET days = excluded.days";
        const UNSET: &str = "DELETE FROM lake_retention WHERE tenant = $1 AND table_name = $2";
        let table = table.unwrap_or_default();
        let query = match days {
            Some(days) => sqlx::query(SET).bind(&self.key).bind(table).bind(days),
            None => sqlx::query(UNSET).bind(&self.key).bind(table),
        };
        query.execute(self.db.writer()).await.map_err(failed(RETENTION))?;
        Ok(())
    }

    /// Keeps a table, or every table, from being deleted until the hold is released.
    pub async fn add_hold(&self, hold: &LegalHold) -> Result<(), StoreError> {
        const ADD: &str = "INSERT INTO lake_holds (tenant, name, table_name, reason, created) \
                           VALUES ($1, $2, $3, $4, $5)";
        let query = sqlx::query(ADD).bind(&self.key).bind(&hold.name);
        let query = query.bind(hold.table.as_deref().unwrap_or_default()).bind(&hold.reason);
        let added = query.bind(hold.created.0).execute(self.db.writer()).await;
        added.map_err(not_added(HOLD, "legal hold", &hold.name))?;
        Ok(())
    }

    pub async fn release_hold(&self, name: &str) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM lake_holds WHERE tenant = $1 AND name = $2");
        let released =
            query.bind(&self.key).bind(name).execute(self.db.writer()).await.map_err(failed(HOLD))?;
        if released.rows_affected() == 0 { Err(StoreError::not_found("legal hold", name)) } else { Ok(()) }
    }
}

async fn add_file(transaction: &mut Transaction, file: &DataFile) -> Result<(), StoreError> {
    const ADD: &str = "INSERT INTO lake_files (tenant, table_name, day, path, row_count, bytes, first_time, \
                       last_time, first_sequence, last_sequence, schema_version, checksums, index_bytes, level, \
                       added) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let added = sqlx::query(ADD)
        .bind(file.tenant.to_string())
        .bind(&file.table)
        .bind(file.day)
        .bind(&file.path)
        .bind(file.rows)
        .bind(file.bytes)
        .bind(file.first_time)
        .bind(file.last_time)
        .bind(file.first_sequence)
        .bind(file.last_sequence)
        .bind(file.schema_version)
        .bind(file.checksums.iter().flat_map(|sum| sum.to_le_bytes()).collect::<Vec<u8>>())
        .bind(file.index_bytes)
        .bind(file.level)
        .bind(file.added.0)
        .execute(&mut **transaction)
        .await;
    added.map_err(not_added(CHANGE, "file of the lake", &file.path))?;
    Ok(())
}

async fn remove_file(transaction: &mut Transaction, path: &str, at: Ticks) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE lake_files SET removed = $1 WHERE path = $2 AND removed IS NULL");
    let removed = query.bind(at.0).bind(path).execute(&mut **transaction).await.map_err(failed(CHANGE))?;
    if removed.rows_affected() == 0 { Err(StoreError::not_found("file of the lake", path)) } else { Ok(()) }
}

async fn raise_marks(transaction: &mut Transaction, change: &CatalogChange) -> Result<(), StoreError> {
    const SEGMENT: &str = "INSERT INTO lake_log (id, segment, byte_offset) VALUES (1, $1, 0) \
                           ON CONFLICT (id) DO UPDATE SET segment = excluded.segment \
                           WHERE excluded.segment > lake_log.segment";
    const PRODUCER: &str = "INSERT INTO lake_producers (tenant, producer, sequence) \
                            VALUES ($1, $2, $3) ON CONFLICT (tenant, producer) \
                            DO UPDATE SET sequence = excluded.sequence \
                            WHERE excluded.sequence > lake_producers.sequence";
    const SEQUENCE: &str = "INSERT INTO lake_sequences (tenant, sequence) VALUES ($1, $2) \
                            ON CONFLICT (tenant) DO UPDATE SET sequence = excluded.sequence \
                            WHERE excluded.sequence > lake_sequences.sequence";
    if let Some(segment) = change.log_segment {
        let query = sqlx::query(SEGMENT).bind(segment);
        query.execute(&mut **transaction).await.map_err(failed(CHANGE))?;
    }
    for mark in &change.producers {
        let query = sqlx::query(PRODUCER).bind(mark.tenant.to_string());
        let query = query.bind(&mark.producer).bind(mark.sequence);
        query.execute(&mut **transaction).await.map_err(failed(CHANGE))?;
    }
    for (tenant, sequence) in &change.sequences {
        let query = sqlx::query(SEQUENCE).bind(tenant.to_string()).bind(sequence);
        query.execute(&mut **transaction).await.map_err(failed(CHANGE))?;
    }
    Ok(())
}

fn data_file(row: Row) -> Result<DataFile, sqlx::Error> {
    Ok(DataFile {
        tenant: TenantId(uuid(row.try_get("tenant")?)?),
        table: row.try_get("table_name")?,
        day: row.try_get("day")?,
        path: row.try_get("path")?,
        rows: row.try_get("row_count")?,
        bytes: row.try_get("bytes")?,
        first_time: row.try_get("first_time")?,
        last_time: row.try_get("last_time")?,
        first_sequence: row.try_get("first_sequence")?,
        last_sequence: row.try_get("last_sequence")?,
        schema_version: row.try_get("schema_version")?,
        checksums: checksums(row.try_get("checksums")?),
        index_bytes: row.try_get("index_bytes")?,
        level: row.try_get("level")?,
        added: Ticks(row.try_get("added")?),
        removed: row.try_get::<Option<i64>, _>("removed")?.map(Ticks),
    })
}

fn checksums(bytes: Vec<u8>) -> Vec<u32> {
    let (sums, _) = bytes.as_chunks::<4>();
    sums.iter().map(|sum| u32::from_le_bytes(*sum)).collect()
}

fn producer_mark(row: Row) -> Result<ProducerMark, sqlx::Error> {
    Ok(ProducerMark {
        tenant: TenantId(uuid(row.try_get("tenant")?)?),
        producer: row.try_get("producer")?,
        sequence: row.try_get("sequence")?,
    })
}

/// The table of a rule; the empty name stands for every table.
fn table_of(name: String) -> Option<String> {
    (!name.is_empty()).then_some(name)
}
