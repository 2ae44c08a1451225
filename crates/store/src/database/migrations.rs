//! What brings the tables of a database up to date: the same steps under the same numbers for both.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{PgPool, SqlSafeStr, SqlitePool};

use crate::error::{StoreError, failed};

/// Number, what it is about, the text for SQLite and the one for PostgreSQL.
type Step = (i64, &'static str, &'static str, &'static str);

macro_rules! steps {
    ($($number:literal, $about:literal, $file:literal;)+) => {
        &[$((
            $number,
            $about,
            include_str!(concat!("../../migrations/sqlite/", $file)),
            include_str!(concat!("../../migrations/postgres/", $file)),
        )),+]
    };
}

/// Every migration, in order. A migration that was released never changes.
const STEPS: &[Step] = steps! {
    1, "first tables", "0001_first_tables.sql";
    2, "the life of the lake's files", "0002_lake_life.sql";
    3, "profiles", "0003_profiles.sql";
    10, "who reaches what", "0010_access.sql";
    20, "sign-in of users", "0020_sign_in.sql";
    21, "codes of sign-ins", "0021_codes_of_sign_ins.sql";
    30, "hunting functions", "0030_hunting_functions.sql";
    40, "entities and their changes", "0040_entities.sql";
    41, "calls that are made once", "0041_idempotency.sql";
    60, "actions on devices", "0060_actions.sql";
    61, "who asked to investigate", "0061_who_asked_to_investigate.sql";
    80, "the events of alerts", "0080_alert_reports.sql";
    90, "webhooks", "0090_webhooks.sql";
    100, "lists of indicators", "0100_indicator_lists.sql";
    110, "indexes of filters", "0110_indexes_of_filters.sql";
    111, "former secrets", "0111_former_secrets.sql";
    112, "more indexes of filters", "0112_more_indexes_of_filters.sql";
    113, "counts of entities", "0113_counts.sql";
};

pub(super) async fn sqlite(writer: &SqlitePool) -> Result<(), StoreError> {
    migrator(|(.., text, _)| text).run(writer).await.map_err(not_migrated)
}

pub(super) async fn postgres(writer: &PgPool) -> Result<(), StoreError> {
    migrator(|(.., text)| text).run(writer).await.map_err(not_migrated)
}

fn migrator(text: impl Fn(Step) -> &'static str) -> Migrator {
    let migrations = STEPS.iter().map(|&step| {
        let (number, about, ..) = step;
        let sql = text(step).into_sql_str();
        Migration::new(number, Cow::Borrowed(about), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(migrations.collect())
}

fn not_migrated(error: MigrateError) -> StoreError {
    failed("bring the tables of the database up to date")(sqlx::Error::Migrate(Box::new(error)))
}
