//! PostgreSQL: a server of its own.
//!
//! - Transactions that write hold a lock of the database from their beginning on. They come one after the other, as with
//!   SQLite, however many processes there are: what one has read stays true until it commits, and numbers of the change
//!   feed become visible in their order. To retry those that conflict instead would ask every caller to be able to run
//!   its transaction twice.
//! - They see what was committed before each statement: the lock may be waited for, and what its last holder wrote has
//!   to be seen behind it.

use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{Connection as _, Executor as _, PgPool, Postgres, Transaction};

use super::address::PostgresAddress;
use super::migrations;
use crate::error::{StoreError, failed};

const OPEN: &str = "open the database";
const READERS_MAX: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(15);
/// Statements that a connection keeps prepared: all fixed ones, and some of those that are built.
const STATEMENTS_KEPT: usize = 400;
/// The first whose statements this crate uses.
const OLDEST: i64 = 150_000;

/// The names of locks: a number of this product, and what it is for.
const LOCK_WRITERS: &str = "SELECT pg_advisory_xact_lock(1650553444, 1)";
const LOCK_CLAIM: &str = "SELECT pg_advisory_lock(1650553444, 2)";

/// What holds for every connection. A server that went away without a word is noticed, and one that waits for us
/// does not for ever hold what others wait for. A commit is on disk when it is answered.
const EVERY: &str = "SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '60s'; \
                     SET tcp_keepalives_idle = '10s'; SET tcp_keepalives_interval = '5s'; \
                     SET tcp_keepalives_count = 4; \
                     SELECT set_config('synchronous_commit', 'on', false) \
                     WHERE current_setting('synchronous_commit') = 'off'";
const READING: &str = "SET default_transaction_read_only = on";

/// The connection that writes, and those that read.
pub(super) async fn open(address: &PostgresAddress) -> Result<(PgPool, PgPool), StoreError> {
    let is_claimed = address.is_claimed();
    let options = address.options().clone().application_name("bartizan");
    let options = options.statement_cache_capacity(STATEMENTS_KEPT);
    // Its claim ends with it, so it does not age.
    let writers = pool(1).max_lifetime(None).idle_timeout(None).after_connect(move |connection, _| {
        Box::pin(async move {
            connection.execute(EVERY).await?;
            if is_claimed {
                connection.execute(LOCK_CLAIM).await?;
            }
            Ok(())
        })
    });
    // Alone first: a pool would try again until its time is over, and not say what was wrong.
    let mut alone = PgConnection::connect_with(&options).await.map_err(failed(OPEN))?;
    alone.execute(EVERY).await.map_err(failed(OPEN))?;
    check(&mut alone).await?;
    if is_claimed {
        alone.execute(LOCK_CLAIM).await.map_err(not_claimed)?;
    }
    alone.close().await.map_err(failed(OPEN))?;
    let writer = writers.connect_with(options.clone()).await.map_err(failed(OPEN))?;
    migrations::postgres(&writer).await?;
    let readers = pool(READERS_MAX).after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute(EVERY).await?;
            connection.execute(READING).await.map(drop)
        })
    });
    tracing::info!(%address, "state store opened");
    Ok((writer, readers.connect_lazy_with(options)))
}

fn pool(connections_max: u32) -> PgPoolOptions {
    PgPoolOptions::new().max_connections(connections_max).acquire_timeout(ACQUIRE_TIMEOUT)
}

fn not_claimed(error: sqlx::Error) -> StoreError {
    const LOCK_NOT_AVAILABLE: &str = "55P03";
    match error.as_database_error().and_then(|error| error.code()) {
        Some(code) if code == LOCK_NOT_AVAILABLE => {
            StoreError::Refused { what: "database", reason: "another server is using it" }
        }
        _ => failed(OPEN)(error),
    }
}

/// Refuses servers and databases that would answer differently.
async fn check(connection: &mut PgConnection) -> Result<(), StoreError> {
    const SQL: &str = "SELECT CAST(current_setting('server_version_num') AS BIGINT), \
                       current_setting('server_encoding'), current_setting('fsync')";
    let found = sqlx::query_as(SQL).fetch_one(connection).await.map_err(failed(OPEN))?;
    let (version, encoding, fsync): (i64, String, String) = found;
    if version < OLDEST {
        let reason =
            format!("PostgreSQL {} or newer is needed, and it is {}", OLDEST / 10_000, version / 10_000);
        return Err(StoreError::invalid("database", reason));
    }
    if encoding != "UTF8" {
        return Err(StoreError::invalid(
            "database",
            format!("its encoding has to be UTF8, and is {encoding}"),
        ));
    }
    if fsync != "on" {
        tracing::warn!("the database server runs without fsync: what it acknowledged can be lost");
    }
    Ok(())
}

/// Waits until no other transaction writes.
pub(super) async fn begin_writing(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut transaction = pool.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
    sqlx::query(LOCK_WRITERS).execute(&mut *transaction).await?;
    Ok(transaction)
}

pub(super) async fn begin_reading(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
}

/// The text as it can be kept: there is no character NUL, and another one stands for it.
pub(super) fn text(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}
