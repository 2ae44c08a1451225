//! Databases of PostgreSQL, one for each test, in the server that `BARTIZAN_TEST_POSTGRES` names.

use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use store::PostgresAddress;

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
