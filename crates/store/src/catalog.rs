//! The catalog of the lake: its files, and how much of its log they hold. It spans all tenants.

use model::TenantId;
use sqlx::Row as _;

use crate::database::{Row, commit, uuid};
use crate::error::{failed, not_added};
use crate::{Store, StoreError};

/// One file of event rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LakeFile {
    pub tenant: TenantId,
    pub table: String,
    /// Days since 0001-01-01.
    pub day: i64,
    /// Unique in the lake.
    pub path: String,
    pub rows: i64,
    pub bytes: i64,
    /// The earliest time of a row, in ticks.
    pub first_time: Option<i64>,
    pub last_time: Option<i64>,
    pub first_sequence: i64,
    pub last_sequence: i64,
    pub schema_version: i64,
}

/// A place in the write-ahead log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition {
    pub segment: i64,
    pub offset: i64,
}

/// The highest sequence of a producer that is in files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerMark {
    pub tenant: TenantId,
    pub producer: String,
    pub sequence: i64,
}

/// What one flush adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlushCommit {
    pub files: Vec<LakeFile>,
    /// Everything before it is in files now.
    pub log_position: LogPosition,
    pub producers: Vec<ProducerMark>,
    /// The highest sequence of each tenant that is in files.
    pub sequences: Vec<(TenantId, i64)>,
}

/// How much of the log is in files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LakeState {
    pub log_position: LogPosition,
    pub producers: Vec<ProducerMark>,
    pub sequences: Vec<(TenantId, i64)>,
}

const FLUSH: &str = "record a flush of the lake";
const STATE: &str = "read the state of the lake";

impl Store {
    /// Every file of the lake, by tenant, table and first sequence.
    pub async fn lake_files(&self) -> Result<Vec<LakeFile>, StoreError> {
        const SQL: &str = "SELECT tenant, table_name, day, path, row_count, bytes, first_time, last_time, \
                           first_sequence, last_sequence, schema_version FROM lake_files \
                           ORDER BY tenant, table_name, first_sequence, path";
        let rows = sqlx::query(SQL).try_map(lake_file).fetch_all(self.db.readers()).await;
        rows.map_err(failed("list the files of the lake"))
    }

    /// Records a flush whole or not at all. Marks only rise; a file recorded before is a conflict.
    pub async fn commit_flush(&self, flush: &FlushCommit) -> Result<(), StoreError> {
        const FILE: &str = "INSERT INTO lake_files (tenant, table_name, day, path, row_count, bytes, \
                            first_time, last_time, first_sequence, last_sequence, schema_version) \
                            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        const POSITION: &str = "INSERT INTO lake_log (id, segment, byte_offset) VALUES (1, $1, $2) \
                                ON CONFLICT (id) DO UPDATE SET segment = excluded.segment, \
                                byte_offset = excluded.byte_offset \
                                WHERE excluded.segment > lake_log.segment \
                                OR (excluded.segment = lake_log.segment \
                                AND excluded.byte_offset > lake_log.byte_offset)";
        const PRODUCER: &str = "INSERT INTO lake_producers (tenant, producer, sequence) \
                                VALUES ($1, $2, $3) ON CONFLICT (tenant, producer) \
                                DO UPDATE SET sequence = excluded.sequence \
                                WHERE excluded.sequence > lake_producers.sequence";
        const SEQUENCE: &str = "INSERT INTO lake_sequences (tenant, sequence) VALUES ($1, $2) \
                                ON CONFLICT (tenant) DO UPDATE SET sequence = excluded.sequence \
                                WHERE excluded.sequence > lake_sequences.sequence";
        let mut transaction = self.db.begin().await?;
        for file in &flush.files {
            let added = sqlx::query(FILE)
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
                .execute(&mut *transaction)
                .await;
            added.map_err(not_added(FLUSH, "file of the lake", &file.path))?;
        }
        let LogPosition { segment, offset } = flush.log_position;
        let position = sqlx::query(POSITION).bind(segment).bind(offset);
        position.execute(&mut *transaction).await.map_err(failed(FLUSH))?;
        for mark in &flush.producers {
            let query = sqlx::query(PRODUCER).bind(mark.tenant.to_string());
            let query = query.bind(&mark.producer).bind(mark.sequence);
            query.execute(&mut *transaction).await.map_err(failed(FLUSH))?;
        }
        for (tenant, sequence) in &flush.sequences {
            let query = sqlx::query(SEQUENCE).bind(tenant.to_string()).bind(sequence);
            query.execute(&mut *transaction).await.map_err(failed(FLUSH))?;
        }
        commit(transaction, FLUSH).await
    }

    /// Where the last flush ended; the beginning of everything before the first one.
    pub async fn lake_state(&self) -> Result<LakeState, StoreError> {
        const POSITION: &str = "SELECT segment, byte_offset FROM lake_log WHERE id = 1";
        const PRODUCERS: &str =
            "SELECT tenant, producer, sequence FROM lake_producers ORDER BY tenant, producer";
        const SEQUENCES: &str = "SELECT tenant, sequence FROM lake_sequences ORDER BY tenant";
        let mut transaction = self.db.begin_reading().await?;
        let position = sqlx::query(POSITION).try_map(log_position);
        let position = position.fetch_optional(&mut *transaction).await.map_err(failed(STATE))?;
        let producers = sqlx::query(PRODUCERS).try_map(producer_mark);
        let producers = producers.fetch_all(&mut *transaction).await.map_err(failed(STATE))?;
        let sequences = sqlx::query(SEQUENCES)
            .try_map(|row: Row| Ok((TenantId(uuid(row.try_get("tenant")?)?), row.try_get("sequence")?)));
        let sequences = sequences.fetch_all(&mut *transaction).await.map_err(failed(STATE))?;
        Ok(LakeState { log_position: position.unwrap_or_default(), producers, sequences })
    }
}

fn lake_file(row: Row) -> Result<LakeFile, sqlx::Error> {
    Ok(LakeFile {
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
    })
}

fn log_position(row: Row) -> Result<LogPosition, sqlx::Error> {
    Ok(LogPosition { segment: row.try_get("segment")?, offset: row.try_get("byte_offset")? })
}

fn producer_mark(row: Row) -> Result<ProducerMark, sqlx::Error> {
    Ok(ProducerMark {
        tenant: TenantId(uuid(row.try_get("tenant")?)?),
        producer: row.try_get("producer")?,
        sequence: row.try_get("sequence")?,
    })
}
