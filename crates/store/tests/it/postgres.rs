//! Databases of PostgreSQL, one for each test, in the server that `BARTIZAN_TEST_POSTGRES` names.

use std::str::FromStr;

use model::ErrorKind;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
use store::{PostgresAddress, Store, StoreError};

use crate::{ONE, add_machines, machine};

const VARIABLE: &str = "BARTIZAN_TEST_POSTGRES";

pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// None where there is no server, which is said.
    pub async fn create() -> Option<Database> {
        let Ok(server) = std::env::var(VARIABLE) else {
            eprintln!("skipped on PostgreSQL: {VARIABLE} is not set (scripts/postgres.sh starts a server)");
            return None;
        };
        let name = format!("bartizan_test_{}", uuid::Uuid::new_v4().simple());
        // Of a collation that is not that of bytes, which nothing may depend on.
        let create = format!(
            "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        );
        administer(&server, create).await;
        Some(Database { server, name })
    }

    pub fn address(&self) -> PostgresAddress {
        let (server, settings) = self.server.split_once('?').unwrap_or((&self.server, ""));
        PostgresAddress::parse(&format!("{server}?{settings}&dbname={}", self.name)).unwrap()
    }

    pub async fn open(&self) -> Store {
        Store::open_postgres(&self.address()).await.unwrap()
    }

    /// A connection beside those of the store.
    pub async fn connect(&self) -> PgConnection {
        let options = PgConnectOptions::from_str(&self.server).unwrap().database(&self.name);
        PgConnection::connect_with(&options).await.unwrap()
    }
}

async fn administer(server: &str, sql: String) {
    let mut connection = PgConnection::connect(server).await.unwrap();
    connection.execute(AssertSqlSafe(sql)).await.unwrap();
    connection.close().await.unwrap();
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(administer(&server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")));
        });
        let dropped = dropping.join();
        assert!(dropped.is_ok() || std::thread::panicking(), "the database of a test was not dropped");
    }
}

#[tokio::test]
async fn both_databases_have_the_same_tables_and_texts_compare_by_bytes() {
    let Some(database) = Database::create().await else { return };
    database.open().await.close().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    Store::open(&file).await.unwrap().close().await;
    let mut sqlite = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let mut postgres = database.connect().await;

    // Of each column its table, its name, whether it can be null, and its type.
    type Column = (String, String, bool, String);
    const OF_SQLITE: &str = "SELECT m.name, c.name, NOT c.\"notnull\", lower(c.type) FROM sqlite_master m \
                             JOIN pragma_table_info(m.name) c WHERE m.type = 'table' \
                             AND m.name NOT LIKE '\\_%' ESCAPE '\\' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2";
    const OF_POSTGRES: &str = "SELECT table_name::text, column_name::text, is_nullable = 'YES', \
                               data_type::text || CASE WHEN data_type = 'text' \
                               THEN ' ' || collation_name::text ELSE '' END \
                               FROM information_schema.columns WHERE table_schema = 'public' \
                               AND table_name NOT LIKE '\\_%' ORDER BY table_name COLLATE \"C\", column_name COLLATE \"C\"";
    let of_sqlite: Vec<Column> = sqlx::query_as(OF_SQLITE).fetch_all(&mut sqlite).await.unwrap();
    let of_postgres: Vec<Column> = sqlx::query_as(OF_POSTGRES).fetch_all(&mut postgres).await.unwrap();
    let expected: Vec<Column> = of_sqlite
        .into_iter()
        .map(|(table, name, is_nullable, kind)| {
            let kind = match kind.as_str() {
                "text" => "text C",
                "blob" => "bytea",
                other => other,
            };
            (table, name, is_nullable, kind.to_owned())
        })
        .collect();
    assert!(expected.len() > 300, "{}", expected.len());
    assert_eq!(of_postgres, expected);

    const INDEXES_OF_SQLITE: &str = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL \
                                     ORDER BY name";
    const INDEXES_OF_POSTGRES: &str = "SELECT indexname::text FROM pg_indexes WHERE schemaname = 'public' \
                                       AND indexname NOT LIKE '%_key' AND indexname NOT LIKE '%_pkey' \
                                       ORDER BY indexname COLLATE \"C\"";
    let of_sqlite: Vec<(String,)> = sqlx::query_as(INDEXES_OF_SQLITE).fetch_all(&mut sqlite).await.unwrap();
    let of_postgres: Vec<(String,)> =
        sqlx::query_as(INDEXES_OF_POSTGRES).fetch_all(&mut postgres).await.unwrap();
    let of_sqlite: Vec<_> = of_sqlite.into_iter().filter(|(name,)| !name.ends_with("_key")).collect();
    assert_eq!(of_postgres, of_sqlite);
    postgres.close().await.unwrap();
}

#[tokio::test]
async fn a_database_that_is_claimed_is_used_by_one() {
    let Some(database) = Database::create().await else { return };
    let first = Store::open_postgres(&database.address().claimed()).await.unwrap();
    let second = Store::open_postgres(&database.address().claimed()).await.unwrap_err();
    assert_eq!(second.to_string(), "the database stays as it is: another server is using it");
    first.close().await;
    Store::open_postgres(&database.address().claimed()).await.unwrap().close().await;
}

#[tokio::test]
async fn connections_that_were_cut_are_made_again() {
    const CUT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE datname = current_database() AND application_name = 'bartizan'";
    let Some(database) = Database::create().await else { return };
    let store = Store::open_postgres(&database.address().claimed()).await.unwrap();
    add_machines(&store, &[machine("pc1")]).await;
    store.tenant(ONE).machine_count(None).await.unwrap();
    let mut postgres = database.connect().await;
    let cut: Vec<(bool,)> = sqlx::query_as(CUT).fetch_all(&mut postgres).await.unwrap();
    assert!(cut.len() >= 2, "one that writes and one that reads");
    add_machines(&store, &[machine("pc2")]).await;
    assert_eq!(store.tenant(ONE).machine_count(None).await.unwrap(), 2);
    store.close().await;
    postgres.close().await.unwrap();
}

#[tokio::test]
async fn what_the_server_says_is_told_apart() {
    let Some(database) = Database::create().await else { return };
    let missing = format!("{}_missing", database.name);
    let missing = Database { name: missing, server: database.server.clone() };
    let error = Store::open_postgres(&missing.address()).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed { .. }), "{error:?}");
    std::mem::forget(missing);

    let nowhere = PostgresAddress::parse("postgres://b@localhost/b?host=/nowhere").unwrap();
    let error = Store::open_postgres(&nowhere).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");

    // No index has room for it.
    let store = database.open().await;
    let digits: String =
        (0..9_000u64).map(|at| format!("{:x}", at.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let error = store.tenant(ONE).commit_machines("test", 1, &[machine(&digits)]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the text cannot be used: it is longer than an index of the database takes"
    );
    assert_eq!(store.tenant(ONE).machine_count(None).await.unwrap(), 0, "a refusal has no effect");
    store.close().await;
}
