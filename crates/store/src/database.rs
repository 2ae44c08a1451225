//! The seam to the database: connections and transactions of either SQLite or PostgreSQL. What the two differ in is
//! here and below; everywhere else a statement is one text for both.

mod address;
mod migrations;
mod postgres;
mod query;
mod sqlite;

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool};
use uuid::Uuid;

pub use address::PostgresAddress;
pub(crate) use query::{Executor, Query, Row, delete, insert, query, select, select_fixed, update};

use crate::error::{StoreError, failed};
use crate::written::WrittenMachines;

/// Whoever asks whether the database answers does not wait for it to come back.
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// Connections of which one is lent for a statement.
#[derive(Clone, Debug)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
    /// Each statement is a transaction that waits for the others that write.
    PostgresWriter(PgPool),
}

/// A connection in a transaction.
pub(crate) enum Connection {
    Sqlite(sqlx::Transaction<'static, Sqlite>, Option<Writing>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

/// A transaction that may write, and by what number it is known to those who keep what they read.
pub(crate) struct Writing {
    written: Arc<WrittenMachines>,
    number: u64,
}

/// It is undone unless committed.
pub(crate) struct Transaction(Connection);

#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// Has one connection: transactions that write come one after the other, and waiting here is fair.
    writer: Pool,
    readers: Pool,
    /// None where other processes may write.
    written: Option<Arc<WrittenMachines>>,
}

impl Database {
    pub(crate) async fn open(path: &Path) -> Result<Database, StoreError> {
        let (writer, readers) = sqlite::open(path).await?;
        Ok(Database::of_sqlite(writer, readers))
    }

    pub(crate) async fn open_in_memory() -> Result<Database, StoreError> {
        let writer = sqlite::open_in_memory().await?;
        Ok(Database::of_sqlite(writer.clone(), writer))
    }

    fn of_sqlite(writer: SqlitePool, readers: SqlitePool) -> Database {
        let written = Some(Arc::default());
        Database { writer: Pool::Sqlite(writer), readers: Pool::Sqlite(readers), written }
    }

    pub(crate) async fn open_postgres(address: &PostgresAddress) -> Result<Database, StoreError> {
        let (writer, readers) = postgres::open(address).await?;
        let (writer, readers) = (Pool::PostgresWriter(writer), Pool::Postgres(readers));
        Ok(Database { writer, readers, written: None })
    }

    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let answer = query("SELECT MAX(id) FROM lake_log").execute(&self.readers);
        let answer = tokio::time::timeout(PING_TIMEOUT, answer).await;
        answer.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map(drop).map_err(failed("reach the database"))
    }

    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Begins a transaction that may write. It is undone unless committed.
    pub(crate) async fn begin(&self) -> Result<Transaction, StoreError> {
        let begun = match &self.writer {
            Pool::Sqlite(pool) => pool.begin_with("BEGIN IMMEDIATE").await.map(|transaction| {
                let written = self.written.clone();
                let writing = written.map(|written| Writing { number: written.begin(), written });
                Connection::Sqlite(transaction, writing)
            }),
            Pool::Postgres(pool) | Pool::PostgresWriter(pool) => {
                postgres::begin_writing(pool).await.map(Connection::Postgres)
            }
        };
        begun.map(Transaction).map_err(failed("begin a transaction"))
    }

    /// Begins a transaction whose reads see one state of the database.
    pub(crate) async fn begin_reading(&self) -> Result<Transaction, StoreError> {
        let begun = match &self.readers {
            Pool::Sqlite(pool) => pool.begin().await.map(|transaction| Connection::Sqlite(transaction, None)),
            Pool::Postgres(pool) | Pool::PostgresWriter(pool) => {
                postgres::begin_reading(pool).await.map(Connection::Postgres)
            }
        };
        begun.map(Transaction).map_err(failed("begin a transaction"))
    }

    pub(crate) fn writer(&self) -> &Pool {
        &self.writer
    }

    pub(crate) fn readers(&self) -> &Pool {
        &self.readers
    }

    /// What is kept of what was read, where something is.
    pub(crate) fn written(&self) -> Option<&WrittenMachines> {
        self.written.as_deref()
    }
}

impl Pool {
    async fn close(&self) {
        match self {
            Pool::Sqlite(pool) => pool.close().await,
            Pool::Postgres(pool) | Pool::PostgresWriter(pool) => pool.close().await,
        }
    }
}

impl Connection {
    /// Whether the database plans a statement by how frequent the very values in it are.
    pub(crate) fn plans_by_values(&self) -> bool {
        matches!(self, Connection::Postgres(_))
    }

    /// To be called before a machine is written.
    pub(crate) fn changes_machine(&self, tenant: &str, id: &str) {
        if let Connection::Sqlite(_, Some(writing)) = self {
            writing.written.change(tenant, id);
        }
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

pub(crate) async fn commit(transaction: Transaction, doing: &'static str) -> Result<(), StoreError> {
    let committed = match transaction.0 {
        Connection::Sqlite(transaction, writing) => {
            let committed = transaction.commit().await;
            if let (Some(writing), true) = (writing, committed.is_ok()) {
                writing.written.settle(writing.number);
            }
            committed
        }
        Connection::Postgres(transaction) => transaction.commit().await,
    };
    committed.map_err(failed(doing))
}

pub(crate) fn uuid(text: &str) -> Result<Uuid, sqlx::Error> {
    Uuid::parse_str(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
