//! Connections: one that writes, several that read, and the migrations.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use sea_query::{
    DeleteStatement, InsertStatement, SelectStatement, SqliteQueryBuilder, UpdateStatement, Values,
};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, SqlSafeStr, SqlitePool};
use uuid::Uuid;

use crate::error::{StoreError, failed};

pub(crate) type Backend = sqlx::Sqlite;
pub(crate) type Row = sqlx::sqlite::SqliteRow;
pub(crate) type Connection = sqlx::SqliteConnection;
pub(crate) type Transaction = sqlx::Transaction<'static, Backend>;
type Query<'q> = sqlx::query::Query<'q, Backend, sqlx::sqlite::SqliteArguments>;

/// Every migration, in order. A migration that was released never changes.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "first tables", include_str!("../migrations/sqlite/0001_first_tables.sql")),
    (2, "the life of the lake's files", include_str!("../migrations/sqlite/0002_lake_life.sql")),
    (3, "profiles", include_str!("../migrations/sqlite/0003_profiles.sql")),
    (10, "who reaches what", include_str!("../migrations/sqlite/0010_access.sql")),
    (20, "sign-in of users", include_str!("../migrations/sqlite/0020_sign_in.sql")),
    (21, "codes of sign-ins", include_str!("../migrations/sqlite/0021_codes_of_sign_ins.sql")),
    (30, "hunting functions", include_str!("../migrations/sqlite/0030_hunting_functions.sql")),
    (40, "entities and their changes", include_str!("../migrations/sqlite/0040_entities.sql")),
    (41, "calls that are made once", include_str!("../migrations/sqlite/0041_idempotency.sql")),
    (60, "actions on devices", include_str!("../migrations/sqlite/0060_actions.sql")),
    (61, "who asked to investigate", include_str!("../migrations/sqlite/0061_who_asked_to_investigate.sql")),
    (80, "the events of alerts", include_str!("../migrations/sqlite/0080_alert_reports.sql")),
    (90, "webhooks", include_str!("../migrations/sqlite/0090_webhooks.sql")),
    (100, "lists of indicators", include_str!("../migrations/sqlite/0100_indicator_lists.sql")),
    (110, "indexes of filters", include_str!("../migrations/sqlite/0110_indexes_of_filters.sql")),
    (111, "former secrets", include_str!("../migrations/sqlite/0111_former_secrets.sql")),
];

const READERS_MAX: u32 = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// Has one connection: SQLite writes one transaction at a time, and waiting here is fair.
    writer: SqlitePool,
    readers: SqlitePool,
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Database, StoreError> {
        create_private(path)
            .await
            .map_err(|error| failed("create the file of the database")(error.into()))?;
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT);
        let write = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let open = failed("open the database");
        let writer = pool(1).connect_with(write).await.map_err(open)?;
        migrate(&writer).await?;
        tracing::info!(path = %path.display(), "state store opened");
        Ok(Database { writer, readers: pool(READERS_MAX).connect_lazy_with(options.read_only(true)) })
    }

    pub(crate) async fn open_in_memory() -> Result<Database, StoreError> {
        let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
        // The database goes with its connection, so there is one for all.
        let writer = pool(1).connect_with(options).await.map_err(failed("open the database"))?;
        migrate(&writer).await?;
        Ok(Database { readers: writer.clone(), writer })
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let answer = sqlx::query("SELECT MAX(id) FROM lake_log").execute(&self.readers).await;
        answer.map(drop).map_err(failed("reach the database"))
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Begins a transaction that may write. It is undone unless committed.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed("begin a transaction"))
    }

    /// Begins a transaction whose reads see one state of the database.
    pub(crate) async fn begin_reading(&self) -> Result<Transaction, StoreError> {
        self.readers.begin().await.map_err(failed("begin a transaction"))
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }
}

pub(crate) async fn commit(transaction: Transaction, doing: &'static str) -> Result<(), StoreError> {
    transaction.commit().await.map_err(failed(doing))
}

pub(crate) fn select(statement: &SelectStatement) -> Query<'static> {
    let (sql, values) = statement.build(SqliteQueryBuilder);
    // There are as many texts as filters: kept prepared, they would crowd out the fixed ones.
    bind(sql, values).persistent(false)
}

pub(crate) fn insert(statement: &InsertStatement) -> Query<'static> {
    let (sql, values) = statement.build(SqliteQueryBuilder);
    bind(sql, values)
}

pub(crate) fn update(statement: &UpdateStatement) -> Query<'static> {
    let (sql, values) = statement.build(SqliteQueryBuilder);
    bind(sql, values)
}

pub(crate) fn delete(statement: &DeleteStatement) -> Query<'static> {
    let (sql, values) = statement.build(SqliteQueryBuilder);
    bind(sql, values)
}

/// Safe because the builder writes the text from names declared in this crate and leaves values out of it.
fn bind(sql: String, values: Values) -> Query<'static> {
    use sea_query::Value;

    values.0.into_iter().fold(sqlx::query(AssertSqlSafe(sql)), |query, value| match value {
        Value::Bool(value) => query.bind(value),
        Value::Int(value) => query.bind(value),
        Value::BigInt(value) => query.bind(value),
        Value::BigUnsigned(value) => query.bind(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX))),
        Value::Double(value) => query.bind(value),
        Value::String(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        other => unreachable!("no statement of this crate has the value {other:?}"),
    })
}

pub(crate) fn uuid(text: &str) -> Result<Uuid, sqlx::Error> {
    Uuid::parse_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

fn pool(connections_max: u32) -> SqlitePoolOptions {
    // A connection to a file does not age; ending one would drop its prepared statements.
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout(None)
        // SQLite undoes a transaction by itself when the disk is full, and the driver still counts it: a connection
        // that is not used and seems to be in a transaction can begin none any more.
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }))
}

/// Creates the file before SQLite would, which gives its side files the same mode.
async fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    options.mode(0o600);
    let file = options.open(path).await?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).await?;
    }
    drop(file);
    Ok(())
}

async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let migrations = MIGRATIONS.iter().map(|&(version, description, sql)| {
        let description = Cow::Borrowed(description);
        Migration::new(version, description, MigrationType::Simple, sql.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(migrations.collect());
    migrator.run(writer).await.map_err(|error| {
        failed("bring the tables of the database up to date")(sqlx::Error::Migrate(Box::new(error)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_transaction_that_sqlite_undid_does_not_stop_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("state.db")).await.unwrap();
        for _ in 0..3 {
            let mut transaction = database.begin().await.unwrap();
            // What SQLite does when the disk is full.
            sqlx::query("ROLLBACK").execute(&mut *transaction).await.unwrap();
            drop(transaction);
        }
        commit(database.begin().await.unwrap(), "commit").await.unwrap();
        database.close().await;
    }
}
