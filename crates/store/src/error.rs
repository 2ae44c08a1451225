//! What can go wrong with the store.

use model::ErrorKind;
use sqlx::error::DatabaseError as _;
use sqlx::postgres::PgDatabaseError;
use sqlx::sqlite::SqliteError;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{entity} {id} does not exist")]
    NotFound { entity: &'static str, id: String },
    #[error("{entity} {id} is not in use any more")]
    Replaced { entity: &'static str, id: String },
    #[error("{entity} {id} exists already")]
    Exists { entity: &'static str, id: String },
    #[error("the {what} stays as it is: {reason}")]
    Refused { what: &'static str, reason: &'static str },
    #[error("{entity} {id} is not as it was when the change was decided upon")]
    Changed { entity: &'static str, id: String },
    #[error("the {what} cannot be used: {reason}")]
    Invalid { what: &'static str, reason: String },
    #[error("{entity} {id} is stored in a form that cannot be read")]
    Unreadable { entity: &'static str, id: String, source: serde_json::Error },
    #[error("{entity} {id} belongs to another tenant than the handle")]
    OtherTenant { entity: &'static str, id: String },
    #[error("cannot {doing}: the database is unavailable")]
    Unavailable { doing: &'static str, source: sqlx::Error },
    #[error("cannot {doing}: no space is left for the database")]
    NoSpace { doing: &'static str, source: sqlx::Error },
    #[error("cannot {doing}")]
    Failed { doing: &'static str, source: sqlx::Error },
}

impl StoreError {
    pub fn kind(&self) -> ErrorKind {
        match self {
            StoreError::NotFound { .. } => ErrorKind::NotFound,
            StoreError::Exists { .. }
            | StoreError::Replaced { .. }
            | StoreError::Changed { .. }
            | StoreError::Refused { .. } => ErrorKind::Conflict,
            StoreError::Invalid { .. } => ErrorKind::InvalidInput,
            StoreError::Unavailable { .. } | StoreError::NoSpace { .. } => ErrorKind::Unavailable,
            StoreError::Unreadable { .. } | StoreError::OtherTenant { .. } | StoreError::Failed { .. } => {
                ErrorKind::Internal
            }
        }
    }

    pub(crate) fn not_found(entity: &'static str, id: impl ToString) -> StoreError {
        StoreError::NotFound { entity, id: id.to_string() }
    }

    pub(crate) fn invalid(what: &'static str, reason: impl Into<String>) -> StoreError {
        StoreError::Invalid { what, reason: reason.into() }
    }
}

/// Says what was being done when the database refused it.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| {
        if is_full(&source) {
            StoreError::NoSpace { doing, source }
        } else if is_too_long(&source) {
            StoreError::invalid("text", "it is longer than an index of the database takes")
        } else if is_passing(&source) {
            StoreError::Unavailable { doing, source }
        } else {
            StoreError::Failed { doing, source }
        }
    }
}

/// As [`failed`], when adding the entity of that id collides with one that is there.
pub(crate) fn not_added(
    doing: &'static str,
    entity: &'static str,
    id: impl ToString,
) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |source| match source.as_database_error() {
        Some(error) if error.is_unique_violation() => StoreError::Exists { entity, id: id.to_string() },
        _ => failed(doing)(source),
    }
}

/// As [`failed`], when what a row has to belong to is not there.
pub(crate) fn without(parent: &'static str, id: impl ToString, error: StoreError) -> StoreError {
    match &error {
        StoreError::Failed { source, .. }
            if source.as_database_error().is_some_and(|error| error.is_foreign_key_violation()) =>
        {
            StoreError::not_found(parent, id)
        }
        _ => error,
    }
}

/// What the database says went wrong.
enum Said<'e> {
    /// SQLite's result code; the low byte of an extended one is the plain one.
    Sqlite(i64),
    /// PostgreSQL's state of five characters.
    Postgres(&'e str),
}

fn said(error: &sqlx::Error) -> Option<Said<'_>> {
    let error = error.as_database_error()?;
    if let Some(error) = error.try_downcast_ref::<PgDatabaseError>() {
        return Some(Said::Postgres(error.code()));
    }
    let code = error.try_downcast_ref::<SqliteError>()?.code()?.parse::<i64>().ok()?;
    Some(Said::Sqlite(code & 0xff))
}

fn is_full(error: &sqlx::Error) -> bool {
    matches!(said(error), Some(Said::Sqlite(13) | Said::Postgres("53100")))
}

/// Whether the same call may work later: the database is busy, going down or out of reach.
fn is_passing(error: &sqlx::Error) -> bool {
    const BUSY: i64 = 5;
    const LOCKED: i64 = 6;
    const IO: i64 = 10;
    const CANNOT_OPEN: i64 = 14;
    /// Connections, resources, the operator, the system, and what happens while a server becomes the first one: it
    /// only reads.
    const CLASSES: [&str; 4] = ["08", "53", "57", "58"];
    const STATES: [&str; 6] = ["25006", "25P03", "40001", "40P01", "55006", "55P03"];
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        error => match said(error) {
            Some(Said::Sqlite(code)) => matches!(code, BUSY | LOCKED | IO | CANNOT_OPEN),
            Some(Said::Postgres(state)) => {
                CLASSES.iter().any(|class| state.starts_with(class)) || STATES.contains(&state)
            }
            None => false,
        },
    }
}

/// An index of PostgreSQL does not hold texts of some thousand bytes.
fn is_too_long(error: &sqlx::Error) -> bool {
    matches!(said(error), Some(Said::Postgres("54000")))
}

#[cfg(test)]
mod tests {
    use sqlx::{Connection, SqliteConnection};

    use super::*;

    #[tokio::test]
    async fn a_database_without_room_is_told_apart() {
        let mut database = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        sqlx::query("CREATE TABLE t (x)").execute(&mut database).await.unwrap();
        sqlx::query("PRAGMA max_page_count = 3").execute(&mut database).await.unwrap();
        let add = sqlx::query("INSERT INTO t VALUES (zeroblob(100000))");
        let error = failed("add")(add.execute(&mut database).await.unwrap_err());
        assert!(matches!(error, StoreError::NoSpace { .. }), "{error:?}");
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let missing = sqlx::query("INSERT INTO u VALUES (1)").execute(&mut database).await.unwrap_err();
        assert!(matches!(failed("add")(missing), StoreError::Failed { .. }));
    }
}
