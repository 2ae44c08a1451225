//! The catalog of the lake: its files and how much of its log they hold. It spans all tenants.

use model::lake::{CatalogChange, CatalogState, DataFile, ProducerMark};
use model::{TenantId, Ticks};

use crate::database::{self, Row, Transaction, commit, uuid};
use crate::error::{failed, not_added};
use crate::{Store, StoreError};

const CHANGE: &str = "record a change of the lake's files";
const STATE: &str = "read the state of the lake";

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
            let query = database::query("DELETE FROM lake_files WHERE path = $1 AND removed IS NOT NULL");
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
        let files = database::query(FILES).try_map(data_file);
        let files = files.fetch_all(&mut *transaction).await.map_err(failed(STATE))?;
        let segment = database::query(SEGMENT).try_map(|row: Row| row.try_get("segment"));
        let segment: Option<i64> = segment.fetch_optional(&mut *transaction).await.map_err(failed(STATE))?;
        let producers = database::query(PRODUCERS).try_map(producer_mark);
        let producers = producers.fetch_all(&mut *transaction).await.map_err(failed(STATE))?;
        let sequences = database::query(SEQUENCES)
            .try_map(|row: Row| Ok((TenantId(uuid(row.try_get("tenant")?)?), row.try_get("sequence")?)));
        let sequences = sequences.fetch_all(&mut *transaction).await.map_err(failed(STATE))?;
        Ok(CatalogState { files, log_segment: segment.unwrap_or_default(), producers, sequences })
    }
}

async fn add_file(transaction: &mut Transaction, file: &DataFile) -> Result<(), StoreError> {
    const ADD: &str = "INSERT INTO lake_files (tenant, table_name, day, path, row_count, bytes, first_time, \
                       last_time, first_sequence, last_sequence, schema_version, checksums, index_bytes, level, \
                       added) \
                       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)";
    let added = database::query(ADD)
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
    let query = database::query("UPDATE lake_files SET removed = $1 WHERE path = $2 AND removed IS NULL");
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
        let query = database::query(SEGMENT).bind(segment);
        query.execute(&mut **transaction).await.map_err(failed(CHANGE))?;
    }
    for mark in &change.producers {
        let query = database::query(PRODUCER).bind(mark.tenant.to_string());
        let query = query.bind(&mark.producer).bind(mark.sequence);
        query.execute(&mut **transaction).await.map_err(failed(CHANGE))?;
    }
    for (tenant, sequence) in &change.sequences {
        let query = database::query(SEQUENCE).bind(tenant.to_string()).bind(sequence);
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
