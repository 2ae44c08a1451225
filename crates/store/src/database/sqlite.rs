//! SQLite: a file beside the other files of a server.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqlitePool};

use super::migrations;
use crate::error::{StoreError, failed};

const READERS_MAX: u32 = 8;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
/// Rows that are read ahead of who asked: a connection has a thread, and the two wake each other less often.
const ROWS_AHEAD: usize = 512;

/// The connection that writes, and those that read.
pub(super) async fn open(path: &Path) -> Result<(SqlitePool, SqlitePool), StoreError> {
    create_private(path).await.map_err(|error| failed("create the file of the database")(error.into()))?;
    let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT);
    let options = options.row_buffer_size(ROWS_AHEAD);
    let write = options
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true);
    let writer = pool(1).connect_with(write).await.map_err(failed("open the database"))?;
    migrations::sqlite(&writer).await?;
    tracing::info!(path = %path.display(), "state store opened");
    Ok((writer, pool(READERS_MAX).connect_lazy_with(options.read_only(true))))
}

/// The database goes with its connection, so there is one for all.
pub(super) async fn open_in_memory() -> Result<SqlitePool, StoreError> {
    let options = SqliteConnectOptions::new().in_memory(true).foreign_keys(true);
    let writer = pool(1).connect_with(options).await.map_err(failed("open the database"))?;
    migrations::sqlite(&writer).await?;
    Ok(writer)
}

fn pool(connections_max: u32) -> SqlitePoolOptions {
    // A connection to a file does not age; ending one would drop its prepared statements.
    SqlitePoolOptions::new()
        .max_connections(connections_max)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(None)
        .idle_timeout(None)
        // A connection to a file does not go away either, and asking it costs as much as reading a row.
        .test_before_acquire(false)
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

#[cfg(test)]
mod tests {
    use crate::database::{Database, commit, query};

    #[tokio::test]
    async fn a_transaction_that_sqlite_undid_does_not_stop_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("state.db")).await.unwrap();
        for _ in 0..3 {
            let mut transaction = database.begin().await.unwrap();
            // What SQLite does when the disk is full.
            query("ROLLBACK").execute(&mut *transaction).await.unwrap();
            drop(transaction);
        }
        commit(database.begin().await.unwrap(), "commit").await.unwrap();
        database.close().await;
    }
}
